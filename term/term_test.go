package term_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/term"
)

// What a terminal would obey or hide: C0, DEL, C1 (U+009B is CSI), marks and
// overrides of direction, line separators, zero width, tags, a byte of no character.
const hostile = "a\x00\x07\b\x1b[31m\x7f\u009b31m\u061c\u200b\u200e\u2028\u202e\u2066\ufeff\U000e0041\xffz\r"

func obeyed(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x61c || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
		r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r >= 0xe0000 && r <= 0xe007f
}

func TestForeignTextIsEscaped(t *testing.T) {
	want := `a\u0000\u0007\u0008\u001b[31m\u007f\u009b31m\u061c\u200b\u200e\u2028\u202e\u2066\ufeff\U000e0041` + "\ufffd" + `z\u000d`
	if got := term.Printable(hostile); got != want {
		t.Errorf("Printable: %q\nwant      %q", got, want)
	}
	if got := term.Printable("a\nb\tc"); got != `a\u000ab\u0009c` {
		t.Errorf("Printable of lines: %q", got)
	}
	if got := term.Lines("a\r\nb\tc\rd"); got != "a\nb\tc\\u000dd" {
		t.Errorf("Lines: %q", got)
	}
	if plain := "naïve 日本 “quotes” 🎉"; term.Printable(plain) != plain {
		t.Errorf("Printable: %q", term.Printable(plain))
	}
	if got := term.ASCIILine("é\n"+hostile, 4096); strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("ASCIILine: %q", got)
	}
	if got := term.ASCIILine(strings.Repeat("é", 100), 32); len(got) != 32 || !strings.HasSuffix(got, "...") {
		t.Errorf("ASCIILine: %q", got)
	}
}

// Whatever the type of an argument, its text is foreign.
func TestPrinterEscapesEveryArgument(t *testing.T) {
	type name string
	var b strings.Builder
	out := term.NewPrinter(&b, false)
	out.Line("%s %s %v %v %v %s", hostile, name(hostile), errors.New(hostile), []string{hostile}, map[string]string{"k": hostile}, fmt.Stringer(stringer{}))
	out.Table("  ", [][]any{{hostile, name(hostile), errors.New(hostile)}})
	out.Printf("%s\n", term.Pad(hostile, 80))
	out.Printf("%s\n", out.Paint(term.Red, hostile))
	if strings.ContainsFunc(b.String(), obeyed) {
		t.Errorf("a terminal would obey %q", b.String())
	}
	if n := strings.Count(b.String(), "\n"); n != 4 {
		t.Errorf("%d lines: foreign text made some:\n%s", n, b.String())
	}
	if got := term.Sprintf("%d %5.1f %t %v %s %c", 3, 2.5, true, time.Second, term.Safe("\x1b[1mx"), 'x'); got != "3   2.5 true 1s \x1b[1mx x" {
		t.Errorf("numbers: %q", got)
	}
}

type stringer struct{}

func (stringer) String() string { return hostile }

func TestPaint(t *testing.T) {
	if got := term.Paint(true, term.Bold.And(term.Red), "no\x1b"); got != "\x1b[1;31mno\\u001b\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := term.Paint(false, term.Red, "no"); got != "no" {
		t.Errorf("%q", got)
	}
	if got := term.Paint(true, term.Red, ""); got != "" {
		t.Errorf("%q", got)
	}
}

func TestTableAligns(t *testing.T) {
	var b strings.Builder
	out := term.NewPrinter(&b, true)
	out.Table("  ", [][]any{
		{"NAME", "RESULT", "N"},
		{"short", out.Paint(term.Green, "passed"), 1},
		{"日本語", term.Mark(true, false), 20}, // three characters, six columns
		{"cafe\u0301", "x", 3},              // the accent takes none
		{"🎉", "", ""},                       // emoji take two
	})
	want := "  NAME    RESULT  N\n" +
		"  short   \x1b[32mpassed\x1b[0m  1\n" +
		"  日本語  \x1b[31m✗\x1b[0m       20\n" +
		"  cafe\u0301    x       3\n" +
		"  🎉\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if got := term.Cut("日本語の名前", 7); got != "日本語…" || term.Width(got) != 7 {
		t.Errorf("Cut: %q, %d columns", got, term.Width(got))
	}
	if got := term.Cut("short", 7); got != "short" {
		t.Errorf("Cut: %q", got)
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"1 role": term.Plural(1, "role"), "0 roles": term.Plural(0, "role"), "2 policies": term.Plural(2, "policy"), "3 keys": term.Plural(3, "key"),
		"": term.And(nil), "a": term.Or([]string{"a"}), "a and b": term.And([]string{"a", "b"}), "a, b or c": term.Or([]string{"a", "b", "c"}),
		"  a\n\n  b": term.Indent("a\n\nb\n", "  "), `"a", "b\""`: strings.Join(term.Quoted([]string{"a", `b"`}), ", "),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestJSONKeepsItsValue(t *testing.T) {
	before := map[string]string{"claim": strings.ToValidUTF8(hostile, "?"), "tag": "\U000e0041<>&"}
	var out bytes.Buffer
	if err := term.WriteJSON(&out, before); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), obeyed) {
		t.Errorf("a terminal would obey %q", &out)
	}
	var after map[string]string
	if err := json.Unmarshal(out.Bytes(), &after); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the value changed: %q, was %q", after, before)
	}
}

func TestColorIsForTerminals(t *testing.T) {
	unset := func(string) (string, bool) { return "", false }
	if term.Color(io.Discard, unset) || term.IsTerminal(io.Discard) {
		t.Error("what is no terminal gets colours")
	}
	if term.Columns(io.Discard) != 80 {
		t.Error("80 columns are the default")
	}
}

func TestPrinterKeepsTheFirstError(t *testing.T) {
	out := term.NewPrinter(broken{}, false)
	out.Line("x")
	out.Table("", [][]any{{"y"}})
	if !errors.Is(out.Err(), io.ErrClosedPipe) {
		t.Errorf("error %v", out.Err())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// No foreign text, whatever it is, reaches a terminal as a command or as a line.
func FuzzPrintable(f *testing.F) {
	f.Add(hostile)
	f.Add("日本\u0301\xf0\x9f")
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{"Printable": term.Printable(s), "Lines": string(term.Lines(s)), "Sprintf": term.Sprintf("%v", []string{s}), "ASCIILine": term.ASCIILine(s, 64)} {
			if strings.ContainsFunc(got, obeyed) {
				t.Errorf("%s(%q) = %q", name, s, got)
			}
			if name != "Lines" && strings.ContainsAny(got, "\n\t") {
				t.Errorf("%s(%q) has lines: %q", name, s, got)
			}
		}
		if w := term.Width(term.Pad(s, 10)); w < 10 {
			t.Errorf("Pad(%q) has %d columns", s, w)
		}
		if w := term.Width(term.Cut(term.Printable(s), 8)); w > 8 {
			t.Errorf("Cut(%q) has %d columns", s, w)
		}
	})
}
