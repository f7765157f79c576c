package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// tags are the role's in the order of their keys.
func (l *linter) tags() []aws.Tag {
	var tags []aws.Tag
	for _, key := range slices.Sorted(maps.Keys(l.options.Tags)) {
		tags = append(tags, aws.Tag{Key: key, Value: l.options.Tags[key]})
	}
	return tags
}

// roleTag finds conditions on tags of the role itself that the role does not meet.
func roleTag(x *site) {
	c := x.condition
	if x.options.Tags == nil || x.role == nil || !x.allow() || !aws.RoleTagKey(c.key) ||
		slices.ContainsFunc(c.value.List(), func(v *tree.Node) bool { return policy.HasVariable(v.Text) }) {
		return
	}
	keys := policy.Context{}
	x.role.SetTagKeys(keys)
	for _, judged := range x.role.Trust.Parsed().Statements[x.index].Conditions {
		if judged.Operator == c.operator && judged.Key == c.key && judged.Met(keys) {
			return
		}
	}
	name := c.key[strings.IndexByte(c.key, '/')+1:]
	message, fix := "the role has no tag "+name, "give the role the tag, or remove the condition"
	if value, ok := keys.Get(c.key); ok {
		message, fix = fmt.Sprintf("the role's tag %s is %q", name, strings.Join(value.List, "")), "correct the tag or the condition"
	}
	x.report(c.start, message, "the condition is on the role's own tag: the statement can never apply", fix, nil)
}
