package term

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Safe is text that is escaped already and may hold colours.
type Safe string

// Style is how text is painted: the parameters of an SGR sequence.
type Style string

// The styles in use. They can be joined by [Style.And].
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// And is both styles.
func (s Style) And(other Style) Style {
	if s == Plain || other == Plain {
		return s + other
	}
	return s + ";" + other
}

// Paint is text, escaped unless it is [Safe], in a style where there are colours.
func Paint[T ~string](color bool, style Style, text T) Safe {
	safe := safely(text)
	if !color || style == Plain || safe == "" {
		return safe
	}
	return "\x1b[" + Safe(style) + "m" + safe + "\x1b[0m"
}

// Mark is the sign for what holds (✓) or does not (✗).
func Mark(color, ok bool) Safe {
	if ok {
		return Paint(color, Green, "✓")
	}
	return Paint(color, Red, "✗")
}

// Printer writes text to people. It keeps the first error of many writes.
type Printer struct {
	Color bool

	w   io.Writer
	err error
}

// NewPrinter makes a printer that writes to w, with colours or without.
func NewPrinter(w io.Writer, color bool) *Printer { return &Printer{Color: color, w: w} }

// Err is the first error of writing.
func (p *Printer) Err() error { return p.err }

// Printf writes as [fmt.Fprintf] does, with every argument escaped as
// [Printable] does that is not [Safe] or a number. The format is the program's own.
func (p *Printer) Printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, Sprintf(format, args...))
	}
}

// Line is Printf with a line end, without the blanks that empty columns leave
// before it.
func (p *Printer) Line(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(Sprintf(format, args...), " ")+"\n")
	}
}

// Paint is [Paint] with the printer's colours.
func (p *Printer) Paint(style Style, text string) Safe { return Paint(p.Color, style, text) }

// Mark is [Mark] with the printer's colours.
func (p *Printer) Mark(ok bool) Safe { return Mark(p.Color, ok) }

// Sprintf formats as [fmt.Sprintf] does, with foreign text escaped as in [Printer.Printf].
func Sprintf(format string, args ...any) string {
	clean := make([]any, len(args))
	for i, arg := range args {
		clean[i] = cleaned(arg)
	}
	return fmt.Sprintf(format, clean...)
}

func cleaned(arg any) any {
	switch v := arg.(type) {
	case Safe, nil:
		return v
	case string:
		return Printable(v)
	}
	switch reflect.ValueOf(arg).Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Float32, reflect.Float64:
		if _, says := arg.(fmt.Stringer); !says {
			return arg
		}
	}
	return Printable(fmt.Sprint(arg))
}
