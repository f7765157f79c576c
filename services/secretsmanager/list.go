package secretsmanager

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

type listSecretsInput struct {
	IncludePlannedDeletion bool
	MaxResults             *int     `wire:"min=1,max=100"`
	NextToken              string   `wire:"min=1,max=4096"`
	Filters                []filter `wire:"max=10"`
	SortOrder              string   `wire:"enum=asc|desc"`
	SortBy                 string   `wire:"enum=created-date|last-accessed-date|last-changed-date|name"`
}

type listSecretsOutput struct {
	SecretList []description
	NextToken  string `json:",omitempty"`
}

func (s *Service) listSecrets(req *api.Request) (any, error) {
	var in listSecretsInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := authorizeAny(req); err != nil {
		return nil, err
	}
	found, err := matching(req, in.Filters, in.IncludePlannedDeletion)
	if err != nil {
		return nil, err
	}
	order(found, in.SortBy, in.SortOrder)
	limit := 100
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	page, next, err := paginate(found, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	out := listSecretsOutput{SecretList: make([]description, len(page)), NextToken: next}
	for i, secret := range page {
		out.SecretList[i] = secret.describe()
		out.SecretList[i].SecretVersionsToStages = secret.labelled()
	}
	return out, nil
}

// matching lists the account's secrets of the call's region that meet all filters, oldest first.
func matching(req *api.Request, filters []filter, planned bool) ([]*Secret, error) {
	for i := range filters {
		if err := filters[i].check(i); err != nil {
			return nil, err
		}
	}
	found := []*Secret{}
	for secret := range state.All[*Secret](req.State, stateKey(req.Principal.Account, req.Region, "")) {
		if secret.gone(req.Now) || !planned && !secret.Deleted.IsZero() {
			continue
		}
		if !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(secret) }) {
			found = append(found, secret)
		}
	}
	order(found, "", "")
	return found, nil
}

// order sorts by the date of creation unless told otherwise, ascending unless
// told otherwise (seen in moto's tests that were run on AWS).
func order(secrets []*Secret, by, direction string) {
	slices.SortStableFunc(secrets, func(a, b *Secret) int {
		var c int
		switch by {
		case "name":
			c = cmp.Compare(a.Name, b.Name)
		case "last-accessed-date":
			c = a.Accessed.Compare(b.Accessed)
		case "last-changed-date":
			c = a.Changed.Compare(b.Changed)
		default:
			c = a.Created.Compare(b.Created)
		}
		if direction == "desc" {
			return -c
		}
		return c
	})
}

// paginate gives one page of a list and the token of the next. A token says
// how many entries were given before.
func paginate[T any](list []T, token string, limit int) (page []T, next string, err error) {
	from := 0
	if token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(text))
		}
		if err != nil || from < 0 {
			return nil, "", api.Fail(http.StatusBadRequest, "InvalidNextTokenException", "Invalid Token")
		}
	}
	from = min(from, len(list))
	to := min(from+limit, len(list))
	if to < len(list) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return list[from:to], next, nil
}
