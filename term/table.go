package term

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Width is how many columns of a terminal a text takes: none for what joins the
// character before it and for colours, two for East Asian wide characters and emoji.
func Width[T ~string](text T) int {
	n := 0
	rest := string(text)
	for rest != "" {
		if after, colours := strings.CutPrefix(rest, "\x1b["); colours {
			_, rest, _ = strings.Cut(after, "m")
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	if r < 0x300 { // the usual case, quickly
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Pad is text, escaped, with blanks up to a number of columns.
func Pad[T ~string](text T, columns int) Safe {
	safe := safely(text)
	return safe + Safe(strings.Repeat(" ", max(0, columns-Width(safe))))
}

func safely[T ~string](text T) Safe {
	if safe, is := any(text).(Safe); is {
		return safe
	}
	return Safe(Printable(string(text)))
}

// Cut is text of at most a number of columns, with an ellipsis where it was longer.
func Cut(text string, columns int) string {
	if Width(text) <= columns {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if Width(b.String())+Width(string(r)) >= columns {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// Table writes rows whose columns begin below each other, two blanks apart, each
// row after an indent. Cells are escaped as in [Printer.Printf].
func (p *Printer) Table(indent string, rows [][]any) {
	var widths []int
	cells := make([][]Safe, len(rows))
	for i, row := range rows {
		for j, cell := range row {
			text := Safe(Sprintf("%v", cell))
			cells[i] = append(cells[i], text)
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], Width(text))
		}
	}
	for _, row := range cells {
		var line strings.Builder
		for j, cell := range row {
			if j > 0 {
				line.WriteString("  ")
			}
			line.WriteString(string(Pad(cell, widths[j])))
		}
		p.Line("%s%s", indent, Safe(line.String()))
	}
}
