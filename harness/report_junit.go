package harness

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/irsa-emu/irsa-emu/term"
)

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

// escaped is foreign text as XML can hold it: most controls cannot be written there.
func escaped(s string) string { return string(term.Lines(s)) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// WriteJUnit writes the report as JUnit XML.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "irsa-emu", Time: seconds(r.Duration)}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		suite := junitSuite{
			Name: x.Name, File: x.File, Time: seconds(x.Duration), Timestamp: x.Started.UTC().Format(time.RFC3339), Error: escaped(x.Error),
		}
		if x.Error != "" {
			// A scenario that could not be played has no step that failed.
			suite.Cases = append(suite.Cases, junitCase{
				Name: "start", ClassName: x.Name, File: x.File, Line: x.Line, Time: "0.000", Error: &junitDetail{Message: firstLine(escaped(x.Error), ""), Text: escaped(x.Error)},
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
	c := junitCase{Name: escaped(s.Name), ClassName: x.Name, File: x.File, Line: s.Line, Time: seconds(s.Duration), Output: escaped(s.Summary)}
	switch {
	case s.Status == Skipped:
		c.Skipped = &junitDetail{Message: escaped(s.Reason)}
		suite.Skipped++
	case s.Status == Failed && s.Error != "":
		c.Error = &junitDetail{Message: firstLine(escaped(s.Error), ""), Text: failure(s)}
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
		return firstLine(escaped(s.Error), "")
	}
	if len(s.Mismatches) == 0 {
		return s.Summary
	}
	m := s.Mismatches[0]
	return escaped(fmt.Sprintf("%s: expected %s, got %s", m.What, firstLine(m.Expected, ""), firstLine(m.Actual, "")))
}
