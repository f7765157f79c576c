package policy

import (
	"fmt"
	"strings"
)

// AppendStatement is a document with one more statement at its end, printed as
// [Indented] prints it. The error is a [*SyntaxError], or says that src is no policy.
func AppendStatement(src []byte, statement string) ([]byte, error) {
	root, syntax := parseJSON(string(src))
	if syntax != nil {
		return nil, syntax
	}
	added, syntax := parseJSON(statement)
	if syntax != nil {
		return nil, syntax
	}
	if root.kind != kindObject {
		return nil, fmt.Errorf("a policy is an object, not %s", root.kind)
	}
	list := &node{kind: kindArray, items: append(root.get("Statement").list(), added)}
	root.set("Statement", list)
	return root.indented(), nil
}

// AllowAlso is a document whose statement at an index, from 0, has one more action.
func AllowAlso(src []byte, index int, action string) ([]byte, error) {
	root, syntax := parseJSON(string(src))
	if syntax != nil {
		return nil, syntax
	}
	statements := root.get("Statement").list()
	if index >= len(statements) || statements[index].kind != kindObject || statements[index].get("Action") == nil {
		return nil, fmt.Errorf("statement %d has no Action", index+1)
	}
	actions := statements[index].get("Action").list()
	for _, a := range actions {
		if strings.EqualFold(a.text, action) {
			return root.indented(), nil
		}
	}
	statements[index].set("Action", &node{kind: kindArray, items: append(actions[:len(actions):len(actions)], stringNode(action))})
	return root.indented(), nil
}
