package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is foreign text for one line of a terminal: controls, line ends and
// what changes the direction of text are written as \u escapes.
func Printable(s string) string { return escape(s, "") }

// Lines is foreign text of several lines, such as the output of a command: as
// [Printable], but line ends and tabs stay.
func Lines(s string) Safe { return Safe(escape(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t")) }

func escape(s, keep string) string {
	hidden := func(r rune) bool { return hides(r) && !strings.ContainsRune(keep, r) }
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if hidden(r) {
			b.WriteString(escaped(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hides is whether a rune shows as nothing or changes how others show: controls
// (C0, C1), marks of direction (bidi), format characters, odd blanks.
func hides(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

func escaped(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf("\\U%08x", r)
	}
	return fmt.Sprintf("\\u%04x", r)
}

// ASCIILine is foreign text as one line of printable ASCII of at most limit
// bytes, for an HTTP header: line ends and tabs become blanks, all else that is
// not printable ASCII is escaped.
func ASCIILine(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r < 0x20 || r > 0x7e:
			b.WriteString(escaped(r))
		default:
			b.WriteRune(r)
		}
		if b.Len() > limit {
			return b.String()[:limit-3] + "..."
		}
	}
	return b.String()
}

// WriteJSON writes a value as indented JSON that a terminal may show too.
func WriteJSON(w io.Writer, value any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(out.Bytes()))
	return err
}

// escapeJSON writes hidden characters as JSON's own escapes: the only place where
// they can be is inside a string, so the document's value does not change.
func escapeJSON(document []byte) []byte {
	text := string(document)
	hidden := func(r rune) bool { return r != '\n' && r != '\t' && r != '\r' && hides(r) }
	if strings.IndexFunc(text, hidden) < 0 {
		return document
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff: // a surrogate pair
			fmt.Fprintf(&b, "\\u%04x\\u%04x", 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return []byte(b.String())
}
