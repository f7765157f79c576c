package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/wire"
)

// question is what check is asked: may this identity assume that role?
type question struct {
	trustPolicy, role, account, sessionName string
	given                                   givenFlags
	who                                     identity
	seconds                                 int
	now                                     time.Time
	pods                                    podQuestion
	keys                                    requestKeys

	unknown []string // roles of which the trust policy is not known
}

// verdict is check's answer for one role. Its JSON is promised; see checkLong.
type verdict struct {
	Allowed  bool   `json:"allowed"`
	Role     string `json:"role,omitempty"`
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Audience string `json:"audience"`
	// Error is what AWS answers, Reason what AWS does not say.
	Error  *decision.Error   `json:"error,omitempty"`
	Reason *decision.Reason  `json:"reason,omitempty"`
	Beyond []decision.Reason `json:"beyond,omitempty"`
	Place  string            `json:"place,omitempty"`
	Checks []policy.Decision `json:"checks"`
	Notes  []string          `json:"notes,omitempty"`
	// Cluster, Association (where it is written) and TargetRole are of EKS Pod Identity.
	Cluster     string `json:"cluster,omitempty"`
	Association string `json:"association,omitempty"`
	TargetRole  string `json:"targetRole,omitempty"`
	// Shapes are the answers for both shapes of a subject of GitHub.
	Shapes []shape `json:"shapes,omitempty"`

	assumed int    // how many of the notes, the last ones, say what was taken for granted
	granted string // what was, because the sources do not hold it
}

// candidate is a role that is asked.
type candidate struct {
	arn   string // empty: not known
	name  string // of the trust policy, for the explanation
	place string
	view  sts.View
}

func (q *question) answer(p *program) ([]verdict, error) {
	switch {
	case q.trustPolicy == "" && len(q.given.paths) == 0:
		return nil, usageError("which role? write --trust-policy FILE, or --given FILE and --role NAME")
	case q.trustPolicy != "" && len(q.given.paths) > 0:
		return nil, usageError("--trust-policy and --given exclude each other; with --given, name the role by --role")
	case q.trustPolicy != "" && q.given.region != "":
		return nil, regionWithoutGiven()
	case q.account != "" && !aws.IsAccount(q.account):
		return nil, noAccount(q.account)
	}
	if q.pods.asked {
		v, err := q.podIdentity(p)
		return []verdict{v}, err
	}
	if err := q.pods.unasked(); err != nil {
		return nil, err
	}
	var found *sources.Found
	var trust *policy.Document
	var err error
	if q.trustPolicy == "" {
		if found, err = q.readGiven(p); err == nil {
			err = q.defaultIssuer(found)
		}
		if err == nil && q.who.needsIssuer() {
			_, err = q.fromGiven(found, "") // a role that is not there is why no issuer was found
		}
	} else {
		trust, err = q.readTrust(p)
	}
	if err != nil {
		return nil, err
	}
	if err := q.keys.into(policy.Context{}); err != nil {
		return nil, err
	}
	claims, err := q.who.read(p, q.now)
	if err != nil {
		return nil, err
	}
	var roles []candidate
	granted := ""
	if found == nil {
		one, account := q.fromFile(trust, claims)
		if claims.Issuer != "" {
			granted = fmt.Sprintf("taken for granted: the provider of %s exists in account %s and %q is among its client ids", claims.Issuer, account, claims.Audience)
		}
		roles = []candidate{one}
	} else if roles, err = q.fromGiven(found, claims.Audience); err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(roles))
	for i := range roles {
		if q.who.profile == gitHubImmutableProfile {
			if claims, err = q.immutable(p, &roles[i]); err != nil {
				return nil, err
			}
		}
		verdicts[i] = q.ask(&roles[i], claims)
		if q.bothShapes() {
			if err := q.askShapes(p, &roles[i], &verdicts[i]); err != nil {
				return nil, err
			}
		}
		if _, builtIn := aws.BuiltInProvider(verdicts[i].Provider); granted != "" && !builtIn {
			verdicts[i].Notes, verdicts[i].assumed, verdicts[i].granted = append(verdicts[i].Notes, granted), 1, granted
		}
	}
	return verdicts, nil
}

// readGiven reads the state.
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
	return found, p.notes(found.Notes)
}

// readTrust reads the trust policy, and with it the issuer if it names only one.
func (q *question) readTrust(p *program) (*policy.Document, error) {
	src, err := p.readTrustPolicy(q.trustPolicy)
	if err != nil {
		return nil, err
	}
	doc, err := policy.ValidateTrust(src, policy.TrustOptions{MaxSize: policy.MaxRaisedTrustSize})
	if err != nil {
		return nil, usageError("%s", placed(q.trustPolicy, err))
	}
	if q.who.needsIssuer() {
		return doc, q.who.chooseIssuer(q.trustPolicy, trustedIssuers(doc))
	}
	return doc, nil
}

// fromFile is a role of which only the trust policy is known.
func (q *question) fromFile(doc *policy.Document, claims *oidc.Unverified) (candidate, string) {
	role := &iam.Role{Account: q.account, Path: "/", MaxSessionDuration: math.MaxInt, Trust: iam.NewDocument(doc)}
	c := candidate{name: q.trustPolicy, view: &sts.GrantedView{Of: role, Audience: claims.Audience}}
	if strings.HasPrefix(q.role, "arn:") {
		c.arn = q.role
		if a, err := aws.ParseARN(q.role); err == nil {
			role.Account, role.Partition = cmp.Or(role.Account, a.Account), a.Partition
		}
	}
	trusted := federated(doc, claims.Issuer)
	role.Account, role.Partition = cmp.Or(role.Account, trusted.Account), cmp.Or(role.Partition, trusted.Partition)
	return c, role.Account
}

// fromGiven finds the roles that are asked.
func (q *question) fromGiven(found *sources.Found, audience string) ([]candidate, error) {
	places := map[string]*sources.Policy{}
	for i := range found.Policies {
		if p := &found.Policies[i]; p.Type == policy.TrustPolicy {
			places[p.Account+"/"+strings.ToLower(p.Owner)] = p
		}
	}
	view, err := sts.NewDocumentView(found.State)
	if err != nil {
		return nil, usageError("%w", err)
	}
	var roles []candidate
	var names []string
	for _, account := range sortedAccounts(found.State) {
		for _, role := range view.Roles(account) {
			arn := role.ARN()
			if names = append(names, arn); found.StandIns[arn] != "" {
				names[len(names)-1] += " (" + found.StandIns[arn] + ")"
			}
			if !q.asks(role.Name, arn, found.StandIns[arn]) || q.account != "" && q.account != account {
				continue
			}
			c := candidate{arn: arn, name: arn, view: &partialView{View: view, found: found, audience: audience}}
			if p := places[role.StateKey()]; p != nil {
				c.place = p.Place(1, 1).String() + ": " + p.Address
			}
			roles = append(roles, c)
		}
	}
	q.unknown = unknownRoles(found)
	switch {
	case len(roles) == 0 && q.role != "" && slices.ContainsFunc(q.unknown, q.asksARN):
		return nil, usageError("--role %s: its trust policy is not known from what was given; the notes say why", q.role)
	case len(names) == 0 && len(q.unknown) > 0:
		return nil, usageError("--given: no trust policy of a role is known; the notes say why: %s", strings.Join(firstFew(q.unknown), ", "))
	case len(names) == 0:
		return nil, usageError("--given: no role is in what was given")
	case len(roles) == 0:
		return nil, usageError("--role %s: no such role is given; there are: %s", q.role, strings.Join(firstFew(names), ", "))
	case q.role != "" && len(roles) > 1:
		return nil, usageError("--role %s: several accounts have it; write the ARN: %s", q.role, strings.Join(firstFew(names), ", "))
	}
	return roles, nil
}

// asks says whether --role is a role's name, ARN, or address in its source.
func (q *question) asks(name, arn, address string) bool {
	return q.role == "" || q.role == arn || q.role == address || !strings.HasPrefix(q.role, "arn:") && strings.EqualFold(q.role, name)
}

// asksARN is asks for a role of which the ARN without a path is known.
func (q *question) asksARN(arn string) bool {
	return strings.EqualFold(aws.NameIn(q.role), aws.NameIn(arn))
}

// unknownRoles are the roles whose trust policies are not known.
func unknownRoles(found *sources.Found) []string {
	var unknown []string
	for key := range found.LeftOut {
		if account, name, ok := strings.Cut(key, "/"); ok && aws.IsAccount(account) {
			unknown = append(unknown, aws.RoleARN(found.State.Partition(account, aws.DefaultAccount), account, "", name))
		}
	}
	slices.Sort(unknown)
	return unknown
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

// ask has the STS's own judge decide. It knows no signature.
func (q *question) ask(c *candidate, claims *oidc.Unverified) verdict {
	request := api.Request{Call: new(wire.Call), Now: q.now}
	keys := policy.Context{}
	if err := q.keys.into(keys); err != nil {
		panic(err) // answer took them
	}
	judged := sts.Judge(context.Background(), c.view, oidc.NotChecked, q.now, sts.WebIdentityCall{
		RoleARN: c.arn, PolicyName: c.name, RoleSessionName: q.sessionName, Claims: claims, Seconds: q.seconds, Keys: keys, More: request.Keys(),
	})
	granted := ""
	if partial, ok := c.view.(*partialView); ok && partial.granted != "" {
		judged.Notes, granted = append(judged.Notes, partial.granted), partial.granted
	}
	v := verdict{
		Allowed: judged.Allowed(), Role: c.arn, Provider: judged.Provider,
		Issuer: claims.Issuer, Subject: claims.Subject, Audience: claims.Audience,
		Error: judged.Error(), Reason: judged.Reason(), Beyond: judged.Beyond,
		Place: c.place, Checks: []policy.Decision{}, Notes: append(q.who.note(), judged.Notes...), granted: granted,
	}
	for _, check := range judged.Checks {
		v.Checks = append(v.Checks, check.Decision)
	}
	for _, key := range openKeys(v.Checks) {
		v.Notes = append(v.Notes, fmt.Sprintf("the request is taken to have no %s; --context %s=VALUE gives it", key, key))
	}
	return v
}

// federated is account and partition of the provider that the policy itself names
// for the issuer, else of any provider, else those of the defaults.
func federated(doc *policy.Document, issuer string) aws.ARN {
	found := aws.ARN{Account: aws.DefaultAccount, Partition: aws.DefaultPartition}
	named := false
	for _, s := range doc.Statements {
		for _, principal := range s.Principals.Values {
			a, err := aws.ParseARN(principal.Value)
			provider, ok := a.Named("iam", "oidc-provider")
			if principal.Type == policy.PrincipalFederated && err == nil && ok && (!named || provider == aws.IssuerName(issuer)) {
				found, named = a, true
			}
		}
	}
	return found
}

// placed is err with the file, and the line and column if it knows them.
func placed(file string, err error) string {
	var syntax *policy.SyntaxError
	var invalid *policy.ValidationError
	switch {
	case errors.As(err, &invalid) && invalid.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", file, invalid.Line, invalid.Column, hint.Sentence(invalid.Message, invalid.Hint.String()))
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s: %s", file, hint.Sentence(invalid.Message, invalid.Hint.String()))
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s:%d:%d: %s", file, syntax.Line, syntax.Column, syntax.Message)
	}
	return file + ": " + err.Error()
}

// tokenText is a refused token in one line: AWS's words, then what AWS does not say.
func tokenText(err error) string {
	var refused *oidc.TokenError
	if !errors.As(err, &refused) {
		return err.Error()
	}
	return hint.Sentence(refused.Error(), refused.Hint.String())
}
