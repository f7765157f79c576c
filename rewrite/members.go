package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// part is a member or an item of a collection: from where to where it is written.
type part struct {
	start, end int
	gone       bool
	unknown    bool
	says       string // of a member: name and value
}

// members takes members away and adds others.
func (w *writer) members(v *value, names paired, was, want *tree.Node) error {
	parts := make([]part, len(v.members))
	for i, m := range v.members {
		end, ok := w.endOf(m.value)
		parts[i] = part{m.nameStart, end, names.of[i] < 0, !ok, says(was.Members[i])}
	}
	return w.parts(v, parts, names, func(j, indent int) string {
		m := want.Members[j]
		if v.block {
			w.put[says(lastOf(m))] = len(w.edits)
			return w.blockMember(m, indent, w.nameQuote(v), w.valueQuote(v))
		}
		return quoted(m.Name, '"') + w.colon(v) + w.nested(m.Value, v)
	})
}

// says is a member in a line.
func says(m tree.Member) string {
	return inline(&tree.Node{Kind: tree.Object, Members: []tree.Member{m}}, '"')
}

// lastOf is the member that a new one ends with: itself, or the only one in it.
func lastOf(m tree.Member) tree.Member {
	for m.Value.Kind == tree.Object && len(m.Value.Members) == 1 {
		m = m.Value.Members[0]
	}
	return m
}

// elements is members for lists.
func (w *writer) elements(v *value, places paired, want *tree.Node) error {
	parts := make([]part, len(v.items))
	for i, item := range v.items {
		end, ok := w.endOf(item)
		start := item.start
		if v.block {
			start = w.dash(item.start)
		}
		parts[i] = part{start: start, end: end, gone: places.of[i] < 0, unknown: !ok}
	}
	return w.parts(v, parts, places, func(j, indent int) string {
		if v.block {
			return "- " + strings.TrimLeft(w.block(want.Items[j], indent+2, w.itemQuote(v), w.valueQuote(v)), " ")
		}
		return w.nested(want.Items[j], v)
	})
}

// parts takes parts of a collection away, and adds those that text gives after the
// part that is before them.
func (w *writer) parts(v *value, parts []part, p paired, text func(j, indent int) string) error {
	if len(p.added) == 0 && !slices.Contains(p.of, -1) {
		return nil
	}
	if slices.ContainsFunc(parts, func(p part) bool { return p.unknown }) {
		return fmt.Errorf("line %d: a value here is empty or written over several lines; %w", w.line(v.start), errByHand)
	}
	if len(parts) == 0 { // {} or []
		var list []string
		for _, j := range p.added {
			list = append(list, text(j, 0))
		}
		w.edit(v.start+1, v.end-1, strings.Join(list, ", "))
		return nil
	}
	if w.allGone(parts) && len(p.added) > 0 {
		indent := w.column(parts[0].start)
		gap := w.newline + strings.Repeat(" ", indent)
		if !v.block {
			gap = w.between(v, parts)
		}
		var list []string
		for _, j := range p.added {
			list = append(list, text(j, indent))
		}
		clear(w.put) // they share an edit
		w.edit(parts[0].start, parts[len(parts)-1].end, strings.Join(list, gap))
		return nil
	}
	for _, j := range p.added {
		after := -1 // the part that the new one stands behind
		for i, to := range p.of {
			if to >= 0 && to < j {
				after = i
			}
		}
		w.insert(v, parts, after, func(indent int) string { return text(j, indent) })
	}
	for i := range parts {
		if !parts[i].gone {
			continue
		}
		if err := w.take(v, parts, i); err != nil {
			return err
		}
	}
	return nil
}

// insert writes a new part behind one, or in front of all.
func (w *writer) insert(v *value, parts []part, after int, text func(indent int) string) {
	indent := w.column(parts[0].start)
	switch {
	case v.block && after < 0:
		new := text(indent)
		clear(w.put) // a comment would swallow what follows
		w.edit(parts[0].start, parts[0].start, new+w.newline+strings.Repeat(" ", indent))
	case v.block:
		end := w.lineEnd(parts[after].end)
		w.edit(end, end, w.newline+strings.Repeat(" ", indent)+text(indent))
	case after < 0:
		w.edit(parts[0].start, parts[0].start, text(indent)+w.between(v, parts))
	default:
		w.edit(parts[after].end, parts[after].end, w.between(v, parts)+text(indent))
	}
}

// between is what stands between two parts in brackets, the comma included.
func (w *writer) between(v *value, parts []part) string {
	lead := w.src[v.start+1 : parts[0].start]
	if i := strings.LastIndexByte(lead, '\n'); i >= 0 && strings.TrimSpace(lead) == "" {
		return "," + w.newline + lead[i+1:]
	}
	if len(parts) > 1 {
		if gap := w.src[parts[0].end:parts[1].start]; strings.TrimSpace(gap) == "," {
			return gap
		}
	}
	return ", "
}

// take removes a part.
func (w *writer) take(v *value, parts []part, i int) error {
	if v.block {
		start, end := w.lineStart(parts[i].start), w.lineEnd(parts[i].end)
		first := strings.TrimLeft(w.src[start:parts[i].start], " ") != "" // behind the dash of a list
		switch {
		case first && i+1 < len(parts) && !parts[i+1].gone:
			w.edit(parts[i].start, parts[i+1].start, "")
		case first || w.allGone(parts):
			return fmt.Errorf("line %d: nothing would be left here; %w", w.line(parts[i].start), errByHand)
		default:
			if rest := w.src[parts[i].end:end]; strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#") { // a comment stays
				line := w.wholeLine(start, end)
				w.left = append(w.left, leftComment{parts[i].says, rest, len(w.edits), line})
				w.edit(parts[i].start, end-len(strings.TrimLeft(rest, " \t")), "")
				return nil
			}
			w.edits = append(w.edits, w.wholeLine(start, end))
		}
		return nil
	}
	last := i
	for last+1 < len(parts) && parts[last+1].gone {
		last++
	}
	switch {
	case i > 0 && parts[i-1].gone && w.allGone(parts[:i]):
		// taken with those before it
	case w.allGone(parts[:i]) && last+1 < len(parts):
		w.edit(parts[i].start, parts[last+1].start, "")
	case w.allGone(parts[:i]):
		w.edit(parts[i].start, parts[last].end, "")
	default:
		w.edit(parts[i-1].end, parts[i].end, "")
	}
	return nil
}

// wholeLine removes a line, with the newline before it: what comes behind the line
// may have a new one for its neighbour.
func (w *writer) wholeLine(start, end int) hint.Edit {
	if start == 0 {
		return hint.Edit{Start: 0, End: min(end+len(w.newline), len(w.src))}
	}
	return hint.Edit{Start: start - len(w.newline), End: end}
}

func (w *writer) allGone(parts []part) bool {
	return !slices.ContainsFunc(parts, func(p part) bool { return !p.gone })
}

// lineStart and lineEnd are those of the line of an offset, without its newline.
func (w *writer) lineStart(offset int) int { return strings.LastIndexByte(w.src[:offset], '\n') + 1 }

func (w *writer) lineEnd(offset int) int {
	if i := strings.IndexByte(w.src[offset:], '\n'); i >= 0 {
		return offset + i - (len(w.newline) - 1)
	}
	return len(w.src)
}

// column counts the characters before an offset in its line.
func (w *writer) column(offset int) int {
	return len([]rune(w.src[w.lineStart(offset):offset]))
}

// dash is where the dash of an item of a block list is.
func (w *writer) dash(offset int) int { return strings.LastIndexByte(w.src[:offset], '-') }
