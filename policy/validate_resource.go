package policy

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// textInvalidSyntax is what Secrets Manager says of a policy outside the grammar
// (awsdocs/aws-cloudformation-user-guide#623).
const textInvalidSyntax = "This policy has invalid syntax."

// ValidateResource validates a resource policy, such as a bucket's or a
// secret's, in an account of a partition; "" when that is not known. Each service has
// its own code and bounds for what it refuses; the text is common, the rest is the
// service's to say. The error is a [*ValidationError].
func ValidateResource(src []byte, partition string) (*Document, error) {
	text := string(src)
	root, syntax := tree.Parse(text)
	if syntax != nil {
		return nil, fromSyntax(syntax, textInvalidJSON)
	}
	v := validator{text}
	if root.Kind == tree.Object {
		for _, s := range root.Statements() {
			if s.Kind != tree.Object {
				continue // build says so
			}
			for _, names := range [][2]string{{"Effect", "Effect"}, {"Principal", "NotPrincipal"}, {"Action", "NotAction"}, {"Resource", "NotResource"}} {
				if s.Either(names[0], names[1]) == nil {
					refusal := v.refuse(s, "Missing required field "+names[0], "a resource policy's statement needs Effect, Principal, Action and Resource")
					refusal.Missing = names[0]
					return nil, refusal
				}
			}
			if n := s.Get("Effect"); n.Text != "Allow" && n.Text != "Deny" && n.Kind == tree.String {
				refusal := v.refuse(n, textInvalidSyntax, `Effect must be "Allow" or "Deny"`)
				refusal.Effect = n.Text
				return nil, refusal
			}
			if n := s.Get("NotPrincipal"); n != nil && s.Get("Effect").Text == "Allow" {
				return nil, v.refuse(n, textAllowNot, "")
			}
			for _, n := range awsValues(s.Get("Principal")) {
				e, foreign := awsPrincipal(n.Text), foreignTo(partition, n.Text)
				if e.kind == otherPrincipal || e.kind != anyone && hasWildcard(n.Text) || foreign != "" {
					refusal := v.refuse(n, fmt.Sprintf(`Invalid principal in policy: "AWS":"%s"`, n.Text), foreign)
					refusal.Principal = n.Text
					return nil, refusal
				}
			}
			for _, n := range s.Either("Action", "NotAction").List() {
				if message := actionFormat(n.Text); message != "" {
					refusal := v.refuse(n, message, "an action is written as service:Name, such as s3:GetObject")
					refusal.Action = n.Text
					return nil, refusal
				}
			}
		}
	}
	d, syntax := build(text, root)
	if syntax != nil {
		return nil, fromSyntax(syntax, textInvalidSyntax)
	}
	if n := duplicateSid(root.Statements()); n != nil {
		return nil, v.refuse(n, textTrustSids, fmt.Sprintf("Sid %s is used twice", n.Text))
	}
	return d, nil
}

// awsValues are the strings of a Principal's AWS member.
func awsValues(n *tree.Node) []*tree.Node {
	if n == nil {
		return nil
	}
	var out []*tree.Node
	for _, v := range n.Get("AWS").List() {
		if v.Kind == tree.String {
			out = append(out, v)
		}
	}
	return out
}
