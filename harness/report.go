package harness

import (
	"time"
)

// Status is how a step or a scenario ended.
type Status string

// The ends there are. A scenario is skipped when all of its steps are.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is what came of a run.
type Report struct {
	Cluster   string           `json:"cluster"`
	Started   time.Time        `json:"started"`
	Duration  time.Duration    `json:"duration"` // nanoseconds
	Scenarios []ScenarioResult `json:"scenarios"`
	// Logs is the folder of what was kept of failures; empty when nothing was.
	Logs string `json:"logs,omitempty"`
}

// ScenarioResult is what came of one scenario.
type ScenarioResult struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	File        string        `json:"file"`
	Line        int           `json:"line"`
	Status      Status        `json:"status"`
	Started     time.Time     `json:"started"`
	Duration    time.Duration `json:"duration"`
	// Error is why the scenario could not be played: no cluster, a refused state.
	Error string       `json:"error,omitempty"`
	Steps []StepResult `json:"steps"`
	// Logs is the folder of what was kept.
	Logs string `json:"logs,omitempty"`
}

// StepResult is what came of one step.
type StepResult struct {
	Name     string        `json:"name"`
	Line     int           `json:"line"`
	Status   Status        `json:"status"`
	Duration time.Duration `json:"duration"`
	// Reason is why the step was skipped.
	Reason string `json:"reason,omitempty"`
	// Summary is what happened, in one line.
	Summary string `json:"summary,omitempty"`
	// Error is what kept the step from being tried to its end.
	Error      string     `json:"error,omitempty"`
	Mismatches []Mismatch `json:"mismatches,omitempty"`
	// RequestID and Explanation are the emulator's decision of a step that failed.
	RequestID   string `json:"requestId,omitempty"`
	Explanation string `json:"explanation,omitempty"`
}

// Counts are how many of something ended how.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

func (c *Counts) add(s Status) {
	switch s {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	default:
		c.Skipped++
	}
}

// Total is the sum.
func (c Counts) Total() int { return c.Passed + c.Failed + c.Skipped }

// Counts counts scenarios and steps.
func (r *Report) Counts() (scenarios, steps Counts) {
	for i := range r.Scenarios {
		scenarios.add(r.Scenarios[i].Status)
		s := r.Scenarios[i].Counts()
		steps.Passed += s.Passed
		steps.Failed += s.Failed
		steps.Skipped += s.Skipped
	}
	return scenarios, steps
}

// Empty reports whether nothing was shown: every scenario was skipped.
func (r *Report) Empty() bool {
	scenarios, _ := r.Counts()
	return scenarios.Passed == 0 && scenarios.Failed == 0
}

// OK reports whether nothing failed.
func (r *Report) OK() bool {
	scenarios, _ := r.Counts()
	return scenarios.Failed == 0
}

// Counts counts the scenario's steps.
func (r *ScenarioResult) Counts() Counts {
	var c Counts
	for i := range r.Steps {
		c.add(r.Steps[i].Status)
	}
	return c
}
