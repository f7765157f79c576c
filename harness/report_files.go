package harness

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*Report
		ScenarioCounts Counts `json:"scenarioCounts"`
		StepCounts     Counts `json:"stepCounts"`
	}{r, scenarios, steps})
}

// The JUnit form that CI systems read: a suite a scenario, a case a step.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		File      string      `xml:"file,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
		Error     string      `xml:"system-err,omitempty"`
	}
	junitCase struct {
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		File      string       `xml:"file,attr"`
		Line      int          `xml:"line,attr"`
		Time      string       `xml:"time,attr"`
		Failure   *junitDetail `xml:"failure"`
		Error     *junitDetail `xml:"error"`
		Skipped   *junitDetail `xml:"skipped"`
		Output    string       `xml:"system-out,omitempty"`
	}
	junitDetail struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// WriteJUnit writes the report as JUnit XML.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "irsa-emu", Time: seconds(r.Duration)}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		suite := junitSuite{
			Name: x.Name, File: x.File, Time: seconds(x.Duration), Timestamp: x.Started.UTC().Format(time.RFC3339), Error: printable(x.Error),
		}
		if x.Error != "" {
			// A scenario that could not be played has no step that failed.
			suite.Cases = append(suite.Cases, junitCase{
				Name: "start", ClassName: x.Name, File: x.File, Line: x.Line, Time: "0.000", Error: &junitDetail{Message: firstLine(printable(x.Error), ""), Text: printable(x.Error)},
			})
			suite.Errors++
		}
		for j := range x.Steps {
			suite.add(x, &x.Steps[j])
		}
		suite.Tests = len(suite.Cases)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
		all.Skipped += suite.Skipped
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (suite *junitSuite) add(x *ScenarioResult, s *StepResult) {
	c := junitCase{Name: s.Name, ClassName: x.Name, File: x.File, Line: s.Line, Time: seconds(s.Duration), Output: printable(s.Summary)}
	switch {
	case s.Status == Skipped:
		c.Skipped = &junitDetail{Message: s.Reason}
		suite.Skipped++
	case s.Status == Failed && s.Error != "":
		c.Error = &junitDetail{Message: firstLine(s.Error, ""), Text: failure(s)}
		suite.Errors++
	case s.Status == Failed:
		c.Failure = &junitDetail{Message: oneLine(s), Text: failure(s)}
		suite.Failures++
	}
	suite.Cases = append(suite.Cases, c)
}

// oneLine is a failed step's first mismatch.
func oneLine(s *StepResult) string {
	if s.Error != "" {
		return firstLine(printable(s.Error), "")
	}
	if len(s.Mismatches) == 0 {
		return s.Summary
	}
	m := s.Mismatches[0]
	return printable(fmt.Sprintf("%s: expected %s, got %s", m.What, firstLine(m.Expected, ""), firstLine(m.Actual, "")))
}

// WriteMarkdown writes the report for a pull request or a job summary.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# irsa-emu scenarios\n\n%s\n\n| scenario | result | passed | failed | skipped | time |\n|---|---|--:|--:|--:|--:|\n", r.Verdict())
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		c := x.Counts()
		name := "**" + x.Name + "**"
		if x.Description != "" {
			name += "<br>" + cell(x.Description)
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %d | %s |\n", name, x.Status, c.Passed, c.Failed, c.Skipped, rounded(x.Duration))
	}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		if x.Status != Failed {
			continue
		}
		fmt.Fprintf(&out, "\n## %s failed\n\n`%s:%d`\n", x.Name, x.File, x.Line)
		if x.Error != "" {
			fmt.Fprintf(&out, "\n%s\n", fenced(printable(x.Error)))
		}
		for j := range x.Steps {
			if x.Steps[j].Status == Failed {
				fmt.Fprintf(&out, "\n### %s\n\n%s\n", cell(x.Steps[j].Name), fenced(failure(&x.Steps[j])))
			}
		}
		if x.Logs != "" {
			fmt.Fprintf(&out, "\nLogs: `%s`\n", x.Logs)
		}
	}
	if skips := r.skips(); len(skips) > 0 {
		out.WriteString("\n## Skipped\n\n")
		for _, reason := range sortedKeys(skips) {
			fmt.Fprintf(&out, "- %s: %s\n", plural(skips[reason], "step"), cell(reason))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", ">", "&gt;").Replace(printable(s))
}

// fenced is a block of text whatever backticks are in it.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

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
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(printable(s))
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
