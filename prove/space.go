package prove

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// space is a world with the tests that policies and claims make in it. Its
// dimensions are the keys that are tested, each cut into cells: a cell holds the
// values that all tests treat alike. A set of requests is then a union of boxes,
// a box being a set of cells for each key.
type space struct {
	world  *world
	budget *budget
	dims   []*dimension
	byKey  map[string]int
	refs   map[string]ref // of tests by what they say
	then   bool           // tests that are registered are of the second call
	hidden string         // a policy that is not known; "" when there is none
}

// dimension is one key.
type dimension struct {
	key    string
	name   string // as a policy has it
	domain domain
	tests  []*keyTest
	cells  []cell
}

// keyTest is one test of a key, and in which cells it is met: surely, or at most.
type keyTest struct {
	test        policy.Test
	condition   *policy.Condition // nil: of a claim
	most, least expr              // the values that match
	unknown     string            // a variable on which it depends
	may, must   bits
}

// cell is a set of values of a key.
type cell struct {
	absent bool
	values []string // witness: one value, or those of a set
	in     []bits   // of each value, which tests' languages hold it: most, least alternating
	// supposed: that there is such a value is not known.
	supposed bool
	cost     int
}

// ref names a test of a dimension. A test whose result is the same in every
// request has no dimension.
type ref struct{ dim, test int }

func newSpace(w *world, b *budget) *space {
	return &space{world: w, budget: b, byKey: map[string]int{}, refs: map[string]ref{}}
}

// register adds a condition to its key's dimension.
func (s *space) register(c *policy.Condition) (ref, bool) {
	t, known := c.Test()
	if !known {
		return ref{}, false
	}
	return s.test(t, c), true
}

// test adds a test, of a condition or of a claim. A test of the second call's
// keys is of the first one's where the session keeps what the token had.
func (s *space) test(t policy.Test, c *policy.Condition) ref {
	if s.then && !s.world.kept(t.Key) {
		t.Key = thenPrefix + t.Key
	}
	key := t.Key
	if other, ok := s.world.same[key]; ok {
		key = other
	}
	lift, lifted := s.world.follows[key]
	if lifted && comparisonOf(t.Comparison) == byText {
		key = s.world.subject
	} else {
		lifted = false
	}
	d0 := s.world.domain(key)
	_, agrees := s.world.follows[key]
	d0.supposed = d0.supposed || agrees && comparisonOf(t.Comparison) == byMeasure
	signature := signatureOf(t)
	if r, ok := s.refs[signature]; ok {
		return r
	}
	i, ok := s.byKey[key]
	if !ok {
		i = len(s.dims)
		s.byKey[key] = i
		s.dims = append(s.dims, &dimension{key: key, domain: d0})
	}
	k := &keyTest{test: t, condition: c}
	if comparisonOf(t.Comparison) == byText {
		k.most, k.least, k.unknown = matching(t, call{s.world, s.then})
		if t.Comparison == arnComparison && k.unknown == "" {
			k.unknown = variableIn(t.Values)
		}
		if lifted {
			k.most, k.least = lift.in(k.most), lift.in(k.least)
		}
	}
	d := s.dims[i]
	if d.name == "" && c != nil {
		d.name = c.Key
	}
	d.tests = append(d.tests, k)
	r := ref{i, len(d.tests) - 1}
	s.refs[signature] = r
	return r
}

func signatureOf(t policy.Test) string {
	var b strings.Builder
	b.WriteString(t.Key + "\x00" + t.Comparison)
	b.WriteByte(byte(t.Qualifier) + '0')
	for _, flag := range []bool{t.Negated, t.IfExists} {
		if flag {
			b.WriteByte('!')
		} else {
			b.WriteByte('.')
		}
	}
	for _, v := range t.Values {
		b.WriteByte(0)
		for _, p := range v {
			b.WriteString(p.Text)
			b.WriteByte(1)
			b.WriteString(p.Variable)
			if p.Literal || p.HasDefault {
				b.WriteString("\x02" + p.Default)
			}
		}
	}
	return b.String()
}

// kept says whether a session has the key as its token had it.
func (w *world) kept(key string) bool {
	if w.provider == nil {
		return false
	}
	claim, ok := strings.CutPrefix(key, w.provider.prefix())
	return ok && (claim == "sub" || claim == "aud" || claim == "amr")
}

// call is one call of a world, for whose policies variables are resolved.
type call struct {
	world *world
	then  bool
}

func (c call) key(key string) string {
	if c.then && !c.world.kept(key) {
		return thenPrefix + key
	}
	if other, ok := c.world.same[key]; ok {
		return other
	}
	return key
}

// resolve gives the value of a key as a policy variable.
func (c call) resolve(key string) (value string, has, known bool) {
	d := c.world.domain(c.key(key))
	if d.values.words == nil || d.many == multi {
		return "", false, true // a multivalued key is no variable
	}
	if value, ok := d.constant(); ok {
		if _, lifted := c.world.follows[key]; !lifted {
			return value, true, true
		}
	}
	return "", false, false
}

// variable is what a key can be as a policy variable.
func (c call) variable(key string) expr { return c.world.domain(c.key(key)).values.words }

// solve cuts the dimensions into cells and finds out where each test is met.
func (s *space) solve() error {
	for _, d := range s.dims {
		if err := d.solve(s.budget); err != nil {
			return err
		}
	}
	return nil
}

func (d *dimension) solve(b *budget) error {
	if d.domain.absent {
		d.cells = append(d.cells, cell{absent: true})
	}
	if d.domain.values.words != nil {
		present, err := d.values(b)
		if err != nil {
			return err
		}
		for i := range present {
			present[i].supposed = present[i].supposed || d.domain.supposed
		}
		if d.domain.many == single {
			d.cells = append(d.cells, present...)
		} else {
			sets, err := d.sets(present, b)
			if err != nil {
				return err
			}
			if d.domain.many == either {
				d.cells = append(d.cells, present...)
			}
			d.cells = append(d.cells, sets...)
		}
	}
	if err := b.spend(len(d.cells) * len(d.tests)); err != nil {
		return err
	}
	slices.SortStableFunc(d.cells, func(x, y cell) int { return cmp.Compare(x.cost, y.cost) })
	for i, t := range d.tests {
		t.may, t.must = newBits(len(d.cells)), newBits(len(d.cells))
		for j := range d.cells {
			may, must := d.met(t, i, &d.cells[j])
			if may {
				t.may.set(j)
			}
			if must {
				t.must.set(j)
			}
		}
	}
	return nil
}

// met is the engine's rule for one condition, for a whole cell (policy,
// Condition.Met): at most, and surely.
func (d *dimension) met(t *keyTest, index int, c *cell) (may, must bool) {
	test := &t.test
	if test.Comparison == "Null" {
		wanted := "false"
		if c.absent {
			wanted = "true"
		}
		for _, v := range test.Values {
			if strings.EqualFold(plainText(v), wanted) {
				return true, true
			}
		}
		return false, false
	}
	if c.absent {
		var met bool
		switch test.Qualifier {
		case policy.ForAllValues:
			met = true
		case policy.ForAnyValue:
		default:
			met = test.Negated || test.IfExists
		}
		return met, met
	}
	value := func(i int) (may, must bool) {
		if test.Comparison == arnComparison && test.Unreadable {
			return false, false
		}
		if test.Comparison == arnComparison && t.unknown != "" {
			// With the variable's value it may be no ARN, and then it is never met.
			defer func() { must = false }()
		}
		most, least := c.in[i].has(2*index), c.in[i].has(2*index+1)
		if test.Negated {
			return !least, !most
		}
		return most, least
	}
	switch {
	case test.Qualifier == policy.ForAnyValue:
		for i := range c.values {
			x, y := value(i)
			may, must = may || x, must || y
		}
		return may, must
	case test.Qualifier == policy.ForAllValues:
		may, must = true, true
		for i := range c.values {
			x, y := value(i)
			may, must = may && x, must && y
		}
		return may, must
	case d.domain.many == multi || d.domain.many == either && len(c.values) > 1:
		return false, false // recorded: it never matches, negated or not
	}
	return value(0)
}

// exact says that all is known for sure: what is met at most is met surely.
func (s *space) exact() bool {
	if s.hidden != "" {
		return false
	}
	for _, d := range s.dims {
		for _, t := range d.tests {
			if t.unknown != "" {
				return false
			}
		}
		for i := range d.cells {
			if d.cells[i].supposed {
				return false
			}
		}
	}
	return true
}
