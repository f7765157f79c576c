package lint

import (
	"cmp"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// Edits change the statement in a copy of the document's tree.

// replaced is an edit that writes another text for each of a list that is old.
func replaced(list func(s *tree.Node) *tree.Node, old, text string) func(*tree.Node) {
	return func(s *tree.Node) {
		tree.ReplaceStrings(list(s), func(v string) string {
			if v == old {
				return text
			}
			return v
		})
	}
}

// provided writes another Federated principal.
func provided(old, text string) func(*tree.Node) {
	return replaced(func(s *tree.Node) *tree.Node { return s.Get("Principal").Get("Federated") }, old, text)
}

// valued writes another value of the condition at hand; nil where that would keep out
// whom it lets in now.
func (x *site) valued(text string) func(*tree.Node) {
	c := x.condition
	if c.op.Negated {
		return nil
	}
	return replaced(func(s *tree.Node) *tree.Node { return s.Get("Condition").Get(c.operator).Get(c.key) }, x.value.Text, text)
}

// moved writes the condition at hand under another operator; nil when that tests
// the key already.
func (x *site) moved(operator string) func(*tree.Node) {
	c := x.condition
	if !x.movable(operator) {
		return nil
	}
	return func(s *tree.Node) { moveCondition(s, c.operator, c.key, operator, c.key) }
}

// renamed writes another key for the condition at hand; nil where that would keep
// out whom it lets in now.
func (x *site) renamed(key string) func(*tree.Node) {
	c := x.condition
	x.meant[strings.ToLower(key)] = true
	if c.passesAbsent() {
		return nil
	}
	return func(s *tree.Node) { moveCondition(s, c.operator, c.key, c.operator, key) }
}

// dropped takes the condition at hand away.
func (x *site) dropped() func(*tree.Node) {
	c := x.condition
	return func(s *tree.Node) { dropCondition(s, c.operator, c.key) }
}

// added writes one more condition.
func added(operator, key, value string) func(*tree.Node) {
	return func(s *tree.Node) { s.Object("Condition").Object(operator).Set(key, tree.StringNode(value)) }
}

// moveCondition renames a condition's operator, key or both. An operator that
// has no other key keeps its place.
func moveCondition(statement *tree.Node, operator, key, newOperator, newKey string) {
	if operator == newOperator && key == newKey {
		return
	}
	condition := statement.Object("Condition")
	from := condition.Object(operator)
	if len(from.Members) == 1 && condition.Get(newOperator) == nil {
		for i := range condition.Members {
			if condition.Members[i].Name == operator {
				condition.Members[i].Name = newOperator
			}
		}
		from.Members[0].Name = newKey
		return
	}
	if operator == newOperator {
		if from.Get(newKey) != nil {
			from.Remove(key)
			return
		}
		for i := range from.Members {
			if from.Members[i].Name == key {
				from.Members[i].Name = newKey
			}
		}
		return
	}
	value := from.Get(key)
	from.Remove(key)
	if len(from.Members) == 0 {
		condition.Remove(operator)
	}
	condition.Object(newOperator).Set(newKey, value)
}

// dropCondition removes a key, and what becomes empty by that.
func dropCondition(statement *tree.Node, operator, key string) {
	condition := statement.Object("Condition")
	from := condition.Object(operator)
	from.Remove(key)
	if len(from.Members) == 0 {
		condition.Remove(operator)
	}
	if len(condition.Members) == 0 {
		statement.Remove("Condition")
	}
}

// ownWords are the parts of a known issuer's subject that everybody writes differently.
var ownWords = lazyregexp.New(`\b[A-Z]+(-[A-Z]+)*\b`)

// placeholder is a value for people to replace.
func placeholder(issuer, key string) string {
	known := aws.IssuerOf(issuer)
	_, shared := policy.SharedIssuerKey(issuer)
	switch {
	case strings.HasSuffix(key, ":aud") && !known.BuiltIn:
		return cmp.Or(known.Audience, aws.DefaultAudience)
	case strings.HasSuffix(key, ":aud"), strings.HasSuffix(key, "RoleSessionName"):
		return "YOUR-VALUE"
	case !known.OfClusters() && known.Subject != "":
		return ownWords.ReplaceAllString(strings.Replace(known.Subject, "BRANCH", "main", 1), "YOUR-$0")
	case shared:
		return "YOUR-VALUE"
	}
	return aws.ServiceAccount{Namespace: "YOUR-NAMESPACE", Name: "YOUR-SERVICE-ACCOUNT"}.Subject()
}
