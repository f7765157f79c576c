package prove

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Account is what questions about more than one role need: all roles that are
// known, of any account, and the policies of resources.
type Account struct {
	Roles     []*Role
	Resources []ResourcePolicy

	callable []*Role // those whose trust policy lets roles assume them
	edges    map[*Role]*edges
	kinds    map[*Role]string // of the callable: what of them sessions of roles meet
	// named are the callable roles by the roles that their trust policies name; "" for
	// those that name callers in other ways than a role's or an account's ARN.
	named map[string][]*Role
}

// edge is a role that another one's sessions can assume. Targets that are alike
// have one answer.
type edge struct {
	target *Role
	*Answer
}

// edges are a role's, once they were asked for.
type edges struct {
	sync.Mutex
	known bool
	edges []edge
}

// mostKept is how many edges of a role are kept for the next who asks: ten thousand
// roles that may all assume each other have a hundred million.
const mostKept = 1000

const assumeRole = "sts:AssumeRole"

// Hop is a role that a session can assume.
type Hop struct {
	From    *Hop // nil: from the session that was asked for
	Role    *Role
	Verdict Verdict // Refuted: it can, with the witness; or Undecided
	Witness *Witness
	Why     string
}

// Path are the ARNs of the roles on the way.
func (h *Hop) Path() []string {
	var out []string
	for ; h != nil; h = h.From {
		out = append(out, h.Role.ARN)
	}
	slices.Reverse(out)
	return out
}

// Needs are what a caller must know or choose on the way.
func (h *Hop) Needs() []Need {
	var out []Need
	for ; h != nil; h = h.From {
		if h.Witness != nil {
			out = append(slices.Clone(h.Witness.Needs), out...)
		}
	}
	return out
}

// Reach lists the roles that a role's sessions can assume, directly and one
// after the other, the nearest first.
func (a *Account) Reach(from *Role) ([]*Hop, error) {
	hops, _, err := a.ReachFirst(from, math.MaxInt)
	return hops, err
}

// Further are roles that can be reached beyond those that are listed.
type Further struct {
	Roles int
	// AtLeast says that not all were counted.
	AtLeast bool
}

// mostCounted bounds how many edges are followed to count roles.
const mostCounted = 1 << 20

// ReachFirst lists the first of those roles, at most so many, and counts the rest.
func (a *Account) ReachFirst(from *Role, most int) (hops []*Hop, further Further, err error) {
	a.Index()
	type reached struct {
		role *Role
		hop  *Hop // nil: counted only
	}
	seen := map[*Role]bool{from: true}
	next := []reached{{from, nil}}
	all := len(a.callable)
	if _, itself := a.kinds[from]; !itself {
		all++
	}
	for followed := 0; len(next) > 0 && len(seen) < all; {
		at := next[0]
		next = next[1:]
		if further.Roles > 0 && followed > mostCounted {
			further.AtLeast = true
			break
		}
		edges, err := a.from(at.role)
		if err != nil {
			return nil, further, err
		}
		followed += len(edges)
		for i := range edges {
			e := &edges[i]
			if seen[e.target] {
				continue
			}
			seen[e.target] = true
			if len(hops) >= most {
				further.Roles++
				next = append(next, reached{e.target, nil})
				continue
			}
			h := &Hop{From: at.hop, Role: e.target, Verdict: e.Verdict, Witness: e.Witness, Why: e.Why}
			hops = append(hops, h)
			next = append(next, reached{e.target, h})
		}
	}
	return hops, further, nil
}

// Index prepares questions about chains, before they are asked side by side.
func (a *Account) Index() {
	if a.callable != nil {
		return
	}
	a.callable, a.kinds, a.named, a.edges = []*Role{}, map[*Role]string{}, map[string][]*Role{}, map[*Role]*edges{}
	for _, r := range a.Roles {
		a.edges[r] = &edges{}
		if r.callable() {
			a.callable = append(a.callable, r)
			a.kinds[r] = r.kind()
			a.name(r)
		}
	}
}

// from are the roles that a role's sessions can assume themselves.
func (a *Account) from(caller *Role) ([]edge, error) {
	kept, ok := a.edges[caller]
	if !ok {
		return a.edgesOf(caller) // a role that is none of the account's
	}
	kept.Lock()
	defer kept.Unlock()
	if kept.known {
		return kept.edges, nil
	}
	found, err := a.edgesOf(caller)
	if err == nil && len(found) <= mostKept {
		kept.edges, kept.known = found, true
	}
	return found, err
}

func (a *Account) edgesOf(caller *Role) ([]edge, error) {
	var out []edge
	alike := map[string]*Answer{} // of targets that differ in their names alone
	blind := caller.blind()
	for _, target := range a.targets(caller) {
		kind := ""
		if blind && target.Unknown == "" {
			kind = a.kinds[target]
		}
		answer, known := alike[kind]
		if kind == "" || !known {
			of, err := a.Assumes(caller, target)
			if err != nil {
				return nil, err
			}
			answer = &of
			if w := answer.Witness; w != nil {
				w.Context, w.Then, w.Decisions = nil, nil, nil // what the way needs is enough
			}
			alike[kind] = answer
		}
		if answer.Verdict != Proved {
			out = append(out, edge{target, answer})
		}
	}
	return out, nil
}

// kind is all of a role but its name that a role's session meets when it assumes it.
func (r *Role) kind() string {
	var b strings.Builder
	fmt.Fprint(&b, r.Account, len(r.Tags), r.Tags, r.Trust.Document.Variables())
	for i := range r.Trust.Document.Statements {
		st := &r.Trust.Document.Statements[i]
		if !st.Concerns(assumeRole) && !st.Concerns("sts:SetSourceIdentity") {
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

// blind says that the role's own policies treat all roles alike: what they say of
// assuming roles, they say of every resource.
func (r *Role) blind() bool {
	docs := r.documents()[1:]
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		for i := range doc.Statements {
			st := &doc.Statements[i]
			if !st.Concerns(assumeRole) && !st.Concerns("sts:SetSourceIdentity") {
				continue
			}
			patterns, ok := st.ResourcePatterns(doc.Variables())
			if !ok || st.Resources.Not || len(patterns) != 1 || !patterns[0].All {
				return false
			}
		}
	}
	return true
}

// name files a role under the callers that its trust policy names.
func (a *Account) name(r *Role) {
	keys := map[string]bool{}
	for i := range r.Trust.Document.Statements {
		st := &r.Trust.Document.Statements[i]
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
		a.named[key] = append(a.named[key], r)
	}
}

// targets are the roles whose trust policy names a role's sessions at all.
func (a *Account) targets(caller *Role) []*Role {
	session := sessionPrincipal(caller)
	asks, some := caller.asks()
	candidates := a.callable
	if a.named != nil && !some && len(caller.Unread) == 0 { // an account's root is not enough then
		candidates = slices.Concat(a.named[caller.ARN], a.named[""])
	}
	var out []*Role
	granted := map[string]policy.Grant{} // by the kinds of targets
	for _, r := range candidates {
		if r == caller {
			continue
		}
		if r.Unknown != "" {
			if asks(r) {
				out = append(out, r)
			}
			continue
		}
		least := policy.NamedByRole
		if r.Account != caller.Account {
			least = policy.NamedItself + 1 // both sides must allow it
		}
		kind := a.kinds[r]
		grant, known := granted[kind]
		if !known || kind == "" {
			grant = r.grants(&session)
			granted[kind] = grant
		}
		if grant >= least || grant != policy.NotNamed && (len(caller.Unread) > 0 || asks(r)) {
			out = append(out, r)
		}
	}
	return out
}

// grants is the most that a role's trust policy says of a session in any statement.
func (r *Role) grants(session *policy.Principal) policy.Grant {
	most := policy.NotNamed
	for i := range r.Trust.Document.Statements {
		if st := &r.Trust.Document.Statements[i]; st.Effect == "Allow" && st.Concerns(assumeRole) {
			most = max(most, st.Names(session))
		}
	}
	return most
}

// asks says whether the role's own policies let its sessions ask for a role, as
// far as actions and resources go.
func (r *Role) asks() (of func(target *Role) bool, some bool) {
	var resources []*matcher
	not, all := []bool{}, false
	for i := range r.Identity {
		doc := r.Identity[i].Document
		if doc == nil {
			continue
		}
		for j := range doc.Statements {
			st := &doc.Statements[j]
			patterns, ok := st.ResourcePatterns(doc.Variables())
			if st.Effect != "Allow" || !ok || !st.Concerns(assumeRole) {
				continue
			}
			var any alt
			for _, p := range patterns {
				all = all || p.All && !st.Resources.Not
				if e, possible, _ := resourceLanguage(joinResource(p), anyVariable{}); possible {
					any = append(any, e)
				}
			}
			resources, not = append(resources, newMatcher(any)), append(not, st.Resources.Not)
		}
	}
	if all {
		return func(*Role) bool { return true }, true
	}
	return func(target *Role) bool {
		for i, m := range resources {
			if not[i] || m.holds(target.ARN) {
				return true
			}
		}
		return false
	}, len(resources) > 0
}

// anyVariable takes every policy variable for any text.
type anyVariable struct{}

func (anyVariable) resolve(string) (value string, has, known bool) { return "", false, false }
func (anyVariable) variable(string) expr                           { return star(anyChar) }

func (r *Role) callable() bool {
	if r.Unknown != "" {
		return r.ARN != ""
	}
	if r.Trust.Document == nil || r.ARN == "" {
		return false
	}
	for i := range r.Trust.Document.Statements {
		if st := &r.Trust.Document.Statements[i]; st.Effect == "Allow" && st.Concerns(assumeRole) {
			return true
		}
	}
	return false
}

// Assumes says whether a role's sessions can assume another role: refuted with a
// call that does, or proved that none does. What the caller chooses (an external
// id, a session name) he is taken to know; the witness says what it must be.
func (a *Account) Assumes(caller, target *Role) (Answer, error) {
	if target.Unknown != "" {
		return unknownTrust(target), nil
	}
	answer := Answer{Verdict: Proved, Statement: -1}
	for _, withIdentity := range []bool{false, true} {
		w := sessionCall(caller, target, withIdentity)
		one, err := decide(&w, target, caller)
		if err != nil {
			return answer, err
		}
		answer = worse(answer, one)
		if answer.Verdict == Refuted {
			break // without a source identity is simpler
		}
	}
	if answer.Verdict == Proved && len(caller.Unread) > 0 {
		answer = Answer{Verdict: Undecided, Statement: -1, Why: "the source does not have the policy " + strings.Join(caller.Unread, ", ") + " of " + caller.ARN}
	}
	return answer, nil
}

// sessionCall is a role session's call to assume a role.
func sessionCall(caller, target *Role, withIdentity bool) world {
	w := world{
		principal: sessionPrincipal(caller), actions: []string{assumeRole}, resource: target.ARN, account: target.Account,
		keys: sessionKeys(caller), follows: map[string]follows{},
	}
	w.keys["sts:rolesessionname"] = domain{values: sessionName, chosen: true}
	w.keys["sts:externalid"] = domain{absent: true, values: externalID, chosen: true}
	w.keys["aws:resourceaccount"] = always(target.Account)
	w.keys[actionKey], w.keys[resourceKey] = always(strings.ToLower(assumeRole)), always(target.ARN)
	if withIdentity {
		w.actions = append(w.actions, "sts:SetSourceIdentity")
		w.keys["sts:sourceidentity"] = domain{values: sessionName, chosen: true}
	}
	others := chainedOther(caller)
	w.other = func(key string) domain {
		if rest, ok := strings.CutPrefix(key, "aws:resourcetag/"); ok {
			return tagDomain(target.Tags, rest)
		}
		if rest, ok := strings.CutPrefix(key, "iam:resourcetag/"); ok {
			return tagDomain(target.Tags, rest)
		}
		prefix, _, _ := strings.Cut(key, ":")
		switch {
		case key == "sts:transitivetagkeys", key == "aws:tagkeys", strings.HasPrefix(key, "aws:requesttag/"):
			return never // a call without tags; one with tags needs sts:TagSession too
		case prefix == "sts" || prefix != "aws" && prefix != "iam" && !strings.Contains(prefix, "."):
			return never
		case strings.Contains(prefix, "."):
			return domain{absent: true, values: anyText, supposed: true} // the first session's claims
		}
		return others(key)
	}
	return w
}
