package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/harness/kind"
	"github.com/irsa-emu/irsa-emu/term"
)

// A log is not filled with how long something takes.
func TestStatusLines(t *testing.T) {
	const c = term.ClearLine
	lasts := kind.Progress{What: "kind: creating cluster x", SoFar: 2 * time.Second}
	for terminal, want := range map[bool]string{
		false: "kind: creating cluster x\nkind: done\n",
		true:  c + "kind: creating cluster x\n" + c + lasts.String() + c + "kind: done\n",
	} {
		var out bytes.Buffer
		say := statusLines(&out, terminal)
		for _, line := range []kind.Progress{
			{What: "kind: creating cluster x"}, lasts, {What: "kind: done"},
		} {
			say(line)
		}
		if out.String() != want {
			t.Errorf("terminal %t: got %q, want %q", terminal, out.String(), want)
		}
	}
}
