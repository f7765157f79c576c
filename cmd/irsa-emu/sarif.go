package main

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// The parts of SARIF 2.1.0 that a report uses, named as in the specification.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string             `json:"id"`
		ShortDescription     sarifText          `json:"shortDescription"`
		DefaultConfiguration sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level lint.Severity `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     lint.Severity   `json:"level"` // error, warning and note are SARIF's own
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

// newSARIF is a log without results.
func newSARIF(rules []sarifRule) sarifLog {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "irsa-emu", Version: version(), Rules: rules}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// add adds a result. Address names its thing in a plan or template; it may be empty.
func (l *sarifLog) add(rule string, level lint.Severity, message string, at strictyaml.Position, address string) {
	run := &l.Runs[0]
	location := sarifLocation{Physical: sarifPhysical{artifactOf(at.File), sarifRegion{max(at.Line, 1), max(at.Column, 1)}}}
	if address != "" {
		location.Logical = []sarifLogical{{address}}
	}
	index := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == rule })
	run.Results = append(run.Results, sarifResult{RuleID: rule, RuleIndex: max(index, 0), Level: level, Message: sarifText{message}, Locations: []sarifLocation{location}})
}

// sarif is the findings as SARIF 2.1.0, which code scanning reads.
func sarif(found []linted) sarifLog {
	var rules []sarifRule
	for _, r := range lint.Rules() {
		rules = append(rules, sarifRule{r.ID, sarifText{r.Summary}, sarifConfiguration{r.Severity}})
	}
	log := newSARIF(rules)
	for _, f := range found {
		log.add(f.Rule, f.Severity, sentence(f.Message)+" Why: "+sentence(f.Why)+" Fix: "+sentence(f.Fix), strictyaml.Position{File: f.File, Line: f.Line, Column: f.Column}, f.Address)
	}
	return log
}

func sentence(s string) string { return strings.TrimSuffix(s, ".") + "." }

// artifactOf names a file by a URI: relative to the source root, percent-encoded,
// or absolute where its path is.
func artifactOf(file string) sarifArtifact {
	path := filepath.ToSlash(filepath.Clean(file))
	if filepath.IsAbs(file) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(path, "/")}).String()}
	}
	// A colon in the first segment would read as a scheme; url puts ./ before it.
	return sarifArtifact{URI: (&url.URL{Path: path}).String(), URIBaseID: "%SRCROOT%"}
}
