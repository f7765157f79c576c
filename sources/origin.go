package sources

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// origin maps places in a policy's text to where that text was written. Line
// and column count from one; zero stands for the start.
type origin interface {
	Position(text []byte, line, column int) strictyaml.Position
}

// fixed is the origin of a text of which only the start is known.
type fixed strictyaml.Position

func (p fixed) Position([]byte, int, int) strictyaml.Position { return strictyaml.Position(p) }

// whole is the origin of a text that is a file as it is.
type whole string

func (file whole) Position(_ []byte, line, column int) strictyaml.Position {
	return strictyaml.Position{File: string(file), Line: max(line, 1), Column: max(column, 1)}
}

// scalar is the origin of a text that is one string of a file, possibly
// percent-encoded there, possibly with values substituted into it.
type scalar struct {
	file    *file
	node    *yaml.Node
	percent bool
	// template is the string as written, when text has values substituted;
	// pieces map offsets of text to offsets of template, ascending.
	template string
	pieces   []piece
}

// piece is where a part of the text begins, and where in the template it is
// from; a value stands for the whole of its ${…}.
type piece struct {
	text, template int
	value          bool
}

func (s *scalar) Position(text []byte, line, column int) strictyaml.Position {
	start := s.file.at(s.node)
	if line < 1 {
		return start
	}
	offset := strictyaml.OffsetOf(text, line, column)
	if s.pieces != nil {
		i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].text > offset }) - 1
		if p := s.pieces[max(i, 0)]; p.value {
			offset = p.template
		} else {
			offset = p.template + offset - p.text
		}
		text = []byte(s.template)
	}
	if s.node.Style&yaml.LiteralStyle != 0 {
		before := text[:min(offset, len(text))]
		lines := bytes.Count(before, []byte("\n"))
		column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		return strictyaml.Position{File: start.File, Line: start.Line + 1 + lines, Column: s.file.indent(start.Line+1) + column}
	}
	if !s.file.json {
		return start
	}
	return s.literal(start, offset)
}

// literal walks a JSON string of the file until it has decoded offset bytes.
func (s *scalar) literal(start strictyaml.Position, offset int) strictyaml.Position {
	rest := s.file.rest(start.Line, start.Column)
	if len(rest) == 0 || rest[0] != '"' {
		return start
	}
	column, decoded := start.Column+1, 0
	rest = rest[1:]
	skip := func(bytes int) {
		column += utf8.RuneCount(rest[:min(bytes, len(rest))])
		rest = rest[min(bytes, len(rest)):]
	}
	for decoded < offset && len(rest) > 0 && rest[0] != '"' {
		switch {
		case rest[0] == '\\' && len(rest) > 5 && rest[1] == 'u':
			r, surrogate := hex4(rest[2:6]), false
			if surrogate = r >= 0xd800 && r < 0xdc00; surrogate {
				skip(6)
				r = 0x10000
			}
			decoded += utf8.RuneLen(r)
			skip(6)
		case rest[0] == '\\':
			decoded++
			skip(2)
		case s.percent && rest[0] == '%' && len(rest) > 2:
			decoded++
			skip(3)
		default:
			_, size := utf8.DecodeRune(rest)
			decoded += size
			skip(size)
		}
	}
	return strictyaml.Position{File: start.File, Line: start.Line, Column: column}
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b {
		r = r<<4 | rune(strings.IndexByte("0123456789abcdef", c|0x20))&15
	}
	return r
}
