package harness

import (
	"fmt"
	"io"
	"strings"

	"github.com/irsa-emu/irsa-emu/term"
)

// WriteAnnotations writes workflow commands, by which GitHub Actions shows
// failures and skips at their lines.
func (r *Report) WriteAnnotations(w io.Writer) error {
	var out strings.Builder
	annotate := func(level, file string, line int, title, message string) {
		fmt.Fprintf(&out, "::%s file=%s,line=%d,title=%s::%s\n", level, property(file), line, property(title), data(message))
	}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		if x.Error != "" {
			annotate("error", x.File, x.Line, x.Name, x.Error)
		}
		for j := range x.Steps {
			s := &x.Steps[j]
			switch s.Status {
			case Failed:
				annotate("error", x.File, s.Line, x.Name+": "+s.Name, failure(s))
			case Skipped:
				if x.Error == "" {
					annotate("notice", x.File, s.Line, x.Name+": "+s.Name, "skipped: "+s.Reason)
				}
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// The escapes of workflow commands (GitHub Actions documentation, "Workflow commands").
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A").Replace(string(term.Lines(s)))
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
