// Package tree is the JSON text of a policy as a tree of values with their places,
// which encoding/json gives none of, and the changes that can be made to a copy.
package tree

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MaxBytes and maxDepth bound a document's text. IAM takes at most 131,072 characters of Latin-1,
// which are twice as many bytes of UTF-8 at most; a statement is six levels deep.
const (
	MaxBytes = 2 * 131072
	maxDepth = 32
)

// SyntaxError is a document that is not JSON or not of the policy grammar.
type SyntaxError struct {
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// Position is a place in a policy's text, both counted from 1; a column counts
// characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Kind is that of a JSON value.
type Kind uint8

// The kinds.

const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Node is a JSON value with its place in the source.
type Node struct {
	Kind    Kind
	Start   int    // byte offsets; End is exclusive
	End     int    //
	Text    string // the string's value, or the literal of a number or boolean
	Items   []*Node
	Members []Member
}

// Member is one of an object.
type Member struct {
	Name      string
	NameStart int // of the name with its quotes
	NameEnd   int
	Value     *Node
}

// Get is the value of a member, nil when there is none.
func (n *Node) Get(name string) *Node {
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// PositionAt turns a byte offset into a line and column.
func PositionAt(src string, offset int) Position {
	if offset > len(src) {
		offset = len(src)
	}
	line, lineStart := 1, 0
	for i := 0; i < offset; i++ {
		if src[i] == '\n' {
			line++
			lineStart = i + 1
		}
	}
	return Position{Line: line, Column: 1 + utf8.RuneCountInString(src[lineStart:offset])}
}

// SyntaxErrorAt is what is wrong at a byte offset of src.
func SyntaxErrorAt(src string, offset int, format string, args ...any) *SyntaxError {
	p := PositionAt(src, offset)
	return &SyntaxError{Line: p.Line, Column: p.Column, Message: fmt.Sprintf(format, args...)}
}

type jsonParser struct {
	src   string
	pos   int
	depth int
}

// Parse reads exactly one JSON value (RFC 8259) and refuses duplicate
// members, text after the value, invalid UTF-8 and what exceeds the bounds. The
// texts of its nodes are parts of src.
func Parse(src string) (*Node, *SyntaxError) {
	if len(src) > MaxBytes {
		return nil, SyntaxErrorAt("", 0, "policy is %d bytes long, more than %d", len(src), MaxBytes)
	}
	p := &jsonParser{src: src}
	p.space()
	n, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(src) {
		return nil, p.errorf("unexpected %s after the policy", p.found())
	}
	return n, nil
}

func (p *jsonParser) errorf(format string, args ...any) *SyntaxError {
	return SyntaxErrorAt(p.src, p.pos, format, args...)
}

func (p *jsonParser) found() string {
	if p.pos >= len(p.src) {
		return "end of text"
	}
	r, size := utf8.DecodeRuneInString(p.src[p.pos:])
	if r == utf8.RuneError && size < 2 {
		return "invalid UTF-8"
	}
	return strconv.QuoteRune(r)
}

func (p *jsonParser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

func (p *jsonParser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *jsonParser) value() (*Node, *SyntaxError) {
	n := &Node{Start: p.pos}
	var err *SyntaxError
	switch c := p.peek(); {
	case c == '{':
		err = p.nested(func() *SyntaxError { return p.object(n) })
	case c == '[':
		err = p.nested(func() *SyntaxError { return p.array(n) })
	case c == '"':
		n.Kind = String
		n.Text, err = p.str()
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = Number
		n.Text, err = p.number()
	case p.literal("true"):
		n.Kind, n.Text = Bool, "true"
	case p.literal("false"):
		n.Kind, n.Text = Bool, "false"
	case p.literal("null"):
		n.Kind, n.Text = Null, "null"
	default:
		err = p.errorf("expected a JSON value, found %s", p.found())
	}
	if err != nil {
		return nil, err
	}
	n.End = p.pos
	return n, nil
}

func (p *jsonParser) nested(f func() *SyntaxError) *SyntaxError {
	if p.depth++; p.depth > maxDepth {
		return p.errorf("nested deeper than %d levels", maxDepth)
	}
	err := f()
	p.depth--
	return err
}

func (p *jsonParser) literal(word string) bool {
	if len(p.src)-p.pos < len(word) || p.src[p.pos:p.pos+len(word)] != word {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *jsonParser) array(n *Node) *SyntaxError {
	n.Kind = Array
	p.pos++
	if p.space(); p.peek() == ']' {
		p.pos++
		return nil
	}
	for {
		p.space()
		item, err := p.value()
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return nil
		default:
			return p.errorf("expected ',' or ']', found %s", p.found())
		}
	}
}

func (p *jsonParser) object(n *Node) *SyntaxError {
	n.Kind = Object
	p.pos++
	if p.space(); p.peek() == '}' {
		p.pos++
		return nil
	}
	seen := map[string]bool{}
	for {
		p.space()
		nameStart := p.pos
		if p.peek() != '"' {
			return p.errorf("expected a member name in double quotes, found %s", p.found())
		}
		name, err := p.str()
		if err != nil {
			return err
		}
		if seen[name] {
			return SyntaxErrorAt(p.src, nameStart, "duplicate key %q", name)
		}
		seen[name] = true
		nameEnd := p.pos
		if p.space(); p.peek() != ':' {
			return p.errorf("expected ':', found %s", p.found())
		}
		p.pos++
		p.space()
		value, err := p.value()
		if err != nil {
			return err
		}
		n.Members = append(n.Members, Member{Name: name, NameStart: nameStart, NameEnd: nameEnd, Value: value})
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return nil
		default:
			return p.errorf("expected ',' or '}', found %s", p.found())
		}
	}
}

func (p *jsonParser) number() (string, *SyntaxError) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	switch {
	case p.peek() == '0':
		p.pos++
	case !p.digits():
		return "", p.errorf("expected a digit, found %s", p.found())
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return "", p.errorf("expected a digit, found %s", p.found())
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return "", p.errorf("expected a digit, found %s", p.found())
		}
	}
	return p.src[start:p.pos], nil
}

func (p *jsonParser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}
