package prove

import (
	"encoding/binary"
	"errors"
	"slices"
	"unicode/utf8"
)

// errTooComplex ends a question whose patterns have too many ways to overlap.
// Deciding them all is PSPACE-hard, so there is always a policy that needs more
// than any bound; the answer is then undecided.
var errTooComplex = errors.New("the patterns overlap in too many ways to be followed in a second")

// budget bounds the work of one question.
type budget struct{ left int }

// defaultWork is about a second of one core at most.
const defaultWork = 40_000_000

func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return errTooComplex
	}
	return nil
}

// word is the shortest word of a cell: of those that the same languages hold.
type word struct {
	in   bits // the languages, by index
	text string
}

// words lists, for the words that all the required languages hold, every
// combination of the other languages that such a word can be in, with its
// shortest word: a breadth-first walk of the product of their automata,
// determinised on the way.
func words(required, languages []expr, b *budget) ([]word, error) {
	n := &nfa{states: make([]nfaState, 0, statesOf(required)+statesOf(languages)+1)}
	start := n.state(0)
	for i, l := range required {
		n.add(l, int32(i), start)
	}
	for i, l := range languages {
		n.add(l, int32(len(required)+i), start)
	}
	if err := b.spend(len(n.states)); err != nil {
		return nil, err
	}
	n.close()
	w := walk{n: n, b: b, required: int32(len(required)), langs: len(languages), seen: map[string]struct{}{}, found: map[string]struct{}{}}
	return w.run(start)
}

type walk struct {
	n        *nfa
	b        *budget
	required int32
	langs    int

	nodes []node
	seen  map[string]struct{}
	found map[string]struct{}
	out   []word

	// Space that is used again.
	key    []byte
	starts []rune
	groups map[string]int
	sure   []int32
}

// node is a set of states, and how it was come to.
type node struct {
	set    []int32
	parent int32
	r      rune
}

func (w *walk) run(start int32) ([]word, error) {
	w.groups = map[string]int{}
	w.visit(slices.Clone(w.n.closed[start]), -1, 0)
	for i := 0; i < len(w.nodes); i++ {
		w.accept(int32(i))
		if err := w.expand(int32(i)); err != nil {
			return nil, err
		}
	}
	return w.out, nil
}

// visit adds a set unless it is known or no word of the required languages
// comes of it.
func (w *walk) visit(set []int32, parent int32, r rune) {
	set = w.collapse(set)
	alive := int32(0)
	for _, s := range set {
		if lang := w.n.states[s].lang; lang == alive {
			alive++
		} else if lang > alive {
			break
		}
	}
	if alive < w.required {
		return
	}
	w.key = w.key[:0]
	for _, s := range set {
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(s))
	}
	if _, known := w.seen[string(w.key)]; known {
		return
	}
	w.seen[string(w.key)] = struct{}{}
	w.nodes = append(w.nodes, node{set: set, parent: parent, r: r})
}

// collapse sorts the set, and keeps of a language that is sure to hold the word
// nothing but that: otherwise patterns such as *x* would be told apart by where
// else they might match.
func (w *walk) collapse(set []int32) []int32 {
	slices.Sort(set)
	set = slices.Compact(set)
	w.sure = w.sure[:0]
	for _, s := range set {
		if w.n.states[s].sure {
			w.sure = append(w.sure, s)
		}
	}
	if len(w.sure) == 0 {
		return set
	}
	kept := set[:0]
	for _, s := range set {
		lang := w.n.states[s].lang
		i := slices.IndexFunc(w.sure, func(t int32) bool { return w.n.states[t].lang == lang })
		if i < 0 || w.sure[i] == s || w.n.states[s].accepts != 0 && slices.Contains(w.n.closed[w.sure[i]], s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func (w *walk) accept(i int32) {
	in := newBits(w.langs)
	whole := int32(0)
	for _, s := range w.nodes[i].set {
		switch a := w.n.states[s].accepts; {
		case a == 0:
		case a <= w.required:
			whole++ // a language has one accepting state
		default:
			in.set(int(a - 1 - w.required))
		}
	}
	if whole < w.required {
		return
	}
	key := in.key()
	if _, known := w.found[key]; known {
		return
	}
	w.found[key] = struct{}{}
	w.out = append(w.out, word{in: in, text: w.text(i)})
}

func (w *walk) text(i int32) string {
	var rs []rune
	for ; w.nodes[i].parent >= 0; i = w.nodes[i].parent {
		rs = append(rs, w.nodes[i].r)
	}
	slices.Reverse(rs)
	out := make([]byte, 0, len(rs))
	for _, r := range rs {
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// successor is a class of characters that lead from a set to the same set.
type successor struct {
	r    rune // the one that a witness takes
	rank int
	set  []int32
}

func (w *walk) expand(i int32) error {
	set := w.nodes[i].set
	w.starts = w.starts[:0]
	for _, s := range set {
		for _, r := range w.n.states[s].on {
			w.starts = append(w.starts, r.lo, r.hi+1)
		}
	}
	slices.Sort(w.starts)
	w.starts = slices.Compact(w.starts)
	if err := w.b.spend(len(w.starts)*len(set) + 16); err != nil {
		return err
	}
	clear(w.groups)
	var next []successor
	for j := 0; j+1 < len(w.starts); j++ {
		lo, hi := w.starts[j], w.starts[j+1]-1
		w.key = w.key[:0]
		inShape := int32(0)
		for k, s := range set {
			if st := &w.n.states[s]; st.on.has(lo) {
				w.key = binary.LittleEndian.AppendUint16(w.key, uint16(k))
				if st.lang == inShape {
					inShape++
				}
			}
		}
		if inShape < w.required {
			continue
		}
		r := choose(lo, hi)
		g, known := w.groups[string(w.key)]
		if !known {
			g = len(next)
			w.groups[string(w.key)] = g
			next = append(next, successor{r: r, rank: rank(r), set: w.step(set, w.key)})
		} else if at := rank(r); at < next[g].rank {
			next[g].r, next[g].rank = r, at
		}
	}
	slices.SortFunc(next, func(a, b successor) int { return a.rank - b.rank })
	for _, n := range next {
		if err := w.b.spend(3 * len(n.set)); err != nil {
			return err
		}
		w.visit(n.set, i, n.r)
	}
	return nil
}

// step is where the members of a set lead; key holds their indexes.
func (w *walk) step(set []int32, key []byte) []int32 {
	var out []int32
	for ; len(key) > 0; key = key[2:] {
		s := set[binary.LittleEndian.Uint16(key)]
		out = append(out, w.n.closed[w.n.states[s].next]...)
	}
	return out
}

// choose is the most readable character of a range.
func choose(lo, hi rune) rune {
	for _, block := range preferred {
		if block.lo <= hi && lo <= block.hi {
			return max(lo, block.lo)
		}
	}
	return lo
}

// matcher is a language made ready to be asked about one word after another.
type matcher struct{ n *nfa }

func newMatcher(e expr) *matcher {
	n := &nfa{}
	n.add(e, 0, n.state(0))
	n.close()
	return &matcher{n}
}

func (m *matcher) holds(word string) bool {
	at := m.n.closed[0]
	var next []int32
	for _, r := range word {
		next = next[:0]
		for _, s := range at {
			if st := &m.n.states[s]; st.on.has(r) {
				next = append(next, m.n.closed[st.next]...)
			}
		}
		slices.Sort(next)
		next = slices.Compact(next)
		if len(next) == 0 {
			return false
		}
		at = slices.Clone(next)
	}
	return slices.ContainsFunc(at, func(s int32) bool { return m.n.states[s].accepts != 0 })
}

// holds says whether a language holds a word.
func holds(e expr, word string) bool {
	found, err := words([]expr{text(word), e}, nil, &budget{left: 1 << 24})
	return err == nil && len(found) > 0
}
