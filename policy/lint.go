package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// LintOptions say what is known of where the policy will live.
type LintOptions struct {
	Account   string   // the role's account; "" when unknown
	Providers []string // URLs or ARNs of the account's OIDC providers; nil when unknown
}

// Severity of a finding.
type Severity string

const (
	SeverityError   Severity = "error"   // AWS refuses it, or it cannot do what it says
	SeverityWarning Severity = "warning" // it lets in more, or fewer, than it seems to
	SeverityNote    Severity = "note"    // it has no effect
)

// Finding is one mistake or risk in a trust policy.
type Finding struct {
	Rule     string          `json:"rule"`
	Severity Severity        `json:"severity"`
	Line     int             `json:"line"`
	Column   int             `json:"column"`
	Message  string          `json:"message"`         // what is there
	Why      string          `json:"why"`             // what it leads to
	Fix      string          `json:"fix"`             // what to write
	Mended   json.RawMessage `json:"fixed,omitempty"` // the whole document with this fix, when one can be made
}

// Rule describes what Lint looks for.
type Rule struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
}

var lintRules = []Rule{
	{"syntax", SeverityError, "the document is not JSON"},
	{"refused", SeverityError, "IAM refuses the document"},
	{"wildcard-under-equals", SeverityError, "a wildcard under an operator that compares letter by letter"},
	{"no-sub", SeverityWarning, "no condition on sub: every identity of the issuer may assume the role"},
	{"sub-wildcard", SeverityWarning, "a condition on sub that every identity of the issuer meets"},
	{"sub-format", SeverityError, "a sub that no token can have"},
	{"provider-format", SeverityError, "a provider ARN that holds another ARN"},
	{"no-aud", SeverityWarning, "no condition on aud"},
	{"never-set-key", SeverityError, "a condition key that STS never sets"},
	{"other-issuer-key", SeverityError, "a condition key of another issuer than the one trusted"},
	{"aud-sub-swapped", SeverityError, "an audience under sub, or a subject under aud"},
	{"letter-case", SeverityError, "a value that differs from the right one in letter case only"},
	{"trailing-slash", SeverityError, "a trailing slash too many or too few"},
	{"sts-amazon-com", SeverityError, "sts.amazon.com for sts.amazonaws.com"},
	{"all-values-absent", SeverityWarning, "ForAllValues, which is true when the key is absent"},
	{"multivalued", SeverityError, "a multivalued key without ForAnyValue or ForAllValues"},
	{"never-matches", SeverityError, "a value that nothing can equal"},
	{"provider-account", SeverityError, "a provider of another account"},
	{"provider-scheme", SeverityError, "a provider ARN with https://"},
	{"unknown-provider", SeverityWarning, "a provider that the account does not have"},
	{"version-variables", SeverityError, "policy variables without Version 2012-10-17"},
	{"shared-issuer", SeverityError, "a shared issuer without its required condition key"},
	{"action-never", SeverityError, "an action that can never match"},
	{"anyone", SeverityWarning, "everyone in AWS may assume the role"},
	{"idle-key", SeverityNote, "a condition on a key that STS never sets, which changes nothing"},
	{"unreachable", SeverityNote, "a statement that changes nothing"},
}

// LintRules lists the rules, for reports that describe them.
func LintRules() []Rule { return slices.Clone(lintRules) }

// Lint finds mistakes and risks in a trust policy, in the order of the text.
func Lint(src []byte, o LintOptions) []Finding {
	text := string(src)
	root, syntax := parseJSON(text)
	if syntax != nil {
		return []Finding{{Rule: "syntax", Severity: SeverityError, Line: syntax.Line, Column: syntax.Column,
			Message: syntax.Message, Why: "IAM refuses it: " + textInvalidJSON, Fix: "correct the JSON"}}
	}
	l := &linter{src: text, root: root, options: o}
	if root.kind == kindObject {
		l.version()
		for i, s := range root.statements() {
			if s.kind == kindObject {
				l.statement(i, s)
			}
		}
		l.unreachable()
	}
	l.refused()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.findings
}

// maxMended bounds the mended documents of all findings together, each of which
// is a whole one: a hundred mistakes in the longest trust policy that IAM takes
// are far below it.
const maxMended = 4 << 20

type linter struct {
	src      string
	root     *node
	options  LintOptions
	findings []Finding
	mended   int             // bytes
	meant    map[string]bool // keys, in lower case, that a misspelt key of the statement at hand stands for
}

// report adds a finding at an offset. mend changes a copy of the document; nil
// when only the author can know the mend.
func (l *linter) report(rule string, offset int, message, why, fix string, mend func(root *node)) {
	p := positionAt(l.src, offset)
	f := Finding{Rule: rule, Line: p.Line, Column: p.Column, Message: message, Why: why, Fix: fix}
	for _, r := range lintRules {
		if r.ID == rule {
			f.Severity = r.Severity
		}
	}
	if mend != nil && l.mended < maxMended {
		root := l.root.clone()
		mend(root)
		f.Mended = root.indented()
		l.mended += len(f.Mended)
	}
	l.findings = append(l.findings, f)
}

// inStatement makes a mend of a statement one of the document.
func inStatement(index int, mend func(s *node)) func(*node) {
	return func(root *node) { mend(root.statements()[index]) }
}

// refused adds what IAM itself would say, unless a rule has found the same.
func (l *linter) refused() {
	_, err := ValidateTrust([]byte(l.src), TrustOptions{})
	if err == nil {
		return
	}
	refusal := err.(*ValidationError)
	for _, f := range l.findings {
		if f.Severity == SeverityError && f.Line == refusal.Line && f.Column == refusal.Column {
			return
		}
	}
	fix := refusal.Hint.String()
	if fix == "" {
		fix = "write what the message asks for"
	}
	l.findings = append(l.findings, Finding{Rule: "refused", Severity: SeverityError, Line: max(refusal.Line, 1), Column: max(refusal.Column, 1),
		Message: refusal.Message, Why: "IAM refuses the document with " + refusal.Code, Fix: fix, Mended: l.mendRefusal()})
}

// mendRefusal writes Effects and operators in their right case, which are the
// refusals with a certain mend.
func (l *linter) mendRefusal() json.RawMessage {
	root := l.root.clone()
	if root.kind != kindObject {
		return nil
	}
	for _, s := range root.statements() {
		if s.kind != kindObject {
			continue
		}
		if e := s.get("Effect"); e != nil && e.kind == kindString {
			for _, right := range []string{"Allow", "Deny"} {
				if strings.EqualFold(e.text, right) {
					e.text = right
				}
			}
		}
		if c := s.get("Condition"); c != nil {
			for i := range c.members {
				if _, known := parseOperator(c.members[i].name); known {
					continue
				}
				if right := nearestOperator(c.members[i].name); right != "" && c.get(right) == nil {
					c.members[i].name = right
				}
			}
		}
	}
	mended := root.indented()
	if _, err := ValidateTrust(mended, TrustOptions{MaxSize: maxBytes}); err != nil {
		return nil
	}
	return mended
}

func (l *linter) version() {
	v := l.root.get("Version")
	if v != nil && v.text == Version2012 {
		return
	}
	for _, s := range l.root.statements() {
		if s.kind != kindObject {
			continue
		}
		for _, c := range conditionsOf(s) {
			for _, value := range c.value.list() {
				if !splitTemplate(value.text).dynamic() {
					continue
				}
				l.report("version-variables", value.start,
					fmt.Sprintf("%q holds a variable, but the document's version knows none", value.text),
					"before Version 2012-10-17, and without a Version, ${…} is plain text",
					`write "Version": "2012-10-17"`,
					func(root *node) {
						root.remove("Version")
						root.members = append([]member{{name: "Version", value: stringNode(Version2012)}}, root.members...)
					})
				return
			}
		}
	}
}

// lintCondition is one key of one operator in the tree.
type lintCondition struct {
	operator string
	op       operator
	known    bool
	misspelt bool // op is what was probably meant: IAM refuses the document
	key      string
	start    int // of the key
	opStart  int
	value    *node
}

func conditionsOf(s *node) []lintCondition { return conditionsWith(s, nearestOperator) }

// writtenConditions is conditionsOf without a guess at what misspelt operators mean.
func writtenConditions(s *node) []lintCondition {
	return conditionsWith(s, func(string) string { return "" })
}

func conditionsWith(s *node, near func(string) string) []lintCondition {
	c := s.get("Condition")
	if c == nil {
		return nil
	}
	var out []lintCondition
	for _, o := range c.members {
		op, known := parseOperator(o.name)
		misspelt := !known
		if misspelt { // IAM refuses it, but what is meant may be clear
			op, known = parseOperator(near(o.name))
		}
		for _, k := range o.value.members {
			out = append(out, lintCondition{o.name, op, known && op.test != nil, misspelt, k.name, k.nameStart, o.nameStart, k.value})
		}
	}
	return out
}
