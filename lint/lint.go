package lint

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/rewrite"
	"github.com/irsa-emu/irsa-emu/sts"
)

// Options say what is known of where the policy will live.
type Options struct {
	// Account is the role's, and Partition the account's; "" when they are unknown.
	Account, Partition string
	// Tags are the role's; nil when they are unknown.
	Tags map[string]string
	// Providers are OIDC providers of that account.
	Providers []Provider
	// AllProviders says that the account has no others.
	AllProviders bool
	// Associations are those of EKS Pod Identity that give the role to pods.
	Associations []Association
}

// Provider is an OIDC provider of the account.
type Provider struct {
	Issuer    string // URL, name or ARN
	ClientIDs []string
}

// Association is one of EKS Pod Identity.
type Association struct {
	Pod sts.Pod // as far as it is known
	// Place is where it was written, for messages.
	Place string
}

// Finding is one mistake or risk in a trust policy.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Message  string   `json:"message"` // what is there
	Why      string   `json:"why"`     // what it leads to
	Fix      string   `json:"fix"`     // what to write
	// Fixed is the whole document with this fix, and nothing else changed; nil
	// when only the author can know the fix.
	Fixed json.RawMessage `json:"fixed,omitempty"`
}

// Lint finds mistakes and risks in a trust policy, in the order of the text.
func Lint(src []byte, o Options) []Finding {
	text := string(src)
	root, syntax := tree.Parse(text)
	if syntax != nil {
		return []Finding{notJSON(syntax)}
	}
	l := &linter{src: text, was: root, root: corrected(root), options: o}
	l.judgeAssociations()
	l.run()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.findings
}

// maxFixed bounds the fixed documents of all findings together, each of which
// is a whole one: a hundred mistakes in the longest trust policy that IAM takes
// are far below it.
const maxFixed = 4 << 20

type linter struct {
	src string
	was *tree.Node
	// root is was with its misspelt operators and effects put right: what else is
	// wrong is what will be wrong then.
	root    *tree.Node
	options Options
	// role is one with the policy of root; nil when root is none.
	role     *iam.Role
	kept     []keptOut
	findings []Finding
	fixed    int // bytes
}

// run has every rule look where it looks.
func (l *linter) run() {
	if l.root.Kind == tree.Object {
		for i, s := range l.root.Statements() {
			if s.Kind == tree.Object {
				l.statement(i, s)
			}
		}
		l.look(onDocument, &site{linter: l})
	}
	l.look(onRefusal, &site{linter: l})
}

// statement has the rules look at one statement and what is in it.
func (l *linter) statement(index int, s *tree.Node) {
	base := site{linter: l, index: index, s: s, trust: trustedBy(s), conditions: conditionsOf(s), meant: map[string]bool{}}
	all := base.trust.providers
	base.trust.providers = namingHosts(all) // of others no key can be told
	at := base
	l.look(onActions, &at)
	for _, p := range all {
		at := base
		at.provider = p
		l.look(onProvider, &at)
	}
	for i := range base.conditions {
		at := base
		at.condition = &base.conditions[i]
		if !at.condition.known || at.condition.misspelt { // the operator comes first: what else is wrong shows when it is right
			continue
		}
		if l.look(onKey, &at) {
			continue // the key is never set, so that its values do not matter
		}
		l.look(onCondition, &at)
		for _, v := range at.condition.value.List() {
			at.value = v
			l.look(onValue, &at)
		}
	}
	at = base
	l.look(onStatement, &at)
	if !base.allow() || !allows(s, "sts:AssumeRoleWithWebIdentity") {
		return
	}
	for _, p := range base.trust.providers {
		at := base
		at.provider = p
		l.look(onTrust, &at)
	}
}

// look has the rules of one kind of place look at it. True: one of them found
// something.
func (l *linter) look(where place, at *site) bool {
	found := false
	for i := range rules {
		for _, f := range rules[i].find {
			if f.where != where || f.first && found {
				continue
			}
			at.rule = &rules[i]
			before := len(l.findings)
			f.find(at)
			found = found || len(l.findings) > before
		}
	}
	return found
}

// site is a place in a document where a rule looks.
type site struct {
	*linter
	rule       *Rule
	index      int // of the statement
	s          *tree.Node
	trust      trusted
	conditions []condition
	condition  *condition
	provider   *tree.Node      // a Federated principal
	value      *tree.Node      // of the condition
	meant      map[string]bool // keys, in lower case, that a misspelt key of the statement stands for
}

// allow says whether the statement is an Allow.
func (x *site) allow() bool { return equalFold(x.s.Get("Effect"), "Allow") }

// report adds a finding at a node. edit changes the statement in a copy of the
// document; nil when only the author can know what to write. What a Deny did not deny
// until now works, so that nothing of it is changed.
func (x *site) report(at int, message, why, fix string, edit func(s *tree.Node)) {
	var whole func(*tree.Node)
	if index := x.index; edit != nil && x.allow() {
		whole = func(root *tree.Node) { edit(root.Statements()[index]) }
	}
	x.reportDocument(at, message, why, fix, whole)
}

// reportDocument is report with a fix of the whole document.
func (x *site) reportDocument(at int, message, why, fix string, edit func(root *tree.Node)) {
	p := tree.PositionAt(x.src, at)
	f := Finding{Rule: x.rule.ID, Severity: x.rule.Severity, Line: p.Line, Column: p.Column, Message: message, Why: why, Fix: fix}
	if edit != nil {
		root := x.root.Clone()
		edit(root)
		f.Fixed = x.rewritten(root)
	}
	x.findings = append(x.findings, f)
}

// rewritten is the document's text with what a changed tree says, all else as it
// is written; nil when the findings have enough of them.
func (l *linter) rewritten(root *tree.Node) []byte {
	if l.fixed >= maxFixed {
		return nil
	}
	text := rewrite.JSON([]byte(l.src), l.was, root)
	l.fixed += len(text)
	return text
}
