package prove

import (
	"errors"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// HoldsDoing decides a claim about all tokens of a provider that can assume a
// role and then do something with it, by itself or through further roles of the
// account that its sessions can assume.
func (a *Account) HoldsDoing(p *Provider, role *Role, claim Claim, d Doing) (Answer, error) {
	if role.Unknown != "" {
		return unknownTrust(role), nil
	}
	answer, err := a.holdsDoing(p, role, claim, d)
	if err != nil || answer.Verdict == Refuted {
		return answer, err
	}
	through, err := a.doingThrough(p, role, &claim, d)
	if err != nil {
		return answer, err
	}
	return worse(answer, through), nil
}

// Directly says whether a provider's tokens can assume a role whose session then
// may do something: refuted with a token and a call, or proved that none can.
func (a *Account) Directly(p *Provider, role *Role, d Doing) (Answer, error) {
	return a.holdsDoing(p, role, Claim{Nobody: true}, d)
}

func (a *Account) holdsDoing(p *Provider, role *Role, claim Claim, d Doing) (Answer, error) {
	b := &budget{left: defaultWork}
	answer := Answer{Verdict: Proved, Statement: -1}
	docs := append(role.documents(), a.resourceDocuments()...)
	worlds, err := tokenWorlds(p, role, mentionedKeys(p, &claim, docs...))
	for _, name := range role.sessionNames(a.resourceDocuments()...) {
		for i := 0; err == nil && i < len(worlds); i++ {
			w := worlds[i].clone()
			w.then(role, accountsOf(role, a.Resources), name, d)
			w.thenKeys = a.tagged(d, w.thenKeys)
			var one Answer
			if one, err = a.doingIn(&w, role, name, &claim, d, b); err == nil {
				answer = worse(answer, role.opened(name, one))
			}
		}
	}
	if errors.Is(err, errTooComplex) {
		if answer.Verdict == Refuted {
			return answer, nil
		}
		statement, key := heaviest(role.Trust.Document)
		return Answer{Verdict: Undecided, Statement: statement, Key: key, Why: err.Error()}, nil
	}
	return answer, err
}

func (a *Account) doingIn(w *world, role *Role, session string, claim *Claim, d Doing, b *budget) (Answer, error) {
	q := newQuestion(w, role, b)
	q.sessionName, q.asked = session, d.Actions
	g := q.space.goal(claim)
	q.space.then = true
	if err := a.permit(q, role); err != nil {
		return Answer{}, err
	}
	if err := q.solve(); err != nil {
		return Answer{}, err
	}
	answer, err := q.answer(q.space.broken(g))
	if err == nil && answer.Verdict == Proved {
		rights, e := a.unknownRights(role, d)
		if e != nil || rights.Verdict == Proved {
			return answer, e
		}
		plain := *w
		plain.thenKeys = nil
		if assumes, e := holdsIn(&plain, role, claim, b); e != nil || assumes.Verdict != Proved {
			return rights, e
		}
	}
	return answer, err
}

// documents are all policies of a role.
func (r *Role) documents() []*policy.Document {
	docs := []*policy.Document{r.Trust.Document}
	for i := range r.Identity {
		docs = append(docs, r.Identity[i].Document)
	}
	if r.Boundary != nil {
		docs = append(docs, r.Boundary.Document)
	}
	return docs
}

func (a *Account) resourceDocuments() []*policy.Document {
	var docs []*policy.Document
	for i := range a.Resources {
		docs = append(docs, a.Resources[i].Policy.Document)
	}
	return docs
}

// doingThrough looks for roles behind the first one that can do it.
func (a *Account) doingThrough(p *Provider, role *Role, claim *Claim, d Doing) (Answer, error) {
	proved := Answer{Verdict: Proved, Statement: -1}
	first, err := Holds(p, role, *claim)
	if err != nil || first.Verdict == Proved {
		return proved, err
	}
	hops, err := a.Reach(role)
	if err != nil {
		return proved, err
	}
	answer := proved
	for _, h := range hops {
		can, err := a.Can(h.Role, d)
		if err != nil {
			return proved, err
		}
		if can.Verdict == Proved {
			continue
		}
		one := Answer{Verdict: worst(first.Verdict, can.Verdict, h.Verdict), Witness: first.Witness, Statement: first.Statement, Key: first.Key}
		one.Why = "through " + strings.Join(h.Path(), " and ")
		if one.Verdict == Undecided {
			one.Witness = nil
			one.Why += ", of which it is not decided whether each step is open"
		}
		answer = worse(answer, one)
	}
	return answer, nil
}

// worst is undecided if any step is.
func worst(steps ...Verdict) Verdict {
	if slices.Contains(steps, Undecided) {
		return Undecided
	}
	return Refuted
}

// Can says whether a role's sessions, whoever opened them, may do something:
// refuted with a call that they may make, or proved that there is none.
func (a *Account) Can(role *Role, d Doing) (Answer, error) {
	answer := Answer{Verdict: Proved, Statement: -1}
	for _, name := range role.sessionNames(a.resourceDocuments()...) {
		q, err := a.sessionQuestionOf(role, opening{name: name}, d)
		if err != nil {
			return answer, err
		}
		one, err := a.canIn(q, role, d)
		if err != nil {
			return answer, err
		}
		answer = worse(answer, role.opened(name, one))
	}
	return answer, nil
}

func (a *Account) canIn(q *question, role *Role, d Doing) (Answer, error) {
	err := q.solve()
	answer := Answer{Verdict: Proved, Statement: -1}
	if err == nil {
		answer, err = q.answer(region{q.space.whole()})
	}
	if errors.Is(err, errTooComplex) {
		return Answer{Verdict: Undecided, Statement: -1, Why: err.Error()}, nil
	}
	if err == nil && answer.Verdict == Proved {
		answer, err = a.unknownRights(role, d)
	}
	return answer, err
}

// unknownRights says what could give a role's sessions a right that its known
// policies do not: policies that the source does not have, and the policy of a
// resource of another account.
func (a *Account) unknownRights(role *Role, d Doing) (Answer, error) {
	undecided := Answer{Verdict: Undecided, Statement: -1}
	if len(role.Unread) > 0 {
		undecided.Why = "the source does not have the policy " + strings.Join(role.Unread, ", ") + " of the role"
		return undecided, nil
	}
	for i := range a.Resources {
		if r := &a.Resources[i]; r.Unread != "" && d.concerns(r.ARNs) {
			undecided.Why = "the source does not have the policy of " + r.Policy.Name + ", which could allow it: " + r.Unread
			return undecided, nil
		}
	}
	foreign := slices.DeleteFunc(d.foreign(role.Account), a.known)
	if len(foreign) == 0 {
		return Answer{Verdict: Proved, Statement: -1}, nil
	}
	other := *role
	other.Account = aws.AccountIn(foreign[0]) // as if it were the resource's own
	q, err := a.sessionQuestionOf(&other, opening{}, Doing{Actions: d.Actions, Resources: foreign[:1]})
	if err != nil {
		return undecided, err
	}
	if err := q.solve(); err != nil {
		return undecided, err
	}
	r, err := q.accepted(atMost)
	if err != nil || len(r) == 0 {
		return Answer{Verdict: Proved, Statement: -1}, err
	}
	undecided.Why = "the role's policies allow it, but the resource is of account " + other.Account + ", whose policy on it must allow it too and is not in the source"
	return undecided, nil
}

// opening is what is known of how a role's session was opened.
type opening struct {
	name    string       // of the session; "" is any that no policy names
	as      *Association // nil: of no pods
	service string       // that makes the call for the session; "" when it makes it itself
}

// sessionQuestionOf is what a role's sessions may do.
func (a *Account) sessionQuestionOf(role *Role, o opening, d Doing) (*question, error) {
	as := o.as
	w := world{keys: map[string]domain{}, follows: map[string]follows{}, account: role.Account}
	keys, other := sessionKeys(role, o.name), chainedOther(role)
	if as != nil {
		other = sessionOther(role, nil)
		keys["aws:sourceidentity"] = never
		for name, d := range as.tags() {
			keys["aws:principaltag/"+name] = d
		}
	}
	if o.service != "" {
		through(o.service, role, keys)
	}
	keys[actionKey], keys[resourceKey] = domain{values: d.actions()}, domain{values: d.resources(accountsOf(role, a.Resources))}
	w.thenKeys = a.tagged(d, func(key string) domain {
		if k, ok := keys[key]; ok {
			return k
		}
		return other(key)
	})
	w.other = func(string) domain { return never }
	q := &question{space: newSpace(&w, &budget{left: defaultWork}), role: role, sessionName: o.name, asked: d.Actions}
	q.space.then = true
	if as != nil {
		q.session = as.Policy
	}
	return q, a.permit(q, role)
}

// permit gives a question what the role's sessions of its name may do.
func (a *Account) permit(q *question, role *Role) error {
	may := q.space.permit(role, q.sessionName, a.Resources)
	if q.session != nil {
		may.session = &layer{}
		q.space.statements(may.session, q.session, nil, nil)
	}
	q.permissions, q.resources = &may, a.Resources
	var err error
	may.locks, err = a.locks(q.space, role, q.sessionName)
	return err
}
