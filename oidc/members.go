package oidc

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// members are the names and undecoded values of a JSON object, in order. A name
// may occur twice: the last one counts, everywhere (recorded: duplicate-claim).
// They are parts of one text, and so is what is read of them: whoever keeps a
// part keeps all of it.
type members []member

type member struct{ name, value string }

// splitObject takes a JSON object apart without decoding its values: a token is
// judged by a dozen of its members, and decoding all of them would cost as much
// as a fifth of the signature check. encoding/json proves the syntax (and bounds
// the depth) first, so that the scan below only has to find where values end.
func splitObject(src []byte) (members, error) {
	text, err := validJSON(src)
	if err != nil {
		return nil, err
	}
	return membersOf(text)
}

func validJSON(src []byte) (string, error) {
	if !json.Valid(src) {
		return "", errors.New("not JSON")
	}
	return string(src), nil
}

// membersOf is splitObject for a text that is known to be JSON.
func membersOf(src string) (members, error) {
	s := scan{src: src}
	s.space()
	if s.next() != '{' {
		return nil, errors.New("not a JSON object")
	}
	out := make(members, 0, min(8, 1+strings.Count(src, ":"))) // eight has a token of Kubernetes
	for s.space(); s.peek() != '}'; s.space() {
		if s.peek() == ',' {
			s.at++
			s.space()
		}
		name, err := unquote(s.string())
		if err != nil {
			return nil, err
		}
		s.space()
		s.at++ // the colon
		s.space()
		out = append(out, member{name: name, value: s.value()})
	}
	return out, nil
}

// get returns the last value of a name.
func (m members) get(name string) (string, bool) {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].name == name {
			return m[i].value, true
		}
	}
	return "", false
}

// text returns the last value of a name if it is a JSON string.
func (m members) text(name string) (string, bool) {
	value, ok := m.get(name)
	if !ok || value[0] != '"' {
		return "", false
	}
	text, err := unquote(value)
	return text, err == nil
}

func isNull(value string) bool { return value == "null" }

// stringOrList reads "a" as ["a"], and ["a","b"] as it is. null is neither.
func stringOrList(value string) ([]string, bool) {
	switch value[0] {
	case '"':
		text, err := unquote(value)
		return []string{text}, err == nil
	case '[':
		list := []string{}
		s := scan{src: value, at: 1}
		for s.space(); s.peek() != ']'; s.space() {
			if s.peek() == ',' {
				s.at++
				s.space()
			}
			item := s.value()
			if item[0] != '"' {
				return nil, false
			}
			text, err := unquote(item)
			if err != nil {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}

// unquote decodes a JSON string; most have nothing to decode.
func unquote(quoted string) (string, error) {
	inner := quoted[1 : len(quoted)-1]
	plain := strings.IndexByte(inner, '\\') < 0
	for i := 0; plain && i < len(inner); i++ {
		plain = inner[i] < 0x80 // beyond ASCII there may be invalid UTF-8 to replace
	}
	if plain {
		return inner, nil
	}
	var text string
	err := json.Unmarshal([]byte(quoted), &text)
	return text, err
}

// scan walks over JSON that is known to be valid.
type scan struct {
	src string
	at  int
}

func (s *scan) peek() byte { return s.src[s.at] }

func (s *scan) next() byte { s.at++; return s.src[s.at-1] }

func (s *scan) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scan) string() string {
	from := s.at
	for s.at++; s.src[s.at] != '"'; s.at++ {
		if s.src[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.src[from:s.at]
}

func (s *scan) value() string {
	from := s.at
	switch s.peek() {
	case '"':
		return s.string()
	case '{', '[':
		for depth := 0; ; {
			switch s.peek() {
			case '"':
				s.string()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.at++
			if depth == 0 {
				return s.src[from:s.at]
			}
		}
	}
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return s.src[from:s.at]
		}
		s.at++
	}
	return s.src[from:s.at]
}

// wholeNumber reads an integer, or a string that holds one: STS takes both for
// timestamps, and neither a fraction nor an exponent (recorded: exp-string,
// iat-fraction).
func wholeNumber(value string) (int64, bool) {
	text := value
	if value[0] == '"' {
		var err error
		if text, err = unquote(value); err != nil {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
