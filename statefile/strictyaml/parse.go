package strictyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// Parse reads all documents of a YAML or JSON file; empty ones are left out.
// JSON is read by a JSON parser of its own: YAML's takes neither its tabs nor
// its surrogate pairs.
func Parse(file string, src []byte) ([]*yaml.Node, error) {
	if !utf8.Valid(src) {
		line, column := invalidUTF8(src)
		return nil, Errors{{Position: Position{file, line, column}, Message: "not UTF-8 text"}}
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if json.Valid(src) {
		n, err := ParseJSON(file, src)
		if err != nil {
			return nil, err
		}
		return []*yaml.Node{n}, nil
	}
	if nodes := parseStream(src); nodes != nil {
		return nodes, nil
	}
	if strings.HasSuffix(file, ".json") {
		return nil, Errors{jsonError(file, src)}
	}
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, Errors{yamlError(file, src, err)}
		}
		if len(document.Content) == 1 && document.Content[0].ShortTag() != "!!null" {
			documents = append(documents, document.Content[0])
		}
	}
}

// ParseJSON reads the JSON value of a file, and refuses YAML.
func ParseJSON(file string, src []byte) (*yaml.Node, error) {
	if !utf8.Valid(src) {
		line, column := invalidUTF8(src)
		return nil, Errors{{Position: Position{file, line, column}, Message: "not UTF-8 text"}}
	}
	if !json.Valid(src) {
		return nil, Errors{jsonError(file, src)}
	}
	n, err := parseJSON(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

func invalidUTF8(src []byte) (line, column int) {
	offset := 0
	for offset < len(src) {
		r, size := utf8.DecodeRune(src[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return place(src, offset)
}

var yamlLine = lazyregexp.New(`^yaml: (?:line (\d+): )?`)

// yamlError finds the place of a syntax error. The parser's text, which has no other
// form, gives the line where the mapping or sequence around it begins, and is the
// same however much follows the mistake: the first line with which it comes has it,
// and of that line the first character. What fails at the end alone (a quote that is
// never closed) gives the line of that end, and is looked for without it.
func yamlError(file string, src []byte, err error) *Error {
	message := func(err error) string { return yamlLine.ReplaceAllString(err.Error(), "") }
	line, column := firstWith(src, func(other error) bool { return other.Error() == err.Error() })
	if n := bytes.Count(bytes.TrimRight(src, "\r\n"), []byte("\n")); line >= n {
		line, column = firstWith(src, func(other error) bool { return message(other) == message(err) })
	}
	return &Error{Position: Position{file, line + 1, column + 1}, Message: "not YAML: " + message(err)}
}

// longestLine bounds the lines whose mistakes get a column: nobody reads longer ones,
// and each step of the search parses the text anew.
const longestLine = 4096

// firstWith is the line and the column, from 0, up to which a text has to be read for
// the parser to fail so.
func firstWith(src []byte, so func(error) bool) (line, column int) {
	fails := func(text []byte) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		for {
			if err := decoder.Decode(new(yaml.Node)); err != nil {
				return so(err)
			}
		}
	}
	lines := bytes.SplitAfter(src, []byte("\n"))
	line = sort.Search(len(lines)-1, func(i int) bool { return fails(bytes.Join(lines[:i+1], nil)) })
	if len(lines[line]) > longestLine {
		return line, 0
	}
	before, last := bytes.Join(lines[:line], nil), []rune(strings.TrimRight(string(lines[line]), "\r\n"))
	return line, sort.Search(max(0, len(last)-1), func(i int) bool { return fails(append(slices.Clip(before), string(last[:i+1])...)) })
}

func jsonError(file string, src []byte) *Error {
	line, column := 1, 1
	var raw any
	err := json.Unmarshal(src, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The offset is that after the byte that could not be read.
		line, column = place(src, max(0, int(syntax.Offset)-1))
	}
	return &Error{Position: Position{file, line, column}, Message: fmt.Sprintf("not JSON: %v", err)}
}

// place turns an offset into line and column.
func place(src []byte, offset int) (line, column int) {
	before := src[:min(offset, len(src))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
}

// maxDepth bounds nesting: a deeper document is a mistake or an attack.
const maxDepth = 200

type jsonReader struct {
	src     []byte
	decoder *json.Decoder
	// The place of the last token: offsets only grow, so lines and columns are
	// counted once, also in a file that is one long line.
	offset, line, column int
}

// parseJSON makes the nodes that a YAML parser would make of valid JSON.
func parseJSON(src []byte) (*yaml.Node, error) {
	r := &jsonReader{src: src, decoder: json.NewDecoder(bytes.NewReader(src)), line: 1, column: 1}
	r.decoder.UseNumber()
	return r.value(0)
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	n := &yaml.Node{}
	r.locate(n)
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		n.Style = yaml.FlowStyle
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.decoder.More() {
			child, err := r.value(depth + 1) // a member's name is a string token
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err = r.decoder.Token()
		return n, err
	case string:
		n.Kind, n.Tag, n.Value, n.Style = yaml.ScalarNode, "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!int", t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", strconv.FormatBool(t)
	default:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	return n, nil
}

// parseStream reads JSON values that follow each other, as kubectl and jq print
// them; nil when src is something else.
func parseStream(src []byte) []*yaml.Node {
	if trimmed := bytes.TrimLeft(src, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(src))
	for {
		var value json.RawMessage
		if err := decoder.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil
		}
	}
	r := &jsonReader{src: src, decoder: json.NewDecoder(bytes.NewReader(src)), line: 1, column: 1}
	r.decoder.UseNumber()
	var nodes []*yaml.Node
	for r.decoder.More() {
		n, err := r.value(0)
		if err != nil {
			return nil
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// locate gives n the place of the next token.
func (r *jsonReader) locate(n *yaml.Node) {
	end := int(r.decoder.InputOffset())
	for end < len(r.src) && strings.IndexByte(" \t\r\n,:", r.src[end]) >= 0 {
		end++
	}
	for ; r.offset < end; r.offset++ {
		switch c := r.src[r.offset]; {
		case c == '\n':
			r.line++
			r.column = 1
		case utf8.RuneStart(c):
			r.column++
		}
	}
	n.Line, n.Column = r.line, r.column
}
