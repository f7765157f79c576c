package prove

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// CallerKind is a kind of caller that a trust policy names by itself.
type CallerKind string

// Kinds of callers.
const (
	AccountCaller CallerKind = "account" // whom the account's administrators let do it
	RoleCaller    CallerKind = "role"
	UserCaller    CallerKind = "user" // or a session, or a federated user
	ServiceCaller CallerKind = "service"
	SAMLCaller    CallerKind = "saml"
	AnyCaller     CallerKind = "anyone" // in any account
)

// Caller is a principal of a trust policy that is no OIDC provider.
type Caller struct {
	Kind CallerKind
	// Name is the account's number, an ARN, a service, a unique id, or *.
	Name string
}

// Callers lists the principals of a role's Allow statements but OIDC providers,
// each once, in the order of the text. Those of another partition than the role's are
// nobody.
func (r *Role) Callers() []Caller {
	var out []Caller
	for _, p := range r.Trust.Document.NamedPrincipals() {
		c, ok := callerOf(p)
		if ok && aws.SamePartition(p.Value, r.ARN) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func callerOf(p policy.NamedPrincipal) (Caller, bool) {
	switch p.Type {
	case "Service":
		return Caller{ServiceCaller, p.Value}, true
	case "Federated":
		if strings.Contains(p.Value, ":saml-provider/") {
			return Caller{SAMLCaller, p.Value}, true
		}
		return Caller{}, false
	case "AWS":
		parts, isARN := aws.SplitARN(p.Value)
		switch {
		case p.Value == "*":
			return Caller{AnyCaller, "*"}, true
		case aws.IsAccount(p.Value):
			return Caller{AccountCaller, p.Value}, true
		case isARN && parts[5] == "root":
			return Caller{AccountCaller, parts[4]}, true
		case isARN && strings.HasPrefix(parts[5], "role/"):
			return Caller{RoleCaller, p.Value}, true
		}
		return Caller{UserCaller, p.Value}, true
	}
	return Caller{}, false
}

// principal is the caller as the engine knows callers, of a role's partition.
func (c *Caller) principal(partition string) policy.Principal {
	parts, _ := aws.SplitARN(c.Name)
	account := parts[4]
	switch c.Kind {
	case AccountCaller:
		return policy.Principal{Account: c.Name, ARN: aws.PartitionARN(partition, "iam", c.Name, "root"), Root: true}
	case RoleCaller:
		return sessionPrincipal(&Role{ARN: c.Name, Account: account}, "")
	case ServiceCaller:
		return policy.Principal{Service: c.Name}
	case SAMLCaller:
		return policy.Principal{Account: account, Federated: c.Name}
	case AnyCaller:
		return policy.Principal{Account: strangerAccount, ARN: aws.PartitionARN(partition, "iam", strangerAccount, "user/anyone")}
	}
	if account == "" { // a unique id
		return policy.Principal{Account: strangerAccount, ARN: aws.PartitionARN(partition, "iam", strangerAccount, "user/"+c.Name), UniqueID: c.Name}
	}
	return policy.Principal{Account: account, ARN: c.Name}
}

// strangerAccount stands for an account of which nothing is known.
const strangerAccount = "000000000000"

// Action is what the caller asks for.
func (c *Caller) Action() string {
	if c.Kind == SAMLCaller {
		return "sts:AssumeRoleWithSAML"
	}
	return assumeRole
}

// callerWorld is a call of a caller of whom no more is known than his name. Who
// has permissions of his own is taken to have them: they are his account's to give.
func callerWorld(c *Caller, role *Role) world {
	w := world{
		principal: c.principal(role.partition()), actions: []string{c.Action()}, resource: role.ARN, account: role.Account,
		keys: requestKeys(), follows: map[string]follows{},
	}
	w.keys[roleSessionName] = domain{values: sessionName, chosen: true}
	w.keys["aws:resourceaccount"] = always(role.Account)
	if c.Kind != ServiceCaller && c.Kind != SAMLCaller {
		w.keys["sts:externalid"] = domain{absent: true, values: externalID, chosen: true}
	}
	if c.Kind == ServiceCaller {
		w.keys["aws:principalisawsservice"] = always("true")
		w.keys["aws:principalservicename"] = always(c.Name)
	}
	w.keys["aws:principalaccount"] = free
	if c.Kind != AnyCaller && w.principal.Account != "" && w.principal.Account != strangerAccount {
		w.keys["aws:principalaccount"] = always(w.principal.Account)
	}
	w.keys["aws:principalarn"] = domain{absent: c.Kind == ServiceCaller || c.Kind == SAMLCaller, values: shape{words: c.arns(role.partition())}}
	w.other = func(key string) domain {
		switch {
		case strings.HasPrefix(key, "aws:resourcetag/") || strings.HasPrefix(key, "iam:resourcetag/"):
			return tagDomain(role.Tags, key[strings.IndexByte(key, '/')+1:])
		case aws.SessionTagKey(key), key == "sts:sourceidentity":
			return never // a call with tags or a source identity needs more actions
		case c.Kind == ServiceCaller && strings.HasPrefix(key, "aws:principaltag/"):
			return never // a service has no tags
		case key == "aws:principalorgpaths", key == "aws:principalservicenameslist":
			return domain{absent: true, values: anyText, many: multi}
		case key == "aws:multifactorauthpresent":
			return domain{absent: true, values: trueOrFalse}
		case strings.HasPrefix(key, "saml:"):
			return domain{absent: true, values: anyText, many: either}
		case strings.HasPrefix(key, "aws:"):
			return free
		}
		return never
	}
	return w
}

// partition is the role's. A trust policy by itself is of the one that its principals
// are of, "" when none says.
func (r *Role) partition() string {
	partition := aws.PartitionIn(r.ARN)
	for _, p := range r.Trust.Document.NamedPrincipals() {
		partition = cmp.Or(partition, aws.PartitionIn(p.Value))
	}
	return partition
}

// iamARN is how an ARN of IAM's begins, in a partition, or in any for "".
func iamARN(partition string) expr {
	ids := []string{partition}
	if partition == "" {
		ids = aws.PartitionIDs()
	}
	var partitions alt
	for _, id := range ids {
		partitions = append(partitions, text("arn:"+id+":iam::"))
	}
	return partitions
}

// arns are what aws:PrincipalArn can be in a partition: of a role its own, of an
// account any of its users and roles.
func (c *Caller) arns(partition string) expr {
	switch c.Kind {
	case RoleCaller:
		return text(c.Name)
	case AccountCaller:
		return seq{iamARN(partition), text(c.Name + ":"), alt{text("root"), seq{alt{text("user/"), text("role/")}, plus{class(anyChar)}}}}
	case UserCaller:
		if strings.HasPrefix(c.Name, "arn:") && !strings.Contains(c.Name, ":assumed-role/") {
			return text(c.Name)
		}
	}
	return seq{iamARN(partition), plus{class(digits)}, text(":"), alt{text("root"), seq{alt{text("user/"), text("role/")}, plus{class(anyChar)}}}}
}

// Delegation is a caller that a role's trust policy lets in.
type Delegation struct {
	Caller
	Answer // refuted: it does, with the witness; or undecided
}

// Delegations lists the callers of a role but OIDC providers, as far as the
// role's own trust policy goes. Before is the role as it was: callers that it let
// in as well are left out. It is nil for all.
func Delegations(before, role *Role) ([]Delegation, error) {
	var out []Delegation
	for _, c := range role.Callers() {
		answer, err := delegated(before, role, &c)
		if errors.Is(err, errTooComplex) {
			statement, key := heaviest(role.Trust.Document)
			answer, err = Answer{Verdict: Undecided, Statement: statement, Key: key, Why: err.Error()}, nil
		}
		if err != nil {
			return nil, err
		}
		if answer.Verdict != Proved {
			out = append(out, Delegation{Caller: c, Answer: answer})
		}
	}
	return out, nil
}

func delegated(before, role *Role, c *Caller) (Answer, error) {
	docs := []*policy.Document{role.Trust.Document}
	if before != nil {
		docs = append(docs, before.Trust.Document)
	}
	features, err := callFeaturesOf(mentionedKeys(nil, nil, docs...))
	answer := Answer{Verdict: Proved, Statement: -1}
	for i := 0; err == nil && i < len(features); i++ {
		w := callerWorld(c, role)
		w.choose(features[i])
		var one Answer
		if one, err = delegatedIn(&w, before, role); err == nil {
			answer = worse(answer, one)
		}
		if answer.Verdict == Refuted {
			break // fewer features are simpler
		}
	}
	return answer, err
}

func delegatedIn(w *world, before, role *Role) (Answer, error) {
	q := newQuestion(w, role, &budget{left: defaultWork})
	q.trustOnly = true
	var old *question
	if before != nil {
		old = &question{space: q.space, role: before}
		for _, action := range w.actions {
			old.layers = append(old.layers, q.space.trust(before.Trust.Document, action))
		}
	}
	if err := q.solve(); err != nil {
		return Answer{}, err
	}
	if old == nil {
		return q.answer(region{q.space.whole()})
	}
	return q.answerIn(func(b bound) (region, error) {
		now, err := q.accepted(b)
		if err != nil {
			return nil, err
		}
		return old.outside(now, b)
	})
}
