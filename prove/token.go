package prove

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// tokenWorlds are the kinds of calls that tokens of a provider can make for a
// role, apart where keys depend on each other. mentioned are the keys that
// policies and claims test.
func tokenWorlds(p *Provider, role *Role, mentioned map[string]bool) ([]world, error) {
	if p.Missing || p.ClientIDs != nil && len(p.ClientIDs) == 0 {
		return nil, nil // STS refuses every token
	}
	if p.Pin != nil && p.Pin.Whole {
		return p.Pin.worlds(p, role), nil
	}
	features := []sessionFeatures{{}}
	if setsAWSClaims(p.Kind) {
		var err error
		if features, err = sessionFeaturesOf(mentioned); err != nil {
			return nil, err
		}
	}
	var out []world
	for _, f := range features {
		w := tokenWorld(p, role, f)
		if p.Pin != nil {
			p.Pin.narrow(&w)
			out = append(out, w)
			continue
		}
		// An enterprise's own issuer has no keys but the default ones.
		if p.Kind == GitHub && len(aws.IssuerOf(p.Issuer).OwnKeys()) > 0 && slices.ContainsFunc(slices.Collect(maps.Keys(mentioned)), p.derives) {
			out = append(out, gitHubWorlds(w, p)...)
			continue
		}
		out = append(out, w)
	}
	return out, nil
}

// sessionFeaturesOf are the ways in which a token can bring session tags and a
// source identity, as far as it matters to someone who tests the given keys.
func sessionFeaturesOf(mentioned map[string]bool) ([]sessionFeatures, error) {
	return taggedFeatures([]sessionFeatures{{}, {sourceIdentity: true}, {tagged: true}, {sourceIdentity: true, tagged: true}}, mentioned)
}

// callFeaturesOf are the ways in which a caller can give a session tags and a source
// identity: tags only where somebody tests them.
func callFeaturesOf(mentioned map[string]bool) ([]sessionFeatures, error) {
	out := []sessionFeatures{{}, {sourceIdentity: true}}
	for key := range mentioned {
		if aws.SessionTagKey(key) {
			out = append(out, sessionFeatures{tagged: true}, sessionFeatures{sourceIdentity: true, tagged: true})
			break
		}
	}
	return taggedFeatures(out, mentioned)
}

func taggedFeatures(out []sessionFeatures, mentioned map[string]bool) ([]sessionFeatures, error) {
	var tags []string
	for key := range mentioned {
		if tag, ok := strings.CutPrefix(key, "aws:requesttag/"); ok {
			tags = append(tags, tag)
		}
	}
	if len(tags) > 4 {
		return nil, errTooComplex
	}
	slices.Sort(tags)
	for _, tag := range tags {
		for _, f := range slices.Clone(out) {
			if f.tagged {
				f.tags = append(slices.Clone(f.tags), tag)
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// mentionedKeys collects what documents and claims test, in lower case.
func mentionedKeys(p *Provider, claim *Claim, docs ...*policy.Document) map[string]bool {
	out := map[string]bool{}
	for _, d := range docs {
		if d == nil {
			continue
		}
		for _, key := range d.ContextKeys() {
			out[strings.ToLower(key)] = true
		}
	}
	if claim != nil {
		for _, list := range [][]KeyPatterns{claim.Only, claim.Never} {
			for i := range list {
				out[list[i].test(p).Key] = true
			}
		}
	}
	return out
}

// Verdict is the answer about a claim.
type Verdict string

// Verdicts.
const (
	Proved    Verdict = "proved"
	Refuted   Verdict = "refuted"
	Undecided Verdict = "undecided"
)

// Answer is a verdict with what shows it.
type Answer struct {
	Verdict Verdict
	Witness *Witness // of a refutation
	// Statement and Key are what an undecided answer depends on; Statement is -1
	// when it is none in particular.
	Statement int
	Key       string
	Why       string
}

// Holds decides a claim about all tokens of a provider that can assume a role.
func Holds(p *Provider, role *Role, claim Claim) (Answer, error) {
	if role.Unknown != "" {
		return unknownTrust(role), nil
	}
	b := &budget{left: defaultWork}
	answer := Answer{Verdict: Proved, Statement: -1}
	worlds, err := tokenWorlds(p, role, mentionedKeys(p, &claim, role.Trust.Document))
	for i := 0; err == nil && i < len(worlds); i++ {
		var one Answer
		if one, err = holdsIn(&worlds[i], role, &claim, b); err == nil {
			answer = worse(answer, one)
		}
	}
	if errors.Is(err, errTooComplex) {
		if answer.Verdict == Refuted {
			return answer, nil
		}
		statement, key := heaviest(role.Trust.Document)
		return Answer{Verdict: Undecided, Statement: statement, Key: key, Why: errTooComplex.Error()}, nil
	}
	return answer, err
}

// worse is a refutation before what is undecided, and the shorter witness.
func worse(a, b Answer) Answer {
	rank := map[Verdict]int{Proved: 0, Undecided: 1, Refuted: 2}
	if rank[a.Verdict] != rank[b.Verdict] {
		if rank[a.Verdict] > rank[b.Verdict] {
			return a
		}
		return b
	}
	if a.Verdict == Refuted && b.Witness.cost < a.Witness.cost {
		return b
	}
	return a
}

func holdsIn(w *world, role *Role, claim *Claim, b *budget) (Answer, error) {
	q := newQuestion(w, role, b)
	g := q.space.goal(claim)
	if err := q.solve(); err != nil {
		return Answer{}, err
	}
	return q.answer(q.space.broken(g))
}

// question is who can assume a role, in one world.
type question struct {
	space  *space
	role   *Role
	layers []layer // of the trust policy, for each action that must be allowed
	// caller is the role whose session asks; nil for tokens. Its permissions count
	// for each action.
	caller  *Role
	callers []permissions
	// permissions are what the role's own session may do then; nil when only the
	// role is asked for.
	permissions *permissions
	resources   []ResourcePolicy
	session     *policy.Document // the session policy of an association
	asked       []string         // the actions of the session's call, as they are asked for
	sessionName string           // of the role's session; "" is any that no policy names
	// trustOnly takes the caller to have the permission of his own account.
	trustOnly bool
}

func newQuestion(w *world, role *Role, b *budget) *question {
	q := &question{space: newSpace(w, b), role: role}
	for _, action := range w.actions {
		q.layers = append(q.layers, q.space.trust(role.Trust.Document, action))
	}
	return q
}

func (q *question) solve() error { return q.space.solve() }

// accepted is the region of the requests that the role's trust policy lets in.
func (q *question) accepted(b bound) (region, error) {
	for _, d := range q.space.dims {
		if len(d.cells) == 0 {
			return nil, nil // a key that is always there has no possible value
		}
	}
	out := region{q.space.whole()}
	for i := range q.layers {
		one, err := q.let(i, b)
		if err != nil {
			return nil, err
		}
		if out, err = q.space.intersect(out, one); err != nil {
			return nil, err
		}
	}
	if q.permissions != nil {
		does, err := q.space.does(q.permissions, b)
		if err != nil {
			return nil, err
		}
		if out, err = q.space.intersect(out, does); err != nil {
			return nil, err
		}
	}
	if b == surely {
		out = q.space.known(out)
	}
	return out, nil
}

// let is the region of what the policies let through for one action.
func (q *question) let(i int, b bound) (region, error) {
	if q.caller == nil {
		return q.space.allowed(&q.layers[i], b)
	}
	return q.letCaller(i, b)
}

// answer decides whether an accepted request is in a region.
func (q *question) answer(in region) (Answer, error) {
	return q.answerIn(func(b bound) (region, error) {
		accepted, err := q.accepted(b)
		if err != nil {
			return nil, err
		}
		return q.space.intersect(accepted, in)
	})
}

// answerIn decides whether a region is empty, which is asked for surely and at
// most.
func (q *question) answerIn(of func(bound) (region, error)) (Answer, error) {
	bounds := []bound{surely, atMost}
	if q.space.exact() {
		bounds = bounds[:1]
	}
	for _, b := range bounds {
		found, err := of(b)
		if err != nil {
			return Answer{}, err
		}
		if b == surely {
			found = q.space.known(found)
		}
		p, some := q.space.best(found)
		switch {
		case some && b == surely:
			w, err := q.witness(p)
			return Answer{Verdict: Refuted, Witness: w, Statement: -1}, err
		case some:
			return q.undecided(found), nil
		}
	}
	return Answer{Verdict: Proved, Statement: -1}, nil
}

func (q *question) undecided(found region) Answer {
	if w, ok := q.solveVariables(found); ok && q.space.hidden == "" {
		return Answer{Verdict: Refuted, Witness: w, Statement: -1}
	}
	statement, key, why := q.space.blame(q.everyLayer())
	return Answer{Verdict: Undecided, Statement: statement, Key: key, Why: why}
}

// Worse says whether the answer weighs more than another: a refutation more than
// what is undecided, and that more than a proof.
func (a Answer) Worse(than Answer) bool {
	return a.Verdict != than.Verdict && worse(a, than).Verdict == a.Verdict
}
