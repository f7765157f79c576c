package denial

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Verdict says how far the policies explain a refusal.
type Verdict string

const (
	// Explained: the policies refuse the call, for reasons that are known.
	Explained Verdict = "explained"
	// Undecided: it hangs on what the event or the sources do not have.
	Undecided Verdict = "undecided"
	// Contradiction: the policies allow the call, so something differs on AWS.
	Contradiction Verdict = "contradiction"
	// Elsewhere: the event names a policy that no source can hold.
	Elsewhere Verdict = "elsewhere"
)

// Explanation is the answer for one event. Its JSON is promised; fields may be
// added.
type Explanation struct {
	EventID   string  `json:"eventId,omitempty"`
	EventName string  `json:"eventName"`
	Time      string  `json:"time,omitempty"`
	Caller    string  `json:"caller"`
	Action    string  `json:"action"`
	Resource  string  `json:"resource"`
	Error     string  `json:"error"`
	Verdict   Verdict `json:"verdict"`
	Why       string  `json:"why"`
	// Statements are those that decide, with the condition that fails or is open.
	Statements []Statement `json:"statements"`
	// Missing are the keys that the event does not have and that decide.
	Missing []string `json:"missing"`
	// Next is what to look at or to change.
	Next []string `json:"next"`
}

// Statement is a statement that decides.
type Statement struct {
	Policy   string   `json:"policy"`
	Index    int      `json:"index"`
	Effect   string   `json:"effect"`
	Operator string   `json:"operator,omitempty"`
	Key      string   `json:"key,omitempty"`
	Want     []string `json:"want,omitempty"`
	Got      []string `json:"got,omitempty"`
	// Answer is no for a condition that is false, unknown for one that is open.
	Answer policy.Answer `json:"answer"`
	Place  string        `json:"place,omitempty"`
}

// Explainer knows the policies.
type Explainer struct {
	found *sources.Found
	model *given.Model
}

// New makes an explainer of what sources hold. The error is a policy that cannot
// be parsed.
func New(found *sources.Found, o given.Options) (*Explainer, error) {
	model, err := given.Read(found, o)
	if err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	return &Explainer{found, model}, nil
}

// Explain answers for one refused event.
func (x *Explainer) Explain(e *Event) *Explanation {
	out := &Explanation{
		EventID: e.EventID, EventName: e.EventName, Time: e.EventTime, Caller: e.caller(), Action: e.action(), Resource: e.resource(),
		Error: e.ErrorCode, Statements: []Statement{}, Missing: []string{}, Next: []string{},
	}
	if e.ErrorMessage != "" {
		out.Error += ": " + e.ErrorMessage
	}
	_, _, by := e.said()
	switch {
	case e.ErrorCode == "VpceAccessDenied" || e.EventCategory == "NetworkActivity":
		out.settle(Elsewhere, "the policy of the VPC endpoint "+cmp.Or(e.VPCEndpointID, "that the call went through")+" refuses the call; roles' policies cannot lift it")
	case by == "service control policy" || by == "resource control policy" || by == "VPC endpoint policy":
		out.settle(Elsewhere, "the event says that a "+by+" decides"+of(e.denyingPolicy())+"; no source holds it, and the account's own policies cannot lift it")
	case e.EventSource == "eks-auth.amazonaws.com":
		x.podIdentity(e, out)
	case e.EventName == "AssumeRoleWithWebIdentity":
		x.webIdentity(e, out)
	case e.EventName == "AssumeRole":
		x.assumeRole(e, out)
	default:
		x.access(e, out)
	}
	if strings.Contains(e.ErrorMessage, "Encoded authorization failure message") {
		out.Next = append(out.Next, "aws sts decode-authorization-message, in that account and within a day or so, gives the statement and every condition key of the call")
	}
	return out
}

func of(arn string) string {
	if arn == "" {
		return ""
	}
	return ", " + arn
}

func (o *Explanation) settle(v Verdict, why string) { o.Verdict, o.Why = v, why }

// unread says that no source can refuse or allow.
func (o *Explanation) unread(what string) {
	o.settle(Undecided, what+" is in none of the sources")
	o.Next = append(o.Next, "give a source that has it: a plan, a state, or aws iam get-account-authorization-details")
}

// contradict words what is likely when the policies would allow the call.
func (o *Explanation) contradict(why string, e *Event, first ...string) {
	o.settle(Contradiction, why)
	o.Next = append(o.Next, first...)
	o.Next = append(o.Next, "the sources may not be what was deployed at "+cmp.Or(e.EventTime, "the time of the event")+": compare the role's trust policy and its last change",
		"a service control policy, resource control policy or VPC endpoint policy may refuse it: no source holds them")
}

func (e *Event) caller() string {
	u := &e.UserIdentity
	switch {
	case u.Type == "WebIdentityUser":
		_, audience, subject := e.webIdentity()
		return fmt.Sprintf("%s (audience %s) of %s", subject, audience, u.IdentityProvider)
	case u.InvokedBy != "" && u.ARN == "":
		return u.InvokedBy
	}
	return cmp.Or(u.ARN, u.PrincipalID, u.Type)
}

// roleOf finds a role of the sources by its ARN, whatever the partition's name in
// the sources is.
func (x *Explainer) roleOf(arn string) *prove.Role {
	want, _ := aws.IAMResource(arn)
	for _, r := range x.model.Roles {
		if have, _ := aws.IAMResource(r.ARN); have == want && want != "" {
			return r
		}
	}
	return nil
}

// podIdentity answers for eks-auth: the event has the cluster, and neither the pod
// nor its service account.
func (x *Explainer) podIdentity(e *Event, out *Explanation) {
	cluster := e.parameter("clusterName")
	out.Resource = "cluster " + cluster
	report, err := audit.Audit(x.found, audit.Options{Cluster: cluster, Now: e.time()})
	if err != nil {
		out.unread("every Pod Identity association of cluster " + cluster)
		return
	}
	var refused, open, fine []string
	for _, row := range report.Matrix {
		if row.Mechanism != audit.PodIdentity {
			continue
		}
		text := fmt.Sprintf("%s/%s → %s: %s", row.Namespace, row.ServiceAccount, *row.Role, row.Why)
		switch row.Verdict {
		case audit.Refused:
			refused = append(refused, text)
		case audit.Unknown:
			open = append(open, text)
		default:
			fine = append(fine, row.Namespace+"/"+row.ServiceAccount)
		}
	}
	out.Missing = []string{"the pod, its namespace and its service account: the event has the cluster and the node only"}
	switch {
	case len(refused)+len(open)+len(fine) == 0:
		out.unread("every Pod Identity association of cluster " + cluster)
	case len(refused) > 0:
		out.settle(Explained, "which pod asked is not in the event; of the cluster's associations these are refused: "+strings.Join(refused, "; ")+notThese(fine))
		out.Next = append(out.Next, "change the trust policy, or the association, of each that is named")
	case len(open) > 0:
		out.settle(Undecided, "which pod asked is not in the event; these associations may be refused: "+strings.Join(open, "; ")+notThese(fine))
	default:
		out.contradict("every association of the cluster that the sources have would be let in"+notThese(fine), e, "an association or role that the sources do not have may be the one")
	}
}

func notThese(fine []string) string {
	if len(fine) == 0 {
		return ""
	}
	return " (it cannot be " + strings.Join(fine, ", ") + ")"
}

// decide reads a decision on one policy and reports the statements that decide.
func (x *Explainer) decide(out *Explanation, d policy.Decision, place func(policy.Position) string, unknown func(string) bool) policy.Answer {
	answer, open := policy.Partly(d, unknown)
	seen := map[string]bool{}
	for _, o := range open {
		s := Statement{Policy: o.Policy, Index: o.Statement, Effect: o.Effect, Operator: o.Operator, Key: o.Key, Want: o.Want, Answer: policy.Unknown}
		for _, p := range d.Policies {
			if p.Name == o.Policy && o.Statement < len(p.Statements) {
				s.Place = place(p.Statements[o.Statement].Start)
			}
		}
		out.Statements = append(out.Statements, s)
		if !seen[o.Key] {
			seen[o.Key] = true
			out.Missing = append(out.Missing, o.Key)
		}
	}
	if answer != policy.No {
		return answer
	}
	for _, p := range d.Policies {
		for _, s := range p.Statements {
			out.Statements = append(out.Statements, failing(p.Name, &s, place, unknown)...)
		}
	}
	return answer
}

// failing are the reasons for which a statement does not let the call in, or, of a
// Deny, for which it is refused.
func failing(name string, s *policy.StatementResult, place func(policy.Position) string, unknown func(string) bool) []Statement {
	one := Statement{Policy: name, Index: s.Index, Effect: s.Effect, Answer: policy.No, Place: place(s.Start)}
	if s.Effect == "Deny" {
		if s.Applies {
			return []Statement{one}
		}
		return nil
	}
	switch {
	case !s.ActionMatch:
		one.Key, one.Want = "Action", s.Actions.Values
		return []Statement{one}
	case !s.PrincipalMatch:
		one.Key, one.Want = "Principal", names(s.Principals.Values)
		return []Statement{one}
	case !s.ResourceMatch:
		one.Key, one.Want = "Resource", s.Resources.Values
		return []Statement{one}
	}
	var out []Statement
	for _, c := range s.Conditions {
		if !c.Met && !unknown(c.Key) {
			failed := one
			failed.Operator, failed.Key, failed.Want, failed.Got = c.Operator, c.Key, c.Want, c.Got
			out = append(out, failed)
		}
	}
	return out
}

// names are principals as people read them.
func names(principals []policy.NamedPrincipal) []string {
	out := make([]string, len(principals))
	for i, p := range principals {
		out[i] = p.String()
	}
	return out
}

// placeIn gives places in a role's trust policy.
func (x *Explainer) placeIn(r *prove.Role) func(policy.Position) string {
	return func(at policy.Position) string {
		var p strictyaml.Position
		p, ok := x.model.Place(r, at)
		if !ok {
			return ""
		}
		return p.String()
	}
}
