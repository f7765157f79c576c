package audit

import (
	"cmp"
	"slices"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Verdict says whether a service account's pods get their role.
type Verdict string

const (
	Gets    Verdict = "gets"
	Refused Verdict = "refused"
	NoRole  Verdict = "no role"
	Unknown Verdict = "unknown"
)

// Mechanism is how pods are given a role.
type Mechanism string

const (
	IRSA        Mechanism = "irsa"
	PodIdentity Mechanism = "pod-identity"
	None        Mechanism = "none"
)

// Row is one service account with the workloads that share its fate. Its JSON is
// promised; fields may be added.
type Row struct {
	Cluster        string   `json:"cluster"`
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount"`
	Workloads      []string `json:"workloads"`
	// Exceptions are containers that do not get what the others get.
	Exceptions []string  `json:"exceptions,omitempty"`
	Mechanism  Mechanism `json:"mechanism"`
	// Role is an ARN, or the address of a role whose name is not known yet.
	Role *string `json:"role"`
	// TargetRole is the second role of an association that has one.
	TargetRole string  `json:"targetRole,omitempty"`
	Verdict    Verdict `json:"verdict"`
	Why        string  `json:"why"`
	Place      string  `json:"place"`
	// Path is the chain behind the verdict, link by link.
	Path []Link `json:"path,omitempty"`
}

// Link is one step from a pod to its role.
type Link struct {
	What  string `json:"what"`
	Place string `json:"place,omitempty"`
}

// Finding is a broken or dangerous link. Its JSON is promised; fields may be added.
type Finding struct {
	Rule     string        `json:"rule"`
	Severity lint.Severity `json:"severity"`
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Message  string        `json:"message"`
	Fix      string        `json:"fix"`
}

// Report is the answer of an audit. Its JSON is promised; fields may be added.
type Report struct {
	Matrix      []Row     `json:"matrix"`
	UnusedRoles []string  `json:"unusedRoles"`
	Findings    []Finding `json:"findings"`
	// Notes are what was taken for granted, or left out.
	Notes []string `json:"notes"`
}

// Clean says that nothing was found but notes.
func (r *Report) Clean() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity != lint.Note })
}

// Count is the number of rows with a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, row := range r.Matrix {
		if row.Verdict == v {
			n++
		}
	}
	return n
}

func (r *Report) find(rule *Rule, at strictyaml.Position, message, fix string) {
	f := Finding{rule.ID, rule.Severity, at.File, at.Line, at.Column, message, fix}
	if !slices.Contains(r.Findings, f) {
		r.Findings = append(r.Findings, f)
	}
}

func (r *Report) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// sort gives the report an order that does not hang on that of the files.
func (r *Report) sort() {
	slices.SortStableFunc(r.Matrix, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.ServiceAccount, b.ServiceAccount))
	})
	severity := map[lint.Severity]int{lint.Error: 0, lint.Warning: 1, lint.Note: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(severity[a.Severity], severity[b.Severity]), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	slices.Sort(r.UnusedRoles)
}
