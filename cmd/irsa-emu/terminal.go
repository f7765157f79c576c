package main

import (
	"io"

	"github.com/irsa-emu/irsa-emu/term"
)

// coloured is whether what goes to w is coloured.
func (p *program) coloured(w io.Writer) bool { return term.Color(w, p.getenv) }

// out prints for people on the standard output.
func (p *program) out() *term.Printer { return term.NewPrinter(p.stdout, p.coloured(p.stdout)) }

// say prints a line for people on the standard output.
func (p *program) say(format string, args ...any) error {
	out := p.out()
	out.Line(format, args...)
	return out.Err()
}

// complain prints for people on the standard error.
func (p *program) complain(format string, args ...any) error {
	out := term.NewPrinter(p.stderr, false)
	out.Line(format, args...)
	return out.Err()
}
