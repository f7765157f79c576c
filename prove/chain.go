package prove

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Account is what questions about more than one role need: all roles that are
// known, of any account, and the policies of resources.
type Account struct {
	Roles     []*Role
	Resources []ResourcePolicy
	Locked    []Locked
	Tagged    []Tagged

	callable []*target // those whose trust policy lets roles assume them
	edges    map[*Role]*edges
	// named are the callable roles by the roles that their trust policies name; "" for
	// those that name callers in other ways than a role's or an account's ARN.
	named map[string][]*target
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
	if !slices.ContainsFunc(a.callable, func(t *target) bool { return t.Role == from }) {
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
	if !aws.SamePartition(caller.ARN, target.ARN) {
		return answer, nil
	}
	features, err := callFeaturesOf(mentionedKeys(nil, nil, append(caller.documents()[1:], target.Trust.Document)...))
	if err != nil {
		return Answer{Verdict: Undecided, Statement: -1, Why: err.Error()}, nil
	}
	for _, name := range caller.sessionNames(target.Trust.Document) {
		for _, f := range features {
			w := sessionCall(caller, target, name)
			w.choose(f)
			one, err := decide(&w, target, caller)
			if err != nil {
				return answer, err
			}
			answer = worse(answer, caller.opened(name, one))
			if answer.Verdict == Refuted {
				break // fewer features are simpler
			}
		}
	}
	if answer.Verdict == Proved && len(caller.Unread) > 0 {
		answer = Answer{Verdict: Undecided, Statement: -1, Why: "the source does not have the policy " + strings.Join(caller.Unread, ", ") + " of " + caller.ARN}
	}
	return answer, nil
}

// sessionCall is a role session's call to assume a role.
func sessionCall(caller, target *Role, name string) world {
	w := world{
		principal: sessionPrincipal(caller, name), actions: []string{assumeRole}, resource: target.ARN, account: target.Account,
		keys: sessionKeys(caller, name), follows: map[string]follows{},
	}
	w.keys[roleSessionName] = domain{values: sessionName, chosen: true}
	w.keys["sts:externalid"] = domain{absent: true, values: externalID, chosen: true}
	w.keys["aws:resourceaccount"] = always(target.Account)
	w.keys[actionKey], w.keys[resourceKey] = always(strings.ToLower(assumeRole)), always(target.ARN)
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
		case aws.SessionTagKey(key):
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
