package accessanalyzer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

func itoa(i int) string { return strconv.Itoa(i) }

// step is a step of a path into a document: a member's name, or an index.
type step struct {
	name  string
	index int
	item  bool
}

func member(name string) step { return step{name: name} }
func item(index int) step     { return step{index: index, item: true} }

// MarshalJSON writes the step as PathElement: {"value": …} or {"index": …}.
func (s step) MarshalJSON() ([]byte, error) {
	if s.item {
		return json.Marshal(map[string]int{"index": s.index})
	}
	return json.Marshal(map[string]string{"value": s.name})
}

// location is where a finding is.
type location struct {
	Path []step `json:"path"`
	Span span   `json:"span"`
}

type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

// position counts lines from 1, columns and offsets from 0 (seen in the answers
// of AWS).
type position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Offset int `json:"offset"`
}

// locate finds the value at a path. A value that may be a list or one of its
// items is at index 0 of itself.
func locate(src []byte, path ...step) location {
	from, to := 0, len(src)
	for _, s := range path {
		a, b, ok := child(src[from:to], s)
		if !ok {
			break
		}
		from, to = from+a, from+b
	}
	from += len(src[from:to]) - len(bytes.TrimLeft(src[from:to], " \t\r\n"))
	return location{Path: append([]step{}, path...), Span: span{at(src, from), at(src, to)}}
}

// child is the extent of a member or an item within a value's text.
func child(src []byte, s step) (from, to int, ok bool) {
	d := json.NewDecoder(bytes.NewReader(src))
	open, err := d.Token()
	if err != nil {
		return 0, 0, false
	}
	if open != json.Delim('[') && s.item {
		return 0, len(src), s.index == 0 // one item without its list
	}
	for i := 0; d.More(); i++ {
		name := ""
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return 0, 0, false
			}
			name, _ = key.(string)
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return 0, 0, false
		}
		if s.item && i == s.index || !s.item && name == s.name {
			end := int(d.InputOffset())
			return end - len(value), end, true
		}
	}
	return 0, 0, false
}

func at(src []byte, offset int) position {
	before := src[:min(offset, len(src))]
	line := bytes.LastIndexByte(before, '\n')
	return position{Line: 1 + bytes.Count(before, []byte("\n")), Column: utf8.RuneCount(before[line+1:]), Offset: utf8.RuneCount(before)}
}
