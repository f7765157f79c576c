package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/spelling"
)

func notJSON(e *tree.SyntaxError) Finding {
	return Finding{Rule: "syntax", Severity: Error, Line: e.Line, Column: e.Column,
		Message: e.Message, Why: "IAM refuses it: This policy contains invalid Json", Fix: "correct the JSON"}
}

// refused adds what IAM itself would say, unless a rule has found the same.
func refused(x *site) {
	_, err := policy.ValidateTrust([]byte(x.src), policy.TrustOptions{Partition: x.options.Partition})
	if err == nil {
		return
	}
	refusal := err.(*policy.ValidationError)
	for _, f := range x.findings {
		if f.Severity == Error && f.Line == refusal.Line && f.Column == refusal.Column {
			return
		}
	}
	f := RefusedBy(refusal)
	f.Fixed = x.fixRefusal()
	x.findings = append(x.findings, f)
}

// RefusedBy is IAM's refusal of a document as a finding.
func RefusedBy(refusal *policy.ValidationError) Finding {
	fix := refusal.Hint.String()
	if fix == "" {
		fix = "write what the message asks for"
	}
	return Finding{Rule: "refused", Severity: Error, Line: max(refusal.Line, 1), Column: max(refusal.Column, 1),
		Message: refusal.Message, Why: "AWS refuses the document with " + refusal.Code, Fix: fix}
}

// corrected is a copy with Effects and operators written as they must be, where it
// is certain how.
func corrected(root *tree.Node) *tree.Node {
	root = root.Clone()
	if root.Kind != tree.Object {
		return root
	}
	for _, s := range root.Statements() {
		if s.Kind != tree.Object {
			continue
		}
		for _, right := range []string{"Allow", "Deny"} {
			if e := s.Get("Effect"); equalFold(e, right) {
				e.Text = right
			}
		}
		if c := s.Get("Condition"); c != nil && c.Kind == tree.Object {
			for _, name := range c.Names() {
				correctOperator(c, name)
			}
		}
	}
	return root
}

// correctOperator writes the operator that was probably meant, unless that tests one
// of the keys already.
func correctOperator(condition *tree.Node, name string) {
	if _, known := policy.ParseOperator(name); known {
		return
	}
	right := policy.NearestOperator(name)
	keys, there := condition.Get(name), condition.Get(right)
	switch {
	case right == "" || keys.Kind != tree.Object:
	case there == nil:
		condition.Rename(name, right)
	case there.Kind == tree.Object && !slices.ContainsFunc(keys.Members, func(m tree.Member) bool { return hasFold(there, m.Name) }):
		there.Members = append(there.Members, keys.Members...)
		condition.Remove(name)
	}
}

func hasFold(n *tree.Node, name string) bool {
	return slices.ContainsFunc(n.Members, func(m tree.Member) bool { return strings.EqualFold(m.Name, name) })
}

// fixRefusal is the document with what is certain put right, if IAM takes it then.
func (l *linter) fixRefusal() []byte {
	if tree.Equal(l.was, l.root) {
		return nil
	}
	if _, err := policy.ValidateTrust(l.root.Indented(), policy.TrustOptions{MaxSize: 1 << 20, Partition: l.options.Partition}); err != nil {
		return nil
	}
	return l.rewritten(l.root.Clone())
}

// version finds variables in a document whose version knows none.
func version(x *site) {
	if v := x.root.Get("Version"); v != nil && v.Text == policy.Version2012 {
		return
	}
	for _, s := range x.root.Statements() {
		if s.Kind != tree.Object {
			continue
		}
		for _, c := range conditionsOf(s) {
			for _, value := range c.value.List() {
				if !policy.HasVariable(value.Text) {
					continue
				}
				x.reportDocument(value.Start, fmt.Sprintf("%q holds a variable, but the document's version knows none", value.Text),
					"before Version 2012-10-17, and without a Version, ${…} is plain text", `write "Version": "2012-10-17"`,
					func(root *tree.Node) {
						if v := root.Get("Version"); v != nil {
							*v = tree.Node{Kind: tree.String, Text: policy.Version2012}
							return
						}
						root.Members = append([]tree.Member{{Name: "Version", Value: tree.StringNode(policy.Version2012)}}, root.Members...)
					})
				return
			}
		}
	}
}

// unreachable finds statements that change nothing: covered by an earlier one of
// the same effect, or wholly denied by another.
func unreachable(x *site) {
	list := x.root.Statements()
	if len(list) > 200 {
		return // comparing all pairs of a document that no role can hold
	}
	for j, s := range list {
		if s.Kind != tree.Object || s.Get("Effect") == nil {
			continue
		}
		for i, other := range list {
			if i == j || other.Kind != tree.Object || other.Get("Effect") == nil || !covers(other, s) {
				continue
			}
			same := other.Get("Effect").Text == s.Get("Effect").Text
			denied := other.Get("Effect").Text == "Deny" && s.Get("Effect").Text == "Allow"
			// Of two equal statements the second is the idle one.
			if same && (i < j || !covers(s, other)) || denied {
				why := fmt.Sprintf("statement %d already says this for the same or more principals, actions and conditions", i+1)
				if denied {
					why = fmt.Sprintf("statement %d denies all that it allows", i+1)
				}
				x.reportDocument(s.Start, fmt.Sprintf("statement %d changes nothing", j+1), why, "remove it", func(root *tree.Node) {
					if n := root.Get("Statement"); n.Kind == tree.Array && len(n.Items) > 1 {
						n.Items = append(n.Items[:j:j], n.Items[j+1:]...)
					}
				})
				break
			}
		}
	}
}

// covers says whether a applies wherever b applies.
func covers(a, b *tree.Node) bool {
	for _, n := range []string{"NotAction", "NotPrincipal"} {
		if a.Get(n) != nil || b.Get(n) != nil {
			return false
		}
	}
	actions, principals := b.Get("Action").List(), principalsOf(b)
	if len(actions) == 0 || len(principals) == 0 {
		return false
	}
	for _, n := range actions {
		if !slices.ContainsFunc(a.Get("Action").List(), func(m *tree.Node) bool { return policy.Like(strings.ToLower(m.Text), strings.ToLower(n.Text)) }) {
			return false
		}
	}
	have := principalsOf(a)
	for p := range principals {
		if !have[p] {
			return false
		}
	}
	for _, c := range writtenConditions(a) {
		if !slices.ContainsFunc(writtenConditions(b), func(d condition) bool {
			return c.operator == d.operator && strings.EqualFold(c.key, d.key) &&
				slices.EqualFunc(c.value.List(), d.value.List(), func(v, w *tree.Node) bool { return v.Text == w.Text })
		}) {
			return false
		}
	}
	return true
}

func principalsOf(s *tree.Node) map[string]bool {
	out := map[string]bool{}
	p := s.Get("Principal")
	if p == nil {
		return out
	}
	if p.Kind == tree.String {
		out["AWS "+p.Text] = true
	}
	for _, m := range p.Members {
		for _, v := range m.Value.List() {
			out[m.Name+" "+v.Text] = true
		}
	}
	return out
}

func anyone(x *site) {
	if x.allow() && x.trust.anyone != nil && len(x.conditions) == 0 {
		x.report(x.trust.anyone.Start, `"*" trusts every AWS account`, "anyone with an AWS account may assume the role",
			"name the accounts or roles that may, or add a condition such as aws:PrincipalOrgID", nil)
	}
}

// impossibleActions finds actions that can never match: no action of a trust policy,
// or one by which the trusted principals never come.
func impossibleActions(x *site) {
	n := x.s.Get("Action")
	if n == nil {
		return
	}
	t := x.trust
	providers := len(t.providers) > 0
	everyone := t.anyone != nil && !x.allow() // a Deny for "*" covers web identities too
	for _, a := range n.List() {
		lower := strings.ToLower(a.Text)
		replace := func(right string) func(*tree.Node) {
			return replaced(func(s *tree.Node) *tree.Node { return s.Get("Action") }, a.Text, right)
		}
		if a.Kind != tree.String {
			continue
		}
		if !policy.IsTrustAction(a.Text) {
			right := nearestTrustAction(lower)
			var edit func(*tree.Node)
			fix := "a trust policy allows " + strings.Join(policy.TrustActions(), ", ")
			if right != "" {
				fix, edit = "write "+right, replace(right)
			}
			x.report(a.Start, a.Text+" is not an action that a trust policy may allow", "IAM refuses it: AssumeRole policy may only specify STS AssumeRole actions.", fix, edit)
			continue
		}
		var right string
		switch {
		case providers && !t.aws && !t.service() && !t.saml && (lower == "sts:assumerole" || lower == "sts:assumerolewithsaml"):
			right = "sts:AssumeRoleWithWebIdentity"
		case !providers && !t.saml && !everyone && (t.aws || t.service()) && lower == "sts:assumerolewithwebidentity":
			right = "sts:AssumeRole"
		case t.saml && !t.aws && !t.service() && !providers && (lower == "sts:assumerole" || lower == "sts:assumerolewithwebidentity"):
			right = "sts:AssumeRoleWithSAML"
		default:
			continue
		}
		edit := replace(right)
		if right == "sts:AssumeRole" && t.anyone != nil {
			edit = nil // the Principal is what is wrong: "*" covers no web identities
		}
		x.report(a.Start, "the trusted principals never call "+a.Text, "the statement can never apply to that action", "write "+right, edit)
	}
}

// nearestTrustAction is the action that was misspelt, or "".
func nearestTrustAction(lower string) string {
	best, distance := "", 4
	for _, name := range policy.TrustActions() {
		if d := spelling.Distance(strings.ToLower(name), lower); d < distance {
			best, distance = name, d
		}
	}
	return best
}
