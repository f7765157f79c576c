package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// Sizes that IAM and STS set for a document, in characters without whitespace.
const (
	MaxTrustSize         = 2048 // default quota; an account can have up to:
	MaxRaisedTrustSize   = 8192
	MaxManagedSize       = 6144
	MaxUserInlineSize    = 2048  // of all inline policies of a user together
	MaxRoleInlineSize    = 10240 // of a role
	MaxGroupInlineSize   = 5120  // of a group
	MaxSessionPolicySize = 2048  // inline session policy and managed ARNs together
)

// Codes of a [ValidationError].
const (
	CodeMalformed     = "MalformedPolicyDocument"
	CodeLimitExceeded = "LimitExceeded"
)

// ValidationError is AWS's refusal of a document at the write.
type ValidationError struct {
	Code    string    `json:"code"`           // CodeMalformed or CodeLimitExceeded
	Message string    `json:"message"`        // AWS's text
	Hint    hint.Hint `json:"hint,omitzero"`  // what AWS does not say
	Line    int       `json:"line,omitempty"` // where, from 1; 0 when it is the whole document
	Column  int       `json:"column,omitempty"`
	// Principal, Action and Effect are those of a resource's policy that are none; ""
	// for other faults. Services have texts of their own for them.
	Principal string `json:"-"`
	Action    string `json:"-"`
	Effect    string `json:"-"`
	// Missing is the element that a statement of a resource's policy lacks.
	Missing string `json:"-"`
}

func (e *ValidationError) Error() string { return e.Code + ": " + e.Message }

// Size is the size of a document as AWS counts it against quotas: in
// characters, without whitespace.
func Size(src []byte) int {
	n := utf8.RuneCount(src)
	for _, c := range src {
		switch c {
		case ' ', '\t', '\r', '\n':
			n--
		}
	}
	return n
}

// validator walks a JSON tree and stops at the first thing that AWS refuses.
// Its methods return nil when there is nothing to refuse.
type validator struct{ src string }

func (v validator) refuse(n *tree.Node, message, why string) *ValidationError {
	return v.refuseWith(n, message, hint.Hint{Message: why})
}

func (v validator) refuseWith(n *tree.Node, message string, h hint.Hint) *ValidationError {
	e := &ValidationError{Code: CodeMalformed, Message: message, Hint: h}
	if n != nil {
		p := tree.PositionAt(v.src, n.Start)
		e.Line, e.Column = p.Line, p.Column
	}
	return e
}

// fromSyntax gives AWS's text to an error of our own reading, whose words
// become the hint.
func fromSyntax(err *SyntaxError, message string) *ValidationError {
	return &ValidationError{Code: CodeMalformed, Message: message, Hint: hint.Hint{Message: err.Message}, Line: err.Line, Column: err.Column}
}

func tooLarge(quota string, limit, size int) *ValidationError {
	return &ValidationError{
		Code:    CodeLimitExceeded,
		Message: fmt.Sprintf("Cannot exceed quota for %s: %d", quota, limit),
		Hint:    hint.Hint{Message: fmt.Sprintf("the document has %d characters without whitespace", size)},
	}
}

func isStringOrList(n *tree.Node) bool {
	if n.Kind == tree.String {
		return true
	}
	if n.Kind != tree.Array {
		return false
	}
	for _, item := range n.Items {
		if item.Kind != tree.String {
			return false
		}
	}
	return true
}

// isListWithNull: recorded, IAM takes a null among the resources of a list and
// ignores it.
func isListWithNull(n *tree.Node) bool {
	if n.Kind != tree.Array {
		return false
	}
	for _, item := range n.Items {
		if item.Kind != tree.String && item.Kind != tree.Null {
			return false
		}
	}
	return true
}

// conditionShape finds what is wrong with the shape of a Condition element, or
// an unknown operator that tests a key. Recorded: an unknown operator without a
// key, an operator without keys and a key without values are accepted.
func conditionShape(n *tree.Node) (at *tree.Node, hint string) {
	if n.Kind != tree.Object {
		return n, "Condition must be an object of operators"
	}
	for _, op := range n.Members {
		if op.Value.Kind != tree.Object {
			return op.Value, fmt.Sprintf("operator %s must hold an object of condition keys", op.Name)
		}
		if _, known := parseOperator(op.Name); !known && len(op.Value.Members) > 0 {
			if right := nearestOperator(op.Name); right != "" {
				return op.Value, fmt.Sprintf("there is no condition operator %s; write %s", op.Name, right)
			}
			return op.Value, fmt.Sprintf("there is no condition operator %s", op.Name)
		}
		for _, key := range op.Value.Members {
			for _, value := range key.Value.List() {
				switch value.Kind {
				case tree.String, tree.Number, tree.Bool:
				default:
					return value, fmt.Sprintf("the value of %s must be a string, a number or a boolean", key.Name)
				}
			}
		}
	}
	return nil, ""
}

// nearestOperator is the operator that was probably meant by a name that none
// has; "" when none is near.
func nearestOperator(name string) string {
	base, quantifier := strings.ReplaceAll(name, "::", ":"), ""
	if before, after, qualified := strings.Cut(base, ":"); qualified {
		quantifier = spelling.Near(before, []string{"ForAllValues", "ForAnyValue"})
		if quantifier == "" {
			return ""
		}
		base, quantifier = after, quantifier+":"
	}
	near := spelling.Near(base, operatorNames)
	if near == "" {
		return ""
	}
	return quantifier + near
}

// operatorNames are all operators, without set qualifiers.
var operatorNames = func() []string {
	var names []string
	for _, known := range slices.Sorted(maps.Keys(operators)) {
		names = append(names, known, known+"IfExists")
	}
	return names
}()

// duplicateSid returns the second statement of two with the same non-empty Sid.
func duplicateSid(statements []*tree.Node) *tree.Node {
	seen := map[string]bool{}
	for _, s := range statements {
		sid := s.Get("Sid")
		if sid == nil || sid.Text == "" {
			continue
		}
		if seen[sid.Text] {
			return sid
		}
		seen[sid.Text] = true
	}
	return nil
}
