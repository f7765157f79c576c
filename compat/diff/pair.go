package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// pair is one question: policies and a request. Its JSON is that of judged.json.
type pair struct {
	Principal       principal         `json:"principal"`
	Action          string            `json:"action"`
	Resource        string            `json:"resource"`
	ResourceAccount string            `json:"resourceAccount"`
	Context         map[string]values `json:"context,omitempty"`
	Identity        []document        `json:"identity,omitempty"`
	Boundary        *document         `json:"boundary,omitempty"`
	Session         *document         `json:"session,omitempty"`
	ResourcePolicy  *document         `json:"resourcePolicy,omitempty"`
	Trust           *document         `json:"trust,omitempty"`
}

// principal is who asks, in the form of the kind that is set.
type principal struct {
	User      string `json:"user,omitempty"`    // ARN
	Session   string `json:"session,omitempty"` // ARN
	Role      string `json:"role,omitempty"`    // ARN of the session's role
	Federated string `json:"federated,omitempty"`
	Service   string `json:"service,omitempty"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

// values are a text, or a list for a multivalued key.
type values struct {
	list  []string
	multi bool
}

func (v values) MarshalJSON() ([]byte, error) {
	if v.multi {
		return json.Marshal(v.list)
	}
	return json.Marshal(v.list[0])
}

func (v *values) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		v.multi = true
		return json.Unmarshal(b, &v.list)
	}
	v.list = make([]string, 1)
	return json.Unmarshal(b, &v.list[0])
}

type document struct {
	Version   string      `json:",omitempty"`
	Statement []statement `json:""`
}

type statement struct {
	Effect       string                         `json:""`
	Principal    principals                     `json:",omitempty"`
	NotPrincipal principals                     `json:",omitempty"`
	Action       []string                       `json:",omitempty"`
	NotAction    []string                       `json:",omitempty"`
	Resource     []string                       `json:",omitempty"`
	NotResource  []string                       `json:",omitempty"`
	Condition    map[string]map[string][]string `json:",omitempty"`
}

// principals are lists by type; the type "*" is the bare star.
type principals map[string][]string

func (p principals) MarshalJSON() ([]byte, error) {
	if _, star := p["*"]; star {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string][]string(p))
}

func (p *principals) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		*p = principals{"*": nil}
		return nil
	}
	var m map[string][]string
	err := json.Unmarshal(b, &m)
	*p = m
	return err
}

// clone is a deep copy, by way of JSON.
func (p *pair) clone() *pair {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	var c pair
	if err := json.Unmarshal(b, &c); err != nil {
		panic(fmt.Sprintf("%v: %s", err, b))
	}
	return &c
}

// Answers of both engines.
const (
	allowed  = "Allowed"
	implicit = "ImplicitlyDenied"
	explicit = "ExplicitlyDenied"
)

// ours is what package policy decides.
func (p *pair) ours() string {
	in := policy.Policies{ResourceAccount: p.ResourceAccount}
	parse := func(d *document, kind policy.SourceType) (*policy.Named, error) {
		src, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		doc, err := policy.Parse(src)
		return &policy.Named{Name: string(kind), Type: kind, Document: doc}, err
	}
	for i := range p.Identity {
		n, err := parse(&p.Identity[i], policy.IdentityPolicy)
		if err != nil {
			return "error " + err.Error()
		}
		in.Identity = append(in.Identity, *n)
	}
	for _, one := range []struct {
		from *document
		kind policy.SourceType
		to   **policy.Named
	}{
		{p.Boundary, policy.BoundaryPolicy, &in.Boundary}, {p.ResourcePolicy, policy.ResourcePolicy, &in.Resource}, {p.Trust, policy.TrustPolicy, &in.Trust},
	} {
		if one.from == nil {
			continue
		}
		n, err := parse(one.from, one.kind)
		if err != nil {
			return "error " + err.Error()
		}
		*one.to = n
	}
	if p.Session != nil {
		n, err := parse(p.Session, policy.SessionPolicy)
		if err != nil {
			return "error " + err.Error()
		}
		in.Session, in.HasSession = []policy.Named{*n}, true
	}
	ctx := policy.Context{}
	for key, v := range p.Context {
		if v.multi {
			ctx.SetMulti(key, v.list)
		} else {
			ctx.Set(key, v.list[0])
		}
	}
	d := policy.Evaluate(in, policy.Request{Action: p.Action, Resource: p.Resource, Principal: p.caller(), Context: ctx})
	return map[policy.Outcome]string{policy.Allowed: allowed, policy.ImplicitDeny: implicit, policy.ExplicitDeny: explicit}[d.Outcome]
}

func (p *pair) caller() policy.Principal {
	who := p.Principal
	arn := who.User + who.Session
	out := policy.Principal{ARN: arn, RoleARN: who.Role, Federated: who.Federated, Service: who.Service, Anonymous: who.Anonymous}
	if parts := strings.Split(arn+who.Federated, ":"); len(parts) > 4 {
		out.Account = parts[4]
	}
	out.Root = strings.HasSuffix(arn, ":root")
	return out
}

// theirs is the request as iam-simulate takes it.
func (p *pair) theirs() ([]byte, error) {
	type named struct {
		Name   string    `json:"name"`
		Policy *document `json:"policy"`
	}
	var who any = p.Principal.User + p.Principal.Session + p.Principal.Federated + p.Principal.Service
	if p.Principal.Anonymous {
		who = map[string]string{"type": "Anonymous"}
	}
	if p.Context == nil {
		p.Context = map[string]values{}
	}
	simulation := map[string]any{
		"request": map[string]any{
			"principal": who, "action": p.Action, "contextVariables": p.Context,
			"resource": map[string]string{"resource": p.Resource, "accountId": p.ResourceAccount},
		},
	}
	identity := []named{}
	for i := range p.Identity {
		identity = append(identity, named{fmt.Sprintf("p%d", i), &p.Identity[i]})
	}
	simulation["identity"] = identity
	for name, d := range map[string]*document{"boundary": p.Boundary, "session": p.Session, "resource": p.ResourcePolicy} {
		if d != nil {
			simulation[name] = named{name, d}
		}
	}
	if p.Trust != nil {
		simulation["resource"] = named{"trust", p.Trust}
	}
	return json.Marshal(simulation)
}
