package harness

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/term"
)

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

// ReportFile is a report asked for as kind=path.
type ReportFile struct{ Kind, Path string }

var reportKinds = map[string]func(*Report, io.Writer) error{
	"json":     (*Report).WriteJSON,
	"junit":    (*Report).WriteJUnit,
	"markdown": (*Report).WriteMarkdown,
}

// ParseReportFile reads kind=path.
func ParseReportFile(text string) (ReportFile, error) {
	kind, path, ok := strings.Cut(text, "=")
	if _, known := reportKinds[kind]; !known || !ok || path == "" {
		return ReportFile{}, fmt.Errorf("report %q; write json=PATH, junit=PATH or markdown=PATH", text)
	}
	return ReportFile{kind, path}, nil
}

// WriteFile writes a report; the folder is made if it is not there.
func (r *Report) WriteFile(f ReportFile) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return fmt.Errorf("%s report: %w", f.Kind, err)
	}
	file, err := os.Create(f.Path)
	if err != nil {
		return fmt.Errorf("%s report: %w", f.Kind, err)
	}
	err = reportKinds[f.Kind](r, file)
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("%s report %s: %w", f.Kind, f.Path, err)
	}
	return nil
}

// WriteJSON writes the report as JSON, durations in nanoseconds.
func (r *Report) WriteJSON(w io.Writer) error {
	scenarios, steps := r.Counts()
	return term.WriteJSON(w, struct {
		*Report
		ScenarioCounts Counts `json:"scenarioCounts"`
		StepCounts     Counts `json:"stepCounts"`
	}{r, scenarios, steps})
}
