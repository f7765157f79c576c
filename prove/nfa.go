package prove

// nfa is a nondeterministic automaton under construction, and then fixed. A
// state consumes at most one character; empty moves join the pieces.
type nfa struct {
	states []nfaState
	closed [][]int32 // of each state: those with a character or an acceptance, reachable by empty moves
}

type nfaState struct {
	on    charset // nil: consumes nothing
	next  int32
	empty []int32
	// accepts is the index of the language whose words end here, plus one.
	accepts int32
	// lang is the language that the state belongs to; sure says that whatever
	// follows, the word is in it.
	lang int32
	sure bool
}

// expr is a language as a tree: what shapes and patterns are written in.
type expr interface {
	build(b *nfa, lang, from int32) (to int32)
}

type (
	// text is the word itself.
	text string
	// fold is the word, whatever the case of its letters.
	fold string
	// class is one character of a set.
	class charset
	// star is any number of characters of a set, in a row.
	star charset
	// seq is one after the other, alt is one of several, opt is one or nothing.
	seq []expr
	alt []expr
	opt struct{ expr }
	// plus is one or more times.
	plus struct{ expr }
	// upTo is n times or fewer.
	upTo struct {
		expr
		n int
	}
)

func (b *nfa) state(lang int32) int32 {
	b.states = append(b.states, nfaState{lang: lang})
	return int32(len(b.states) - 1)
}

func (b *nfa) move(lang, from int32, on charset) int32 {
	to := b.state(lang)
	if b.states[from].on != nil { // never shared: a state consumes one set
		mid := b.state(lang)
		b.states[from].empty = append(b.states[from].empty, mid)
		from = mid
	}
	b.states[from].on, b.states[from].next = on, to
	return to
}

func (b *nfa) skip(from, to int32) { b.states[from].empty = append(b.states[from].empty, to) }

func (e text) build(b *nfa, lang, from int32) int32 {
	for _, r := range e {
		from = b.move(lang, from, one(r))
	}
	return from
}

func (e fold) build(b *nfa, lang, from int32) int32 {
	for _, r := range e {
		from = b.move(lang, from, folded(r))
	}
	return from
}

func (e class) build(b *nfa, lang, from int32) int32 { return b.move(lang, from, charset(e)) }

func (e star) build(b *nfa, lang, from int32) int32 {
	loop := b.state(lang)
	b.skip(from, loop)
	b.states[loop].on, b.states[loop].next = charset(e), loop
	end := b.state(lang)
	b.skip(loop, end)
	return end
}

func (e seq) build(b *nfa, lang, from int32) int32 {
	for _, part := range e {
		from = part.build(b, lang, from)
	}
	return from
}

func (e alt) build(b *nfa, lang, from int32) int32 {
	end := b.state(lang)
	for _, part := range e {
		start := b.state(lang)
		b.skip(from, start)
		b.skip(part.build(b, lang, start), end)
	}
	return end
}

func (e opt) build(b *nfa, lang, from int32) int32 {
	start, end := b.state(lang), b.state(lang)
	b.skip(from, start)
	b.skip(from, end)
	b.skip(e.expr.build(b, lang, start), end)
	return end
}

func (e plus) build(b *nfa, lang, from int32) int32 {
	start := b.state(lang)
	b.skip(from, start)
	end := e.expr.build(b, lang, start)
	b.skip(end, start)
	return end
}

func (e upTo) build(b *nfa, lang, from int32) int32 {
	end := b.state(lang)
	b.skip(from, end)
	for range e.n {
		start := b.state(lang)
		b.skip(from, start)
		from = e.expr.build(b, lang, start)
		b.skip(from, end)
	}
	return end
}

// add builds a language from the start state and lets it accept.
func (b *nfa) add(e expr, lang, start int32) {
	from := b.state(lang)
	b.skip(start, from)
	end := e.build(b, lang, from)
	b.states[end].accepts = lang + 1
}

// statesOf is about how many states languages need.
func statesOf(languages []expr) int {
	n := 2 * len(languages)
	for _, e := range languages {
		switch e := e.(type) {
		case text:
			n += len(e)
		case fold:
			n += len(e)
		case seq:
			n += statesOf(e)
		case alt:
			n += statesOf(e)
		case opt:
			n += statesOf([]expr{e.expr})
		case plus:
			n += statesOf([]expr{e.expr})
		case upTo:
			n += e.n * statesOf([]expr{e.expr})
		}
	}
	return n
}

// close finishes the automaton.
func (b *nfa) close() {
	b.closed = make([][]int32, len(b.states))
	mark := make([]int32, len(b.states))
	all := make([]int32, 0, 2*len(b.states)) // one list holds them all
	var stack []int32
	for i := range b.states {
		from := len(all)
		all, stack = b.reach(all, stack, int32(i), mark, int32(i)+1)
		b.closed[i] = all[from:len(all):len(all)]
	}
	for i := range b.states {
		s := &b.states[i]
		if s.on == nil || s.next != int32(i) || len(s.on) != len(anyChar) || s.on[0] != anyChar[0] || s.on[1] != anyChar[1] {
			continue
		}
		for _, c := range b.closed[i] {
			s.sure = s.sure || b.states[c].accepts == s.lang+1
		}
	}
}

// reach appends the states that count, reachable from one by empty moves.
func (b *nfa) reach(out, stack []int32, from int32, mark []int32, round int32) (states, scratch []int32) {
	stack = append(stack[:0], from)
	mark[from] = round
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		st := &b.states[s]
		if st.on != nil || st.accepts != 0 {
			out = append(out, s)
		}
		for _, e := range st.empty {
			if mark[e] != round {
				mark[e] = round
				stack = append(stack, e)
			}
		}
	}
	return out, stack
}
