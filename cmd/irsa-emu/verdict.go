package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

// question is what check is asked: may this identity assume that role?
type question struct {
	trustPolicy, role, account, sessionName string
	given                                   givenFlags
	who                                     identity
	now                                     time.Time
}

// reason is why a role may not be assumed, beside its trust policy.
type reason struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (r reason) text() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}

// tokenRefusal is a refused token as a reason: AWS's words, then what AWS does not say.
func tokenRefusal(err error) reason {
	var refused *oidc.TokenError
	if !errors.As(err, &refused) {
		return reason{Kind: "token", Message: err.Error()}
	}
	return reason{Kind: string(refused.Reason), Message: refused.Error(), Hint: refused.Hint}
}

// verdict is check's answer for one role. Its JSON is promised; see checkLong.
type verdict struct {
	Allowed  bool              `json:"allowed"`
	Role     string            `json:"role,omitempty"`
	Provider string            `json:"provider"`
	Issuer   string            `json:"issuer"`
	Subject  string            `json:"subject"`
	Audience string            `json:"audience"`
	Reason   *reason           `json:"reason,omitempty"`
	Place    string            `json:"place,omitempty"`
	Checks   []policy.Decision `json:"checks"`
	Notes    []string          `json:"notes,omitempty"`
}

// candidate is a role that is asked.
type candidate struct {
	arn, account string
	tags         []aws.Tag
	trust        *policy.Document
	name         string // of the trust policy, for the explanation
	place        string
	// provider is that of the token's issuer. Without an account's state it is
	// taken for granted.
	known    bool
	provider *statefile.OIDCProvider
	issuers  []string // of the account's providers
}

func (q *question) answer(p *program) ([]verdict, error) {
	switch {
	case q.trustPolicy == "" && len(q.given.paths) == 0:
		return nil, usageError("which role? write --trust-policy FILE, or --given FILE and --role NAME")
	case q.trustPolicy != "" && len(q.given.paths) > 0:
		return nil, usageError("--trust-policy and --given exclude each other; with --given, name the role by --role")
	case q.account != "" && !aws.IsAccount(q.account):
		return nil, usageError("--account %s: an account id is twelve digits, such as 111122223333", q.account)
	}
	var found *sources.Found
	var err error
	if q.trustPolicy == "" {
		if found, err = q.readGiven(p); err != nil {
			return nil, err
		}
	}
	claims, notes, err := q.who.read(p, q.now)
	if err != nil {
		return nil, err
	}
	var roles []candidate
	if found == nil {
		one, err := q.fromFile(p, claims)
		if err != nil {
			return nil, err
		}
		notes = append(notes, fmt.Sprintf("taken for granted: the provider of %s exists in account %s and %q is among its client ids", claims.Issuer, one.account, claims.Audience))
		roles = []candidate{one}
	} else if roles, err = q.fromGiven(found, claims); err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(roles))
	for i := range roles {
		verdicts[i] = roles[i].ask(claims, q.sessionName, q.now)
		verdicts[i].Notes = append(verdicts[i].Notes, notes...)
	}
	return verdicts, nil
}

// readGiven reads the state. The only cluster's issuer is the default one.
func (q *question) readGiven(p *program) (*sources.Found, error) {
	o, err := q.given.options(q.account, "")
	if err != nil {
		return nil, err
	}
	found, err := o.Read(q.given.paths...)
	if err != nil {
		return nil, unreadable(err)
	}
	if err := found.Validate(); err != nil {
		return nil, unreadable(err)
	}
	if q.who.issuer == "" && q.who.profile == "" && len(found.State.Clusters) == 1 {
		for _, cluster := range found.State.Clusters {
			if q.who.serviceAccount != "" || q.who.subject != "" {
				q.who.issuer = cluster.Issuer
			}
		}
	}
	return found, p.notes(found.Notes)
}

// fromFile is a role of which only the trust policy is known.
func (q *question) fromFile(p *program, claims *oidc.Claims) (candidate, error) {
	src, err := p.readInput(q.trustPolicy)
	if err != nil {
		return candidate{}, usageError("--trust-policy: %w", err)
	}
	doc, err := policy.ValidateTrust(src, policy.TrustOptions{})
	if err != nil {
		return candidate{}, usageError("%s", placed(q.trustPolicy, err))
	}
	c := candidate{trust: doc, name: q.trustPolicy, account: q.account}
	if strings.HasPrefix(q.role, "arn:") {
		c.arn = q.role
		if parts := strings.SplitN(q.role, ":", 6); c.account == "" && len(parts) == 6 {
			c.account = parts[4]
		}
	}
	if c.account == "" {
		c.account = federatedAccount(doc, claims.Issuer)
	}
	return c, nil
}

// fromGiven finds the roles that are asked.
func (q *question) fromGiven(found *sources.Found, claims *oidc.Claims) ([]candidate, error) {
	places := map[string]*sources.Policy{}
	for i := range found.Policies {
		if p := &found.Policies[i]; p.Type == policy.TrustPolicy {
			places[p.Account+"/"+strings.ToLower(p.Owner)] = p
		}
	}
	var roles []candidate
	var names []string
	for _, account := range sortedAccounts(found.State) {
		a := found.State.Accounts[account]
		provider, issuers := providerFor(a.OIDCProviders, claims.Issuer)
		for i := range a.Roles {
			r := &a.Roles[i]
			arn := "arn:aws:iam::" + account + ":role" + or(r.Path, "/") + r.Name
			names = append(names, arn)
			if q.role != "" && q.role != arn && (strings.HasPrefix(q.role, "arn:") || !strings.EqualFold(q.role, r.Name)) || q.account != "" && q.account != account {
				continue
			}
			doc, err := policy.Parse(r.TrustPolicy.Raw)
			if err != nil {
				return nil, usageError("role %s: %w", r.Name, err)
			}
			c := candidate{arn: arn, account: account, trust: doc, name: arn, known: true, provider: provider, issuers: issuers}
			for _, key := range sortedKeys(r.Tags) {
				c.tags = append(c.tags, aws.Tag{Key: key, Value: r.Tags[key]})
			}
			if p := places[account+"/"+strings.ToLower(r.Name)]; p != nil {
				c.place = p.Place(1, 1).String() + ": " + p.Address
			}
			roles = append(roles, c)
		}
	}
	switch {
	case len(names) == 0:
		return nil, usageError("--given: no role is in what was given")
	case len(roles) == 0:
		return nil, usageError("--role %s: no such role is given; there are: %s", q.role, strings.Join(firstFew(names), ", "))
	case q.role != "" && len(roles) > 1:
		return nil, usageError("--role %s: several accounts have it; write the ARN: %s", q.role, strings.Join(firstFew(names), ", "))
	}
	return roles, nil
}

// firstFew shortens a list for a message.
func firstFew(names []string) []string {
	const few = 10
	if len(names) <= few {
		return names
	}
	return append(slices.Clone(names[:few]), fmt.Sprintf("and %d more", len(names)-few))
}

func sortedAccounts(s statefile.State) []string { return sortedKeys(s.Accounts) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// providerFor finds the provider of an issuer, as IAM does: to the letter but
// for a port of 443.
func providerFor(list []statefile.OIDCProvider, issuer string) (found *statefile.OIDCProvider, issuers []string) {
	for i := range list {
		registered := strings.Replace(list[i].URL, ":443", "", 1)
		if registered == issuer {
			found = &list[i]
		}
		issuers = append(issuers, registered)
	}
	return found, issuers
}

// ask decides in the order in which the STS does.
func (c *candidate) ask(claims *oidc.Claims, sessionName string, now time.Time) verdict {
	provider := "arn:aws:iam::" + c.account + ":oidc-provider/" + strings.TrimPrefix(claims.Issuer, "https://")
	v := verdict{
		Allowed: true, Role: c.arn, Provider: provider, Issuer: claims.Issuer, Subject: claims.Subject, Audience: claims.Audience,
		Place: c.place, Checks: []policy.Decision{},
	}
	refuse := func(err error) {
		if err == nil {
			return
		}
		r := tokenRefusal(err)
		if v.Reason != nil {
			v.Notes = append(v.Notes, "beyond that: "+r.text())
			return
		}
		v.Allowed, v.Reason = false, &r
	}
	if c.known && c.provider == nil {
		refuse(oidc.NoProvider(claims.Issuer, c.issuers))
	}
	if c.arn != "" {
		refuse(claims.AuthorizeRole(c.arn))
	}
	ctx := sts.ContextKeys(sts.WebIdentity{
		Claims: claims, Provider: provider, RoleSessionName: sessionName, RoleARN: c.arn, RoleTags: c.tags, Now: now,
	})
	actions := []string{"sts:AssumeRoleWithWebIdentity"}
	if len(claims.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if claims.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		d := policy.Evaluate(policy.Policies{
			Trust: &policy.Named{Name: c.name, Type: policy.TrustPolicy, Document: c.trust}, ResourceAccount: c.account,
		}, policy.Request{Action: action, Resource: c.arn, Principal: policy.Principal{Account: c.account, Federated: provider}, Context: ctx})
		v.Checks = append(v.Checks, d)
		if !d.Allowed && v.Reason == nil {
			v.Allowed, v.Reason = false, &reason{Kind: "trust-policy", Message: "Not authorized to perform " + action + ": " + d.Reason}
			if len(d.Hints) > 0 {
				v.Reason.Hint = d.Hints[0].Message
			}
		}
	}
	if c.provider != nil {
		refuse(claims.CheckAudience(oidc.Provider{URL: claims.Issuer, ClientIDs: c.provider.ClientIDs}))
	}
	return v
}

// federatedAccount is the account that the policy itself names for the
// issuer, else for any provider.
func federatedAccount(doc *policy.Document, issuer string) string {
	account := ""
	for _, s := range doc.Statements {
		for _, principal := range s.Principals.Values {
			rest, ok := strings.CutPrefix(principal, "Federated: arn:aws:iam::")
			if !ok {
				continue
			}
			id, provider, ok := strings.Cut(rest, ":oidc-provider/")
			if ok && (account == "" || provider == strings.TrimPrefix(issuer, "https://")) {
				account = id
			}
		}
	}
	if account == "" {
		return aws.DefaultAccount
	}
	return account
}

// placed is err with the file, and the line and column if it knows them.
func placed(file string, err error) string {
	var syntax *policy.SyntaxError
	var invalid *policy.ValidationError
	switch {
	case errors.As(err, &invalid) && invalid.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", file, invalid.Line, invalid.Column, reason{Message: invalid.Message, Hint: invalid.Hint}.text())
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s: %s", file, reason{Message: invalid.Message, Hint: invalid.Hint}.text())
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s:%d:%d: %s", file, syntax.Line, syntax.Column, syntax.Message)
	}
	return file + ": " + err.Error()
}
