package tree

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

func (p *jsonParser) str() (string, *SyntaxError) {
	p.pos++
	start := p.pos
	for p.pos < len(p.src) { // most strings hold no escape and are one slice
		switch c := p.src[p.pos]; {
		case c == '"':
			s := p.src[start:p.pos]
			if !utf8.ValidString(s) {
				return "", SyntaxErrorAt(p.src, start, "string is not valid UTF-8")
			}
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.errorf("control character in a string; write it as \\u%04x", c)
		}
		p.pos++
	}
	return "", SyntaxErrorAt(p.src, start-1, "string is not closed")
}

func (p *jsonParser) escaped(start int) (string, *SyntaxError) {
	out := append([]byte(nil), p.src[start:p.pos]...)
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return "", SyntaxErrorAt(p.src, start, "string is not valid UTF-8")
			}
			p.pos++
			return string(out), nil
		case c < ' ':
			return "", p.errorf("control character in a string; write it as \\u%04x", c)
		case c != '\\':
			out = append(out, c)
			p.pos++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", SyntaxErrorAt(p.src, start-1, "string is not closed")
}

func (p *jsonParser) escape() (rune, *SyntaxError) {
	at := p.pos
	p.pos++ // the backslash
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, ok := p.hex4()
		if ok && utf16.IsSurrogate(r) {
			if p.peek() != '\\' || p.pos+1 >= len(p.src) || p.src[p.pos+1] != 'u' {
				return 0, SyntaxErrorAt(p.src, at, "half a surrogate pair")
			}
			p.pos += 2
			low, okLow := p.hex4()
			if r = utf16.DecodeRune(r, low); !okLow || r == utf8.RuneError {
				return 0, SyntaxErrorAt(p.src, at, "half a surrogate pair")
			}
		}
		if ok {
			return r, nil
		}
	}
	return 0, SyntaxErrorAt(p.src, at, "invalid escape")
}

func (p *jsonParser) hex4() (rune, bool) {
	if p.pos+4 > len(p.src) {
		return 0, false
	}
	v, err := strconv.ParseUint(p.src[p.pos:p.pos+4], 16, 16)
	if err != nil {
		return 0, false
	}
	p.pos += 4
	return rune(v), true
}
