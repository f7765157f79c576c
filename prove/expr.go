package prove

// none is the empty language.
type none struct{}

func (none) build(b *nfa, lang, _ int32) int32 { return b.state(lang) }

// within is a language's words that consist of the given characters.
func within(e expr, set charset) expr {
	switch e := e.(type) {
	case text:
		for _, r := range e {
			if !set.has(r) {
				return none{}
			}
		}
		return e
	case fold:
		var out seq
		for _, r := range e {
			out = append(out, class(intersect(folded(r), set)))
		}
		return out
	case class:
		return class(intersect(charset(e), set))
	case star:
		return star(intersect(charset(e), set))
	case seq:
		out := make(seq, len(e))
		for i := range e {
			out[i] = within(e[i], set)
		}
		return out
	case alt:
		out := make(alt, len(e))
		for i := range e {
			out[i] = within(e[i], set)
		}
		return out
	case opt:
		return opt{within(e.expr, set)}
	case plus:
		return plus{within(e.expr, set)}
	case upTo:
		return upTo{within(e.expr, set), e.n}
	}
	return none{}
}

func intersect(a, b charset) charset {
	var out charset
	for _, x := range a {
		for _, y := range b {
			if lo, hi := max(x.lo, y.lo), min(x.hi, y.hi); lo <= hi {
				out = append(out, runeRange{lo, hi})
			}
		}
	}
	return out.normal()
}

// escaped is a language in whose words each colon is written %3A, as GitHub
// writes them in subjects.
func escaped(e expr) expr {
	plain := func(set charset) expr {
		if !set.has(':') {
			return class(set)
		}
		return alt{class(set.without(':')), text("%3A")}
	}
	switch e := e.(type) {
	case text:
		var out seq
		for _, r := range e {
			out = append(out, plain(one(r)))
		}
		return out
	case fold:
		var out seq
		for _, r := range e {
			out = append(out, plain(folded(r)))
		}
		return out
	case class:
		return plain(charset(e))
	case star:
		if !charset(e).has(':') {
			return e
		}
		return opt{plus{plain(charset(e))}}
	case seq:
		out := make(seq, len(e))
		for i := range e {
			out[i] = escaped(e[i])
		}
		return out
	case alt:
		out := make(alt, len(e))
		for i := range e {
			out[i] = escaped(e[i])
		}
		return out
	case opt:
		return opt{escaped(e.expr)}
	case plus:
		return plus{escaped(e.expr)}
	}
	return none{}
}

// withIDs is a language of OWNER/NAME in the form OWNER@ID/NAME@ID.
type withIDs struct{ expr }

func (e withIDs) build(b *nfa, lang, from int32) int32 {
	first := int32(len(b.states))
	start := b.state(lang)
	end := e.expr.build(b, lang, start)
	// The same states again, for what comes after the slash.
	size := int32(len(b.states)) - first
	after := func(s int32) int32 { return s + size }
	for i := first; i < first+size; i++ {
		b.state(lang)
		s, copied := b.states[i], &b.states[after(i)]
		copied.on, copied.next = s.on.without('/'), after(s.next)
		for _, t := range s.empty {
			copied.empty = append(copied.empty, after(t))
		}
	}
	for i := first; i < first+size; i++ {
		if s := b.states[i]; s.on.has('/') {
			slash := b.state(lang)
			b.skip(i, slash)
			b.skip(b.move(lang, b.id(lang, slash), one('/')), after(s.next))
		}
		b.states[i].on = b.states[i].on.without('/')
	}
	b.skip(from, start)
	return b.id(lang, after(end))
}

// id adds @ and digits.
func (b *nfa) id(lang, from int32) int32 {
	return plus{class(digits)}.build(b, lang, b.move(lang, from, one('@')))
}

var digits = chars("0-9")
