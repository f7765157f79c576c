package policy

import "fmt"

// textInvalidSyntax is what Secrets Manager says of a policy outside the grammar
// (awsdocs/aws-cloudformation-user-guide#623).
const textInvalidSyntax = "This policy has invalid syntax."

// ValidateResource validates a resource policy, such as a bucket's or a
// secret's. Each service has its own code and bounds for what it refuses; the
// text is common, the rest is the service's to say. The error is a
// [*ValidationError].
func ValidateResource(src []byte) (*Document, error) {
	text := string(src)
	root, syntax := parseJSON(text)
	if syntax != nil {
		return nil, fromSyntax(syntax, textInvalidJSON)
	}
	v := validator{text}
	if root.kind == kindObject {
		for _, s := range root.statements() {
			if s.kind != kindObject {
				continue // build says so
			}
			for _, names := range [][2]string{{"Effect", "Effect"}, {"Principal", "NotPrincipal"}, {"Action", "NotAction"}, {"Resource", "NotResource"}} {
				if s.either(names[0], names[1]) == nil {
					return nil, v.refuse(s, "Missing required field "+names[0], "a resource policy's statement needs Effect, Principal, Action and Resource")
				}
			}
			if n := s.get("NotPrincipal"); n != nil && s.get("Effect").text == "Allow" {
				return nil, v.refuse(n, textAllowNot, "")
			}
			for _, n := range s.get("Principal").awsValues() {
				if e := awsPrincipal(n.text); e.kind == otherPrincipal || e.kind != anyone && hasWildcard(n.text) {
					return nil, v.refuse(n, fmt.Sprintf(`Invalid principal in policy: "AWS":"%s"`, n.text), "")
				}
			}
			for _, n := range s.either("Action", "NotAction").list() {
				if message := actionFormat(n.text); message != "" {
					return nil, v.refuse(n, message, "an action is written as service:Name, such as s3:GetObject")
				}
			}
		}
	}
	d, syntax := build(text, root)
	if syntax != nil {
		return nil, fromSyntax(syntax, textInvalidSyntax)
	}
	if n := duplicateSid(root.statements()); n != nil {
		return nil, v.refuse(n, textTrustSids, fmt.Sprintf("Sid %s is used twice", n.text))
	}
	return d, nil
}

// awsValues are the strings of a Principal's AWS member.
func (n *node) awsValues() []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, v := range n.get("AWS").list() {
		if v.kind == kindString {
			out = append(out, v)
		}
	}
	return out
}
