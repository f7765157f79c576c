package policy

import (
	"strings"
	"unicode/utf8"
)

// glob is a compiled pattern: pieces of text with any run of characters (*)
// between them. It matches without backtracking: each piece is taken at its
// leftmost place, which is never worse than a later one. Work is at most
// proportional to len(value) for pieces without '?', and to
// len(piece)*len(value) for pieces with.
type glob struct {
	pieces []piece
	all    bool // the pattern is just *
	exact  bool // there is no wildcard: text is the whole value
	text   string
}

// piece is text in which the bytes marked in any stand for one character each.
type piece struct {
	text string
	any  []bool // nil: all literal
}

// token is an element of a pattern: literal text, or one wildcard.
type token struct {
	text     string
	wildcard byte // 0, '*' or '?'
}

// tokens splits text at its wildcards.
func tokens(text string) []token {
	var out []token
	for text != "" {
		i := strings.IndexAny(text, "*?")
		if i < 0 {
			return append(out, token{text: text})
		}
		if i > 0 {
			out = append(out, token{text: text[:i]})
		}
		out = append(out, token{wildcard: text[i]})
		text = text[i+1:]
	}
	return out
}

func compileGlob(text string) glob { return globOf(tokens(text)) }

func globOf(toks []token) glob {
	if len(toks) == 1 && toks[0].wildcard == 0 {
		return glob{exact: true, text: toks[0].text} // of most texts, and not copied
	}
	g := glob{}
	var text strings.Builder
	var marks []int
	flush := func() {
		p := piece{text: text.String()}
		if len(marks) > 0 {
			p.any = make([]bool, len(p.text))
			for _, i := range marks {
				p.any[i] = true
			}
		}
		g.pieces = append(g.pieces, p)
		text.Reset()
		marks = marks[:0]
	}
	for _, t := range toks {
		switch t.wildcard {
		case '*':
			flush()
		case '?':
			marks = append(marks, text.Len())
			text.WriteByte('?')
		default:
			text.WriteString(t.text)
		}
	}
	flush()
	if len(g.pieces) == 1 && g.pieces[0].any == nil {
		g.exact, g.text = true, g.pieces[0].text
	}
	g.all = len(g.pieces) > 1
	for _, p := range g.pieces {
		if p.text != "" {
			g.all = false
		}
	}
	return g
}

func (g *glob) match(s string) bool { return g.matchCounting(s, nil) }

// matchCounting adds the number of characters it compared to *work, if not nil;
// a test of hostile patterns reads it.
func (g *glob) matchCounting(s string, work *int) bool {
	if g.all {
		return true
	}
	if g.exact {
		count(work, len(s))
		return g.text == s
	}
	first, last := &g.pieces[0], &g.pieces[len(g.pieces)-1]
	n, ok := first.prefix(s, work)
	if !ok {
		return false
	}
	s = s[n:]
	if len(g.pieces) == 1 {
		return s == ""
	}
	n, ok = last.suffix(s, work)
	if !ok {
		return false
	}
	s = s[:len(s)-n]
	for i := 1; i < len(g.pieces)-1; i++ {
		end := g.pieces[i].index(s, work)
		if end < 0 {
			return false
		}
		s = s[end:]
	}
	return true
}

func count(work *int, n int) {
	if work != nil {
		*work += n
	}
}

// prefix returns how many bytes of s the piece takes at its start.
func (p *piece) prefix(s string, work *int) (int, bool) {
	if p.any == nil {
		count(work, len(p.text))
		return len(p.text), strings.HasPrefix(s, p.text)
	}
	at := 0
	for i := 0; i < len(p.text); i++ {
		count(work, 1)
		if at >= len(s) {
			return 0, false
		}
		if p.any[i] {
			_, size := utf8.DecodeRuneInString(s[at:])
			at += size
			continue
		}
		if s[at] != p.text[i] {
			return 0, false
		}
		at++
	}
	return at, true
}

// suffix returns how many bytes of s the piece takes at its end.
func (p *piece) suffix(s string, work *int) (int, bool) {
	if p.any == nil {
		count(work, len(p.text))
		return len(p.text), strings.HasSuffix(s, p.text)
	}
	at := len(s)
	for i := len(p.text) - 1; i >= 0; i-- {
		count(work, 1)
		if at <= 0 {
			return 0, false
		}
		if p.any[i] {
			_, size := utf8.DecodeLastRuneInString(s[:at])
			at -= size
			continue
		}
		if at--; s[at] != p.text[i] {
			return 0, false
		}
	}
	return len(s) - at, true
}

// index returns where the piece's leftmost place in s ends, or -1.
func (p *piece) index(s string, work *int) int {
	if p.any == nil {
		i := strings.Index(s, p.text)
		if i < 0 {
			count(work, len(s))
			return -1
		}
		count(work, i+len(p.text))
		return i + len(p.text)
	}
	for at := 0; at <= len(s); {
		if n, ok := p.prefix(s[at:], work); ok {
			return at + n
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		at += max(size, 1)
	}
	return -1
}

// hasWildcard says whether text holds * or ? outside of ${…}.
func hasWildcard(text string) bool {
	for _, t := range splitTemplate(text) {
		if t.variable == nil && strings.ContainsAny(t.text, "*?") {
			return true
		}
	}
	return false
}
