package policy

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/spelling"
)

// actions finds actions that can never match: no action of a trust policy, or
// one by which the trusted principals never come.
func (l *linter) actions(i int, s *node, t trusted) {
	n := s.get("Action")
	if n == nil {
		return
	}
	replace := func(old, text string) func(*node) {
		return inStatement(i, func(s *node) {
			replaceStrings(s.get("Action"), func(v string) string {
				if v == old {
					return text
				}
				return v
			})
		})
	}
	for _, a := range n.list() {
		lower := strings.ToLower(a.text)
		if a.kind != kindString {
			continue
		}
		if !matchesTrustAction(a.text) {
			right := nearestTrustAction(lower)
			var mend func(*node)
			fix := hintTrustActions
			if right != "" {
				fix, mend = "write "+right, replace(a.text, right)
			}
			l.report("action-never", a.start, fmt.Sprintf("%s is no action of a trust policy", a.text), "IAM refuses it: "+textOnlyAssumeRole, fix, mend)
			continue
		}
		var right string
		onlyWeb := len(t.providers) > 0 && !t.aws && !t.service && !t.saml
		switch {
		case onlyWeb && (lower == "sts:assumerole" || lower == "sts:assumerolewithsaml"):
			right = "sts:AssumeRoleWithWebIdentity"
		case len(t.providers) == 0 && !t.saml && (t.aws || t.service) && lower == "sts:assumerolewithwebidentity":
			right = "sts:AssumeRole"
		case t.saml && !t.aws && !t.service && len(t.providers) == 0 && (lower == "sts:assumerole" || lower == "sts:assumerolewithwebidentity"):
			right = "sts:AssumeRoleWithSAML"
		default:
			continue
		}
		mend := replace(a.text, right)
		if right == "sts:AssumeRole" && t.anyone != nil {
			mend = nil // the Principal is what is wrong: "*" covers no web identities
		}
		l.report("action-never", a.start, fmt.Sprintf("the trusted principals never call %s", a.text),
			"the statement can never apply to that action", "write "+right, mend)
	}
}

var trustActionNames = []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
	"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"}

// nearestTrustAction is the action that was misspelt, or "".
func nearestTrustAction(lower string) string {
	best, distance := "", 4
	for _, name := range trustActionNames {
		if d := spelling.Distance(strings.ToLower(name), lower); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// unreachable finds statements that change nothing: covered by an earlier one of
// the same effect, or wholly denied by another.
func (l *linter) unreachable() {
	list := l.root.statements()
	if len(list) > 200 {
		return // comparing all pairs of a document that no role can hold
	}
	for j, s := range list {
		if s.kind != kindObject || s.get("Effect") == nil {
			continue
		}
		for i, other := range list {
			if i == j || other.kind != kindObject || other.get("Effect") == nil || !covers(other, s) {
				continue
			}
			same := other.get("Effect").text == s.get("Effect").text
			denied := other.get("Effect").text == "Deny" && s.get("Effect").text == "Allow"
			// Of two equal statements the second is the idle one.
			if same && (i < j || !covers(s, other)) || denied {
				why := fmt.Sprintf("statement %d already says this for the same or more principals, actions and conditions", i+1)
				if denied {
					why = fmt.Sprintf("statement %d denies all that it allows", i+1)
				}
				l.report("unreachable", s.start, fmt.Sprintf("statement %d changes nothing", j+1), why, "remove it", func(root *node) {
					if n := root.get("Statement"); n.kind == kindArray && len(n.items) > 1 {
						n.items = append(n.items[:j:j], n.items[j+1:]...)
					}
				})
				break
			}
		}
	}
}

// covers says whether a applies wherever b applies.
func covers(a, b *node) bool {
	if a.get("NotAction") != nil || b.get("NotAction") != nil || a.get("NotPrincipal") != nil || b.get("NotPrincipal") != nil {
		return false
	}
	actions, principals := b.get("Action").list(), principalsOf(b)
	if len(actions) == 0 || len(principals) == 0 {
		return false
	}
	for _, n := range actions {
		covered := false
		for _, m := range a.get("Action").list() {
			g := compileGlob(strings.ToLower(m.text))
			covered = covered || g.match(strings.ToLower(n.text))
		}
		if !covered {
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
		found := false
		for _, d := range writtenConditions(b) {
			found = found || c.operator == d.operator && strings.EqualFold(c.key, d.key) && sameValues(c.value, d.value)
		}
		if !found {
			return false
		}
	}
	return true
}

func sameValues(a, b *node) bool {
	x, y := a.list(), b.list()
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i].text != y[i].text {
			return false
		}
	}
	return true
}

func principalsOf(s *node) map[string]bool {
	out := map[string]bool{}
	p := s.get("Principal")
	if p == nil {
		return out
	}
	if p.kind == kindString {
		out["AWS "+p.text] = true
	}
	for _, m := range p.members {
		for _, v := range m.value.list() {
			out[m.name+" "+v.text] = true
		}
	}
	return out
}
