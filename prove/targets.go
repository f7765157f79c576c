package prove

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Which roles a role's sessions can assume is asked of pairs, and of ten thousand
// roles there are a hundred million. Most pairs are alike: what the caller meets of
// a target is its kind, and which of the caller's own statements are about its ARN.

// target is a role that sessions of roles can assume.
type target struct {
	*Role
	// kind is all of the role but its name that a session meets when it assumes it;
	// -1 of one whose trust policy is not known.
	kind  int
	parts []string // of its ARN
}

// Index prepares questions about chains, before they are asked side by side.
func (a *Account) Index() {
	if a.callable != nil {
		return
	}
	a.callable, a.named, a.edges = []*target{}, map[string][]*target{}, map[*Role]*edges{}
	kinds := map[string]int{}
	for _, r := range a.Roles {
		a.edges[r] = &edges{}
		if !r.callable() {
			continue
		}
		t := &target{Role: r, kind: -1, parts: strings.SplitN(r.ARN, ":", 6)}
		if r.Unknown == "" {
			text := r.kindText()
			kind, known := kinds[text]
			if !known {
				kind = len(kinds)
				kinds[text] = kind
			}
			t.kind = kind
		}
		a.callable = append(a.callable, t)
		a.name(t)
	}
}

// kindText is all of a role but its name that a role's session meets when it assumes it.
func (r *Role) kindText() string {
	var b strings.Builder
	fmt.Fprint(&b, r.Account, len(r.Tags), r.Tags, r.Trust.Document.Variables())
	for i := range r.Trust.Document.Statements {
		st := &r.Trust.Document.Statements[i]
		if !concernsCall(st) {
			continue
		}
		fmt.Fprintf(&b, "%q %v %q %v %q", st.Effect, st.Actions.Not, st.Actions.Values, st.Principals.Not, st.Principals.Values)
		for j := range st.Conditions {
			c := &st.Conditions[j]
			fmt.Fprintf(&b, "%q %q %q", c.Operator, c.Key, c.Values)
		}
	}
	return b.String()
}

// concernsCall says whether a statement is about a call that assumes a role, with a
// source identity or tags or without.
func concernsCall(st *policy.Statement) bool {
	return st.Concerns(assumeRole) || st.Concerns("sts:SetSourceIdentity") || st.Concerns("sts:TagSession")
}

// name files a role under the callers that its trust policy names.
func (a *Account) name(t *target) {
	keys := map[string]bool{}
	for i := range t.Trust.Document.Statements {
		st := &t.Trust.Document.Statements[i]
		if st.Effect != "Allow" || !st.Concerns(assumeRole) {
			continue
		}
		if st.Principals.Not {
			keys[""] = true
		}
		for _, p := range st.Principals.Values {
			switch c, ok := callerOf(p); {
			case !ok || c.Kind == ServiceCaller || c.Kind == SAMLCaller || c.Kind == AccountCaller:
			case c.Kind == RoleCaller:
				keys[p.Value] = true
			default:
				keys[""] = true
			}
		}
	}
	if keys[""] {
		keys = map[string]bool{"": true} // once is enough
	}
	for key := range keys {
		a.named[key] = append(a.named[key], t)
	}
}

// asking is what a role's own policies say of assuming roles, as far as actions and
// resources go.
type asking struct {
	statements []askingStatement
	some       bool // one of them allows it
}

type askingStatement struct {
	allows bool // it is an Allow of an identity policy, of sts:AssumeRole
	not    bool
	whole  bool // it is about every role, whatever else it names
	// resources are the patterns of the ARNs that it names.
	resources []arnPattern
}

// arnPattern is one, part by part; open says that it has a variable, whose value is
// not known here.
type arnPattern struct {
	parts []func(string) bool
	open  bool
}

func (p *arnPattern) match(parts []string) bool {
	for i, like := range p.parts {
		if !like(parts[i]) {
			return false
		}
	}
	return true
}

func newARNPattern(p policy.ResourcePattern) (out arnPattern, possible bool) {
	if p.Parts == nil {
		return out, false // no ARN, and no role's
	}
	for _, part := range p.Parts {
		if part.Dynamic() {
			out.open = true
			out.parts = append(out.parts, func(string) bool { return true })
			continue
		}
		text := plainText(part)
		literal := slices.ContainsFunc(part, func(pp policy.PatternPart) bool { return pp.Literal })
		if literal || !strings.ContainsAny(text, "*?") {
			out.parts = append(out.parts, func(s string) bool { return s == text })
			if literal { // ${*} and its like: a role's name has none of them
				out.open = true
			}
			continue
		}
		out.parts = append(out.parts, policy.Liker(text))
	}
	return out, true
}

// asks takes the role's own policies apart.
func (r *Role) asks() *asking {
	a := &asking{}
	for n, doc := range r.documents()[1:] {
		if doc == nil {
			continue
		}
		for i := range doc.Statements {
			st := &doc.Statements[i]
			patterns, ok := st.ResourcePatterns(doc.Variables())
			if !ok || !concernsCall(st) {
				continue
			}
			s := askingStatement{allows: st.Effect == "Allow" && n < len(r.Identity) && st.Concerns(assumeRole), not: st.Resources.Not}
			for _, p := range patterns {
				s.whole = s.whole || p.All
				if one, possible := newARNPattern(p); possible {
					s.resources = append(s.resources, one)
				}
			}
			a.some = a.some || s.allows
			a.statements = append(a.statements, s)
		}
	}
	return a
}

// view is what of a role's statements is about a target: alike targets have the same.
// allowed says that one of them may allow it; apart, that this target is to be asked
// about by itself.
func (a *asking) view(t *target) (about uint64, allowed, apart bool) {
	if len(t.parts) < 6 || len(a.statements) > 64 {
		return 0, a.some, true
	}
	for i := range a.statements {
		s := &a.statements[i]
		in := s.whole
		for j := 0; j < len(s.resources) && !s.whole; j++ {
			if p := &s.resources[j]; p.match(t.parts) {
				in = true
				apart = apart || p.open
			}
		}
		if in != s.not {
			about |= 1 << i
			allowed = allowed || s.allows
		} else if apart {
			allowed = allowed || s.allows // without the variable's value it may be about it
		}
	}
	return about, allowed, apart
}

// edgesOf are the roles that a role's sessions can assume themselves.
func (a *Account) edgesOf(caller *Role) ([]edge, error) {
	type likeness struct {
		kind  int
		about uint64
	}
	asks := caller.asks()
	candidates := a.callable
	if a.named != nil && !asks.some && len(caller.Unread) == 0 { // an account's root is not enough then
		candidates = slices.Concat(a.named[caller.ARN], a.named[""])
	}
	var out []edge
	granted := map[int]policy.Grant{}
	alike := map[likeness]*Answer{} // of targets that differ in their names alone
	for _, t := range candidates {
		if t.Role == caller {
			continue
		}
		about, allowed, apart := asks.view(t)
		if t.kind >= 0 {
			grant, known := granted[t.kind]
			if !known {
				grant = t.grants(caller)
				granted[t.kind] = grant
			}
			least := policy.NamedByRole
			if t.Account != caller.Account {
				least = bothSides
			}
			if grant < least && (grant == policy.NotNamed || len(caller.Unread) == 0 && !allowed) {
				continue
			}
		} else if !allowed {
			continue
		}
		like := likeness{t.kind, about}
		answer, known := alike[like]
		if apart || t.kind < 0 || !known {
			of, err := a.Assumes(caller, t.Role)
			if err != nil {
				return nil, err
			}
			answer = &of
			if w := answer.Witness; w != nil {
				w.Context, w.Then, w.Decisions = nil, nil, nil // what the way needs is enough
			}
			if !apart {
				alike[like] = answer
			}
		}
		if answer.Verdict != Proved {
			out = append(out, edge{t.Role, answer})
		}
	}
	return out, nil
}

// grants is the most that a role's trust policy says of a caller's sessions in any
// statement.
func (r *Role) grants(caller *Role) policy.Grant {
	most := policy.NotNamed
	for _, name := range caller.sessionNames(r.Trust.Document) {
		session := sessionPrincipal(caller, name)
		for i := range r.Trust.Document.Statements {
			if st := &r.Trust.Document.Statements[i]; st.Effect == "Allow" && st.Concerns(assumeRole) {
				most = max(most, st.Names(&session))
			}
		}
	}
	return most
}
