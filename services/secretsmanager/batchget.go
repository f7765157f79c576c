package secretsmanager

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
)

type batchGetSecretValueInput struct {
	SecretIdList []string `wire:"min=1,max=20"`
	Filters      []filter `wire:"max=10"`
	MaxResults   *int     `wire:"min=1,max=20"`
	NextToken    string   `wire:"min=1,max=4096"`
}

type batchGetSecretValueOutput struct {
	SecretValues []*secretValue
	Errors       []batchError
	NextToken    string `json:",omitempty"`
}

type batchError struct {
	SecretId  string
	ErrorCode string
	Message   string
}

// batchGetSecretValue needs secretsmanager:BatchGetSecretValue on "*", with
// filters also secretsmanager:ListSecrets, and GetSecretValue for every secret
// (API reference); a secret that may not be read is an entry of Errors.
func (s *Service) batchGetSecretValue(req *api.Request) (any, error) {
	var in batchGetSecretValueInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := authorizeAny(req); err != nil {
		return nil, err
	}
	switch {
	case (len(in.SecretIdList) > 0) == (len(in.Filters) > 0):
		return nil, invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	case in.MaxResults != nil && len(in.Filters) == 0:
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	out := batchGetSecretValueOutput{SecretValues: []*secretValue{}, Errors: []batchError{}}
	ids := in.SecretIdList
	if len(in.Filters) > 0 {
		if d := req.Authorize(api.Access{Action: "secretsmanager:ListSecrets", Resource: "*"}); !d.Allowed {
			return nil, denied(req, d, "secretsmanager:ListSecrets", "")
		}
		found, err := matching(req, in.Filters, false)
		if err != nil {
			return nil, err
		}
		limit := 20
		if in.MaxResults != nil {
			limit = *in.MaxResults
		}
		page, next, err := paginate(found, in.NextToken, limit)
		if err != nil {
			return nil, err
		}
		out.NextToken = next
		for _, secret := range page {
			ids = append(ids, secret.ARN())
		}
	}
	for _, id := range slices.Compact(ids) {
		v, err := s.readOne(req, id)
		if err != nil {
			f := api.RefusalOf(s.description, err)
			if f.Cause != nil {
				return nil, err
			}
			out.Errors = append(out.Errors, batchError{id, f.Wire.Code, f.Wire.Message})
			continue
		}
		out.SecretValues = append(out.SecretValues, v)
	}
	return out, nil
}

// readOne is one GetSecretValue of a batch.
func (s *Service) readOne(req *api.Request, id string) (*secretValue, error) {
	p, err := locate(id, req.Principal.Account, req.Region)
	if err != nil {
		return nil, err
	}
	in := getSecretValueInput{SecretId: id}
	secret, found := p.find(req.State, req.Region, req.Now)
	keys := in.keys()
	keys.Set("secretsmanager:SecretId", id)
	if err := authorize(req, "secretsmanager:GetSecretValue", id, p, secret, keys); err != nil {
		return nil, err
	}
	if !found {
		return nil, notFound()
	}
	return s.read(req, secret, in)
}
