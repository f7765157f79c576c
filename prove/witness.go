package prove

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Witness is one request that gets through, as short as they come.
type Witness struct {
	// Claims are the token's, by their names, as check --claims takes them.
	Claims map[string]any
	// Needs are keys of the request that must have a value: what the caller must
	// know or choose, and where the call must come from.
	Needs []Need
	// Statements are the indexes of the Allow statements that let it in.
	Statements []int
	// Context are all condition keys.
	Context policy.Context
	// Action, Resource and Then are the call that the session makes then; empty when
	// only the role was asked for.
	Action, Resource string
	Then             policy.Context
	// Decisions are the engine's, one for each action.
	Decisions []policy.Decision

	cost int
}

// Need is a condition key that must have a value.
type Need struct {
	Key   string
	Value string
	// Chosen says that the caller chooses it; Then, that it is of the session's call.
	Chosen, Then bool
	// SessionOf is the role whose session must have it as its name; "" otherwise.
	SessionOf string
}

func (n Need) String() string {
	text := n.Key + " = " + n.Value
	if n.Chosen {
		text += " (the caller chooses it)"
	}
	return text
}

// Disagreement is a witness that the engine does not let in: a fault of this
// package or of the engine, and never of the policy.
type Disagreement struct {
	Witness  *Witness
	Decision policy.Decision
}

func (e *Disagreement) Error() string {
	return fmt.Sprintf("this is a bug of irsa-emu, please report it with the policy: its proof found that %s is let in by %s, its engine refuses that (%s)",
		describeClaims(e.Witness.Claims), e.Decision.Action, e.Decision.Reason)
}

func describeClaims(claims map[string]any) string {
	var out []string
	for name, value := range claims {
		out = append(out, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// witness is a point as a request, which the engine has let in.
func (q *question) witness(p point) (*Witness, error) {
	w := q.space.request(p)
	if !q.letsIn(w) {
		return nil, &Disagreement{Witness: w, Decision: w.Decisions[len(w.Decisions)-1]}
	}
	w.Action = q.spelled(w.Action)
	return w, nil
}

// spelled is an action as the question or a policy spells it.
func (q *question) spelled(action string) string {
	names := q.asked
	for _, l := range q.everyLayer() {
		for _, c := range l.allow {
			names = append(names[:len(names):len(names)], c.statement.Actions.Values...)
		}
	}
	for _, name := range names {
		if strings.EqualFold(name, action) {
			return name
		}
	}
	return action
}

func (q *question) evaluate(action string, ctx policy.Context) policy.Decision {
	w := q.space.world
	return policy.Evaluate(q.policies(), policy.Request{Action: action, Resource: w.resource, Principal: w.principal, Context: ctx})
}

// letIn are the Allow statements of the trust policy that apply.
func letIn(d *policy.Decision) []int {
	out := []int{}
	for _, p := range d.Policies {
		if p.Type != policy.TrustPolicy && p.Type != policy.ResourcePolicy {
			continue
		}
		for _, st := range p.Statements {
			if st.Applies && st.Effect == "Allow" {
				out = append(out, st.Index)
			}
		}
	}
	return out
}

// request turns a point into keys and claims.
func (s *space) request(p point) *Witness {
	w := &Witness{Context: policy.Context{}, Claims: map[string]any{}}
	if s.world.thenKeys != nil {
		w.Then = policy.Context{}
	}
	values := map[string][]string{}
	for i, d := range s.dims {
		c := &d.cells[p[i]]
		w.cost += c.cost
		if !c.absent {
			values[d.key] = c.values
		}
		if d.domain.claim == "" && d.key != thenPrefix+actionKey && d.key != thenPrefix+resourceKey {
			if _, constant := d.domain.constant(); !constant && !c.absent {
				w.Needs = append(w.Needs, Need{Key: d.written(), Then: strings.HasPrefix(d.key, thenPrefix), Value: strings.Join(c.values, ", "), Chosen: d.domain.chosen})
			}
		}
	}
	slices.SortFunc(w.Needs, func(a, b Need) int { return strings.Compare(a.Key, b.Key) })
	s.complete(values)
	for key, list := range values {
		ctx, name := w.Context, key
		if then, ok := strings.CutPrefix(key, thenPrefix); ok {
			ctx, name = w.Then, then
		}
		d := s.world.domain(key)
		if d.many == multi || d.many == either && len(list) > 1 {
			ctx.SetMulti(name, list)
		} else {
			ctx.Set(name, list[0])
		}
		if s.world.thenKeys != nil && s.world.kept(key) {
			w.Then[key] = w.Context[key]
		}
	}
	w.called()
	for alias, key := range s.world.same {
		if list, ok := values[key]; ok {
			w.Context.Set(alias, list[0])
		}
	}
	s.claims(w.Claims, values)
	return w
}

// written is the key as a policy has it.
func (d *dimension) written() string {
	if d.name != "" {
		return d.name
	}
	return strings.TrimPrefix(d.key, thenPrefix)
}

// called takes the action and the resource out of the second call's keys.
func (w *Witness) called() {
	if a, ok := w.Then.Get(actionKey); ok {
		w.Action = a.List[0]
	}
	if r, ok := w.Then.Get(resourceKey); ok {
		w.Resource = r.List[0]
	}
	delete(w.Then, actionKey)
	delete(w.Then, resourceKey)
	delete(w.Context, actionKey)
	delete(w.Context, resourceKey)
}

// complete adds keys that no test is about: those without which there is no
// token or call, and those that have the same value in each.
func (s *space) complete(values map[string][]string) {
	for key, d := range s.world.keys {
		if _, has := values[key]; has || d.absent || d.values.words == nil {
			continue
		}
		if _, tested := s.byKey[key]; tested {
			continue
		}
		if v, ok := d.constant(); ok {
			values[key] = []string{v}
		} else if s.world.provider == nil && !d.chosen {
			continue
		} else if key == roleSessionName {
			values[key] = []string{"session"}
		} else if d.chosen || d.claim == "sub" || d.claim == "aud" || d.claim == sourceIdentityClaim || d.claim == tagKeysClaim {
			values[key] = anyOf(&d)
		}
	}
	if s.world.provider != nil && s.world.provider.Kind == GitHub {
		s.completeGitHub(values)
	}
	s.completeThen(values)
}

// completeThen gives the second call an action and a resource where no policy
// tests them, and what is always the same.
func (s *space) completeThen(values map[string][]string) {
	if s.world.thenKeys == nil {
		return
	}
	for _, key := range []string{actionKey, resourceKey} {
		if _, has := values[thenPrefix+key]; !has {
			d := s.world.thenKeys(key)
			values[thenPrefix+key] = anyOf(&d)
		}
	}
	for _, key := range []string{"aws:principalarn", "aws:principalaccount", "aws:principaltype"} {
		if v := s.world.thenKeys(key); v.values.words != nil {
			values[thenPrefix+key] = anyOf(&v)
		}
	}
}

// anyOf is the shortest value of a domain.
func anyOf(d *domain) []string {
	var out []string
	shortest := func(words_ expr, lengths *limits) {
		found, err := words([]expr{words_}, nil, &budget{left: defaultWork})
		if err == nil && len(found) > 0 && !lengths.keeps(found[0].text) {
			found, err = words([]expr{words_, lengths}, nil, &budget{left: defaultWork})
		}
		if err == nil && len(found) > 0 {
			out = append(out, found[0].text)
		}
	}
	for _, with := range d.with {
		shortest(with, nil)
	}
	if len(out) == 0 {
		shortest(d.values.words, d.values.lengths)
	}
	return out
}

// completeGitHub gives the claims that follow from the subject their values.
func (s *space) completeGitHub(values map[string][]string) {
	prefix := s.world.provider.prefix()
	subject := values[prefix+"sub"]
	if len(subject) == 0 {
		return
	}
	claims, ok := s.world.provider.gitHubClaimsOf(subject[0])
	if !ok {
		return
	}
	for name, value := range claims {
		if _, isKey := s.world.keys[prefix+name]; !isKey {
			continue
		}
		if _, tested := s.byKey[prefix+name]; tested {
			if _, derived := s.world.follows[prefix+name]; !derived {
				continue
			}
		}
		values[prefix+name] = []string{value}
	}
}

// claims are the token's claims that the keys come from.
func (s *space) claims(claims map[string]any, values map[string][]string) {
	p := s.world.provider
	if p == nil {
		return
	}
	claims["iss"] = "https://" + strings.TrimPrefix(p.Issuer, "https://")
	tags := map[string]any{}
	for key, list := range values {
		d := s.world.domain(key)
		switch {
		case key == "sts:roleauthorizedbyidp" && list[0] == "true":
			claims[aws.ClaimRoles] = s.world.resource
		case d.claim == "" || d.claim == transitiveClaim:
		case d.claim == tagKeysClaim:
			for _, tag := range list {
				value := ""
				if v := values["aws:requesttag/"+strings.ToLower(tag)]; len(v) > 0 {
					value = v[0]
				}
				tags[tag] = []string{value}
			}
		case strings.HasPrefix(d.claim, tagsClaim):
		case d.claim == "oaud":
			claims["aud"], claims["azp"] = list, values[p.prefix()+"aud"][0]
		case d.claim == "aud":
			if _, listed := values[p.prefix()+"oaud"]; !listed {
				claims["aud"] = list[0]
			}
		case d.many == multi:
			claims[d.claim] = list
		default:
			if outer, inner, nested := strings.Cut(d.claim, "."); nested && p.Kind == Google {
				claims[outer] = map[string]any{inner: list[0]}
			} else {
				claims[d.claim] = list[0]
			}
		}
	}
	if len(tags) > 0 {
		all := map[string]any{"principal_tags": tags}
		if list := values["sts:transitivetagkeys"]; len(list) > 0 {
			all["transitive_tag_keys"] = list
		}
		claims[aws.ClaimTags] = all
	}
}
