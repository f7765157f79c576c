package iam

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

var simulateActions = map[string]action{
	"SimulateCustomPolicy":             on((*call).simulateCustomPolicy),
	"SimulatePrincipalPolicy":          on((*call).simulatePrincipalPolicy),
	"GetContextKeysForCustomPolicy":    on((*call).contextKeysForCustomPolicy),
	"GetContextKeysForPrincipalPolicy": on((*call).contextKeysForPrincipalPolicy),
}

type simulateInput struct {
	PermissionsBoundaryPolicyInputList []string `wire:"each.min=1,each.max=131072,each.pattern=LATIN1"`
	ActionNames                        []string `wire:"required,each.min=3,each.max=128"`
	ResourceArns                       []string `wire:"each.min=1,each.max=2048"`
	ResourcePolicy                     string   `wire:"min=1,max=131072,pattern=LATIN1"`
	ResourceOwner                      string   `wire:"min=1,max=2048"`
	CallerArn                          string   `wire:"min=1,max=2048"`
	ContextEntries                     []contextEntry
	ResourceHandlingOption             string `wire:"min=1,max=64"`
	pageInput
}

type contextEntry struct {
	ContextKeyName   string `wire:"min=5,max=256"`
	ContextKeyValues []string
	ContextKeyType   string `wire:"enum=string|stringList|numeric|numericList|boolean|booleanList|ip|ipList|binary|binaryList|date|dateList"`
}

type simulateCustomInput struct {
	anyInput
	PolicyInputList []string `wire:"required,each.min=1,each.max=131072,each.pattern=LATIN1"`
	simulateInput
}

type simulatePrincipalInput struct {
	PolicySourceArn string   `wire:"required,min=20,max=2048"`
	PolicyInputList []string `wire:"each.min=1,each.max=131072,each.pattern=LATIN1"`
	simulateInput
}

func (in *simulatePrincipalInput) target(*call) target { return target{arn: in.PolicySourceArn} }

type simulateOutput struct {
	EvaluationResults wire.List[*simulated]
	pageOutput
}

// simulated is the answer for one action on one resource.
type simulated struct {
	EvalActionName                    string
	EvalResourceName                  string
	EvalDecision                      string
	MatchedStatements                 wire.List[matchedStatement]
	MissingContextValues              wire.List[string]
	OrganizationsDecisionDetail       *organizationsDetail
	PermissionsBoundaryDecisionDetail *boundaryDetail
	EvalDecisionDetails               struct{}
	ResourceSpecificResults           wire.List[resourceResult] `wire:"omitempty"`
}

type (
	organizationsDetail struct{ AllowedByOrganizations bool }
	boundaryDetail      struct{ AllowedByPermissionsBoundary bool }
	textPosition        struct{ Line, Column int }
	matchedStatement    struct {
		SourcePolicyId   string
		SourcePolicyType string
		StartPosition    textPosition
		EndPosition      textPosition
	}
	resourceResult struct {
		EvalResourceName                  string
		EvalResourceDecision              string
		MatchedStatements                 wire.List[matchedStatement]
		MissingContextValues              wire.List[string]
		PermissionsBoundaryDecisionDetail *boundaryDetail
	}
)

// simulation is one call of the simulator.
type simulation struct {
	c        *call
	in       *simulateInput
	policies policy.Policies
	caller   policy.Principal
	source   *Role // of SimulatePrincipalPolicy
	context  policy.Context
}

func (c *call) simulateCustomPolicy(in *simulateCustomInput) (any, error) {
	s := &simulation{c: c, in: &in.simulateInput, caller: policy.Principal{Account: c.account, ARN: c.Principal.ARN}}
	if err := s.read(in.PolicyInputList); err != nil {
		return nil, err
	}
	return s.run(false)
}

func (c *call) simulatePrincipalPolicy(in *simulatePrincipalInput) (any, error) {
	s := &simulation{c: c, in: &in.simulateInput}
	source, err := c.policySource(in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	s.policies, s.caller, s.source = source.policies, source.principal, source.role
	if err := s.read(in.PolicyInputList); err != nil {
		return nil, err
	}
	return s.run(true)
}

// policySource is the user, group or role whose policies are asked about.
type policySource struct {
	policies  policy.Policies
	principal policy.Principal
	role      *Role
}

func (c *call) policySource(arn string) (*policySource, error) {
	a, err := aws.ParseARN(arn)
	kind, _, _ := strings.Cut(a.Resource, "/")
	if err != nil || a.Service != "iam" || kind != "user" && kind != "role" && kind != "group" {
		return nil, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	name := aws.NameIn(arn)
	switch kind {
	case "role":
		role, ok := RoleByARN(c.State, arn)
		if !ok {
			return nil, noRole(name)
		}
		p := &api.Principal{Type: api.AssumedRole, Account: role.Account, RoleName: role.Name, RoleID: role.ID, RoleARN: role.ARN(), UserID: role.ID}
		p.ARN = role.SessionARN("simulation")
		return &policySource{PoliciesOf(c.State, p), p.PolicyPrincipal(), role}, nil
	case "user":
		user, ok := UserByARN(c.State, arn)
		if !ok {
			return nil, noUser(name)
		}
		p := &api.Principal{Type: api.IAMUser, Account: user.Account, UserName: user.Name, ARN: user.ARN(), UserID: user.ID}
		return &policySource{PoliciesOf(c.State, p), p.PolicyPrincipal(), nil}, nil
	}
	group, ok := state.Get[*Group](c.State, nameKey(a.Account, name))
	if !ok || group.ARN() != arn {
		return nil, noGroup(name)
	}
	sets := policy.Policies{Identity: appendPolicies(c.State, nil, &group.Permissions)}
	return &policySource{sets, policy.Principal{Account: group.Account, ARN: arn}, nil}, nil
}

// read adds the policies, the caller and the context that the request gives.
func (s *simulation) read(list []string) error {
	for _, name := range s.in.ActionNames {
		if strings.Count(name, ":") != 1 || strings.HasPrefix(name, ":") || strings.HasSuffix(name, ":") {
			return invalidInput("%s is not a valid action name: write service:Action", name)
		}
	}
	for i, text := range list {
		n, err := simulatedPolicy(fmt.Sprintf("PolicyInputList.%d", i+1), policy.IdentityPolicy, text)
		if err != nil {
			return err
		}
		s.policies.Identity = append(s.policies.Identity, *n)
	}
	for i, text := range s.in.PermissionsBoundaryPolicyInputList {
		if i > 0 {
			return invalidInput("PermissionsBoundaryPolicyInputList can hold one policy only")
		}
		n, err := simulatedPolicy("PermissionsBoundaryPolicyInputList.1", policy.BoundaryPolicy, text)
		if err != nil {
			return err
		}
		s.policies.Boundary = n
	}
	if s.in.ResourcePolicy != "" {
		n, err := simulatedPolicy("ResourcePolicy", policy.ResourcePolicy, s.in.ResourcePolicy)
		if err != nil {
			return err
		}
		s.policies.Resource = n
	}
	if s.in.CallerArn != "" {
		caller, err := s.c.simulatedCaller(s.in.CallerArn)
		if err != nil {
			return err
		}
		s.caller = caller
	}
	s.context = policy.Context{}
	for _, e := range s.in.ContextEntries {
		if strings.HasSuffix(e.ContextKeyType, "List") {
			s.context.SetMulti(e.ContextKeyName, e.ContextKeyValues)
		} else if len(e.ContextKeyValues) > 0 {
			s.context.Set(e.ContextKeyName, e.ContextKeyValues[0])
		}
	}
	return nil
}

func simulatedPolicy(name string, as policy.SourceType, text string) (*policy.Named, error) {
	document, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, invalidInput("%s: %s", name, err)
	}
	return &policy.Named{Name: name, Type: as, Document: document}, nil
}

// simulatedCaller is the principal that CallerArn names.
func (c *call) simulatedCaller(arn string) (policy.Principal, error) {
	a, err := aws.ParseARN(arn)
	if err != nil {
		return policy.Principal{}, invalidInput("Invalid caller ARN: %s", arn)
	}
	switch kind, rest, _ := strings.Cut(a.Resource, "/"); kind {
	case "oidc-provider", "saml-provider":
		return policy.Principal{Account: a.Account, Federated: arn}, nil
	case "root":
		return policy.Principal{Account: a.Account, ARN: arn, Root: true}, nil
	case "role":
		p := policy.Principal{Account: a.Account, ARN: arn, RoleARN: arn}
		if role, ok := RoleByARN(c.State, arn); ok {
			p.UniqueID = role.ID
		}
		return p, nil
	case "assumed-role":
		p := policy.Principal{Account: a.Account, ARN: arn}
		name, _, _ := strings.Cut(rest, "/")
		if role, ok := RoleByName(c.State, a.Account, name); ok {
			p.RoleARN, p.UniqueID = role.ARN(), role.ID
		}
		return p, nil
	case "user":
		p := policy.Principal{Account: a.Account, ARN: arn}
		if user, ok := UserByARN(c.State, arn); ok {
			p.UniqueID = user.ID
		}
		return p, nil
	}
	return policy.Principal{Account: a.Account, ARN: arn}, nil
}

// mostMatched bounds the statements and keys that a page names. A page may be
// shorter than MaxItems: "IAM might return fewer than the MaxItems number of
// results, even when there are more results available" (API reference).
const mostMatched = 20_000

// run simulates every action on every resource, as far as a page goes.
func (s *simulation) run(organizations bool) (any, error) {
	resources := s.in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	limit := defaultPage
	if s.in.MaxItems != nil {
		limit = *s.in.MaxItems
	}
	first := 0
	if s.in.Marker != "" {
		last, ok := openMarker(s.in.Marker)
		n, err := strconv.Atoi(last)
		if !ok || err != nil || n < 0 || n >= len(s.in.ActionNames)*len(resources) {
			return nil, wire.ValidationError("Invalid Marker.")
		}
		first = n + 1
	}
	out := &simulateOutput{}
	named := 0
	for i := first; i < len(s.in.ActionNames)*len(resources); i++ {
		if len(out.EvaluationResults) == limit || named > mostMatched {
			out.pageOutput = pageOutput{IsTruncated: true, Marker: sealMarker(strconv.Itoa(i - 1))}
			break
		}
		r := s.one(s.in.ActionNames[i/len(resources)], resources[i%len(resources)])
		if organizations {
			r.OrganizationsDecisionDetail = &organizationsDetail{true}
		}
		named += len(r.MatchedStatements) + len(r.MissingContextValues)
		out.EvaluationResults = append(out.EvaluationResults, r)
	}
	return out, nil
}

// one simulates one action on one resource.
func (s *simulation) one(action, resource string) *simulated {
	sets, request := s.policies, policy.Request{Action: action, Resource: resource, Principal: s.caller, Context: s.context}
	sets.ResourceAccount = ownerOf(s.in.ResourceOwner)
	d, keys := s.decide(&sets, request)
	out := &simulated{
		EvalActionName: action, EvalResourceName: resource, EvalDecision: string(d.Outcome),
		MatchedStatements: matched(d), MissingContextValues: missing(sets, d, keys),
	}
	if sets.Boundary != nil {
		i := slices.IndexFunc(d.Policies, func(p policy.PolicyResult) bool { return p.Type == policy.BoundaryPolicy })
		out.PermissionsBoundaryDecisionDetail = &boundaryDetail{d.Policies[i].Outcome == policy.Allowed}
	}
	if resource != "*" {
		out.ResourceSpecificResults = wire.List[resourceResult]{{
			resource, out.EvalDecision, out.MatchedStatements, out.MissingContextValues, out.PermissionsBoundaryDecisionDetail,
		}}
	}
	return out
}

// matched are the statements that decided: those that allow, or those that deny.
func matched(d policy.Decision) wire.List[matchedStatement] {
	effect := map[policy.Outcome]string{policy.Allowed: "Allow", policy.ExplicitDeny: "Deny"}[d.Outcome]
	var out wire.List[matchedStatement]
	for _, p := range d.Policies {
		kind := "IAM Policy" // recorded for a managed policy
		switch p.Type {
		case policy.ResourcePolicy:
			kind = "Resource Policy"
		case policy.TrustPolicy:
			kind = "Trust Policy"
		}
		for _, s := range p.Statements {
			if !s.Applies || s.Effect != effect {
				continue
			}
			out = append(out, matchedStatement{
				SourcePolicyId: aws.NameIn(p.Name), SourcePolicyType: kind,
				// Recorded: a statement starts after its brace and ends after its last.
				StartPosition: textPosition{s.Start.Line, s.Start.Column + 1},
				EndPosition:   textPosition{s.End.Line, s.End.Column},
			})
		}
	}
	return out
}

// missing are the context keys that policies with a statement for the action
// ask for and the request does not give.
func missing(sets policy.Policies, d policy.Decision, given policy.Keys) wire.List[string] {
	documents := slices.Clone(sets.Identity)
	for _, n := range []*policy.Named{sets.Trust, sets.Resource, sets.Boundary} {
		if n != nil {
			documents = append(documents, *n)
		}
	}
	var out wire.List[string]
	for _, n := range documents {
		if n.Document == nil || !asks(d, n.Name) {
			continue
		}
		for _, key := range n.Document.ContextKeys() {
			if _, ok := given.Get(key); !ok && !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// asks tells whether the policy of that name has a statement for the action.
func asks(d policy.Decision, name string) bool {
	return slices.ContainsFunc(d.Policies, func(p policy.PolicyResult) bool {
		return p.Name == name && slices.ContainsFunc(p.Statements, func(s policy.StatementResult) bool { return s.ActionMatch })
	})
}
