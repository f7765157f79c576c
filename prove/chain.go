package prove

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Account is what questions about more than one role need: all roles that are
// known, of any account, and the policies of resources.
type Account struct {
	Roles     []*Role
	Resources []ResourcePolicy

	callable []*Role // those whose trust policy lets roles assume them
}

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
	a.Index()
	seen := map[*Role]bool{from: true}
	var hops []*Hop
	next := []*Hop{nil}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		caller := from
		if at != nil {
			caller = at.Role
		}
		for _, target := range a.targets(caller) {
			if seen[target] {
				continue
			}
			answer, err := a.Assumes(caller, target)
			if err != nil {
				return nil, err
			}
			if answer.Verdict == Proved {
				continue
			}
			seen[target] = true
			h := &Hop{From: at, Role: target, Verdict: answer.Verdict, Witness: answer.Witness, Why: answer.Why}
			hops = append(hops, h)
			next = append(next, h)
		}
	}
	return hops, nil
}

// Index prepares questions about chains, before they are asked side by side.
func (a *Account) Index() {
	if a.callable != nil {
		return
	}
	a.callable = []*Role{}
	for _, r := range a.Roles {
		if r.callable() {
			a.callable = append(a.callable, r)
		}
	}
}

// targets are the roles whose trust policy names a role's sessions at all.
func (a *Account) targets(caller *Role) []*Role {
	session := sessionPrincipal(caller)
	var out []*Role
	for _, r := range a.callable {
		if r == caller {
			continue
		}
		if r.Unknown != "" {
			if caller.mayAsk(r) {
				out = append(out, r)
			}
			continue
		}
		for i := range r.Trust.Document.Statements {
			if st := &r.Trust.Document.Statements[i]; st.Effect == "Allow" && st.Concerns(assumeRole) && st.Names(&session) != policy.NotNamed {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// mayAsk says whether the role's own policies let its sessions ask for a role:
// what is left to say of one whose trust policy is not known.
func (r *Role) mayAsk(target *Role) bool {
	for i := range r.Identity {
		doc := r.Identity[i].Document
		for j := range doc.Statements {
			st := &doc.Statements[j]
			patterns, ok := st.ResourcePatterns(doc.Variables())
			if st.Effect != "Allow" || !ok || !st.Concerns(assumeRole) {
				continue
			}
			for _, p := range patterns {
				if e, possible, _ := resourceLanguage(joinResource(p), nil); possible && holds(e, target.ARN) != st.Resources.Not {
					return true
				}
			}
		}
	}
	return false
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
