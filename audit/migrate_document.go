package audit

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// withStatement is a document with one more statement at its end.
func withStatement(src []byte, statement string) ([]byte, error) {
	root, syntax := tree.Parse(string(src))
	if syntax != nil {
		return nil, syntax
	}
	added, syntax := tree.Parse(statement)
	if syntax != nil {
		return nil, syntax
	}
	if root.Kind != tree.Object {
		return nil, fmt.Errorf("a policy is an object, not %s", root.Kind)
	}
	statements := root.Get("Statement").List()
	root.Set("Statement", &tree.Node{Kind: tree.Array, Items: append(statements[:len(statements):len(statements)], added)})
	return root.Indented(), nil
}

// withAction is a document whose statement at an index, from 0, has one more action.
func withAction(src []byte, index int, action string) ([]byte, error) {
	root, syntax := tree.Parse(string(src))
	if syntax != nil {
		return nil, syntax
	}
	statements := root.Get("Statement").List()
	if index >= len(statements) || statements[index].Kind != tree.Object || statements[index].Get("Action") == nil {
		return nil, fmt.Errorf("statement %d has no Action", index+1)
	}
	actions := statements[index].Get("Action").List()
	for _, a := range actions {
		if strings.EqualFold(a.Text, action) {
			return root.Indented(), nil
		}
	}
	statements[index].Set("Action", &tree.Node{Kind: tree.Array, Items: append(actions[:len(actions):len(actions)], tree.StringNode(action))})
	return root.Indented(), nil
}
