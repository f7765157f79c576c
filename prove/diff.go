package prove

import (
	"errors"

	"github.com/irsa-emu/irsa-emu/policy"
)

// outside is the part of a region that the trust policy does not let in.
func (q *question) outside(r region, b bound) (region, error) {
	var out region
	for i := range q.layers {
		l := &q.layers[i]
		not, err := q.space.minusAll(r, q.space.boxes(l.allow, !b, policy.NotNamed))
		if err != nil {
			return nil, err
		}
		denied, err := q.space.intersect(r, q.space.boxes(l.deny, b, policy.NotNamed))
		if err != nil {
			return nil, err
		}
		out = append(append(out, not...), denied...)
	}
	return out, nil
}

// Gains lists what tokens of a provider can assume the role as it is now and
// could not before, a row for each pattern of the policy.
func Gains(before, now *Role, was, is *Provider) ([]Row, error) {
	rows, err := gains(before, now, was, is)
	if errors.Is(err, errTooComplex) {
		statement, key := heaviest(now.Trust.Document)
		return []Row{{Provider: is, Pattern: is.AnySubject(), Statement: statement, Key: key, Why: err.Error()}}, nil
	}
	return rows, err
}

func gains(before, now *Role, was, is *Provider) ([]Row, error) {
	b := &budget{left: defaultWork}
	mentioned := mentionedKeys(is, nil, now.Trust.Document, before.Trust.Document)
	worlds, err := tokenWorlds(is, now, mentioned)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i := range worlds {
		q := newQuestion(&worlds[i], now, b)
		q.split()
		old := &question{space: q.space, role: before}
		for _, action := range worlds[i].actions {
			old.layers = append(old.layers, q.space.trust(before.Trust.Document, action))
		}
		audience := q.space.oldAudience(was)
		if err := q.solve(); err != nil {
			return nil, err
		}
		found, err := q.rows(func(b bound) (region, error) {
			now, err := q.accepted(b)
			if err != nil || was == nil || was.Missing {
				return now, err
			}
			out, err := old.outside(now, b)
			if err != nil || audience == nil {
				return out, err
			}
			d := q.space.dims[audience.dim]
			other, err := q.space.intersect(now, region{q.space.whole().narrow(audience.dim, fullBits(len(d.cells)).minus(q.space.cells(*audience, !b)))})
			return append(out, other...), err
		})
		if err != nil {
			return nil, err
		}
		rows = mergeRows(rows, found)
	}
	return rows, nil
}

// oldAudience is the test whether the provider took the audience before.
func (s *space) oldAudience(was *Provider) *ref {
	if was == nil || was.ClientIDs == nil {
		return nil
	}
	t := policy.Test{Comparison: "StringEquals", Key: s.world.provider.prefix() + "aud"}
	for _, id := range was.ClientIDs {
		t.Values = append(t.Values, policy.Pattern{{Text: id}})
	}
	r := s.test(t, nil)
	return &r
}
