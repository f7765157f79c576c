package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// Texts of IAM for trust policies. The first four are recorded on AWS; the
// others are what versitygw's authors saw of AWS (versity/versitygw#2221).
const (
	textInvalidJSON      = "This policy contains invalid Json"
	textOnlyAssumeRole   = "AssumeRole policy may only specify STS AssumeRole actions."
	textTrustVersion     = "The policy must contain a valid version string"
	textTrustNoStatement = "Could not parse the policy: Statement is empty!"
	textTrustSids        = "The Statement Ids in the policy are not unique"
	textTrustSyntax      = "Syntax error in policy."
	textPrincipalEmpty   = "Missing required field Principal cannot be empty!"
	textPrincipalObject  = "Principal must be a JSON object."
	textAllowNot         = "Allow with NotPrincipal is not allowed."
	textNotPrincipal     = "AssumeRole policy must not contain NotPrincipal field."
	textNotResource      = "AssumeRole policy must not contain resources."
	textCognito          = "A condition block must be present for the Cognito provider"
)

// TextFederated is IAM's refusal of a federated principal that is none.
const TextFederated = "Federated principals must be valid domain names or SAML metadata ARNs"

// TrustOptions is what validating a trust policy needs to know of the account.
type TrustOptions struct {
	// MaxSize is the account's quota in characters without whitespace; 0 means
	// [MaxTrustSize].
	MaxSize int
	// Partition is that of the role's account, which knows no AWS principals of another
	// (recorded 5); "" when it is not known.
	Partition string
	// KnownPrincipal says whether there is an AWS principal: a user or role of that ARN
	// or unique id, or what IAM does not look up. Nil accepts all.
	KnownPrincipal func(arn string) bool
	// Stored takes a document that was stored before IAM had controls of shared
	// issuers: what is stored already stays in force.
	Stored bool
}

// ValidateTrust validates a trust policy as IAM does in CreateRole and
// UpdateAssumeRolePolicy. The error is a [*ValidationError].
func ValidateTrust(src []byte, o TrustOptions) (*Document, error) {
	text := string(src)
	root, syntax := tree.Parse(text)
	if syntax != nil {
		return nil, fromSyntax(syntax, textInvalidJSON)
	}
	if root.Kind != tree.Object {
		return nil, validator{text}.refuse(root, textInvalidJSON, "a policy is a JSON object")
	}
	v := trustValidator{validator{text}, o}
	if err := v.document(root); err != nil {
		return nil, err
	}
	limit := o.MaxSize
	if limit == 0 {
		limit = MaxTrustSize
	}
	if size := Size(src); size > limit {
		return nil, tooLarge("ACLSizePerRole", limit, size)
	}
	if err := v.principalsExist(root); err != nil {
		return nil, err
	}
	d, syntax := build(text, root)
	if syntax != nil {
		return nil, fromSyntax(syntax, textTrustSyntax)
	}
	return d, nil
}

type trustValidator struct {
	validator
	options TrustOptions
}

func (v trustValidator) document(root *tree.Node) *ValidationError {
	for _, m := range root.Members {
		switch m.Name {
		case "Version":
			if m.Value.Kind != tree.String || m.Value.Text != Version2008 && m.Value.Text != Version2012 {
				return v.refuse(m.Value, textTrustVersion, `write "Version": "2012-10-17"`)
			}
		case "Id", "Statement":
		default:
			return v.refuse(m.Value, textTrustSyntax, fmt.Sprintf("a policy has no element %s", m.Name))
		}
	}
	s := root.Get("Statement")
	switch {
	case s == nil, s.Kind == tree.Array && len(s.Items) == 0, s.Kind == tree.Null:
		return v.refuse(s, textTrustNoStatement, "")
	case s.Kind != tree.Array && s.Kind != tree.Object:
		return v.refuse(s, textTrustSyntax, "Statement must be an object or an array of objects")
	}
	for _, s := range root.Statements() {
		if s.Kind != tree.Object {
			return v.refuse(s, textTrustSyntax, "a statement must be an object")
		}
		if err := v.statement(s); err != nil {
			return err
		}
	}
	if n := duplicateSid(root.Statements()); n != nil {
		return v.refuse(n, textTrustSids, fmt.Sprintf("Sid %s is used twice", n.Text))
	}
	for _, s := range root.Statements() {
		if err := v.issuerControls(s); err != nil && !v.options.Stored {
			return err
		}
	}
	return nil
}

func (v trustValidator) statement(s *tree.Node) *ValidationError {
	effect := s.Get("Effect")
	switch {
	case effect == nil:
		return v.refuse(s, "Missing required field Effect", "")
	case effect.Kind != tree.String:
		return v.refuse(effect, textTrustSyntax, "Effect must be a string")
	case effect.Text != "Allow" && effect.Text != "Deny":
		return v.refuse(effect, "Invalid effect: "+effect.Text, "Effect is case-sensitive: Allow or Deny")
	}
	if n := s.Get("NotPrincipal"); n != nil {
		if effect.Text == "Allow" {
			return v.refuse(n, textAllowNot, "")
		}
		return v.refuse(n, textNotPrincipal, "")
	}
	principal := s.Get("Principal")
	if err := v.principal(s, principal); err != nil {
		return err
	}
	if c := s.Get("Condition"); c != nil {
		if at, hint := conditionShape(c); at != nil {
			return v.refuse(at, textTrustSyntax, hint)
		}
	}
	if err := v.actions(s); err != nil {
		return err
	}
	if n := s.Get("Resource"); n != nil {
		return v.refuse(n, "Has prohibited field Resource", "a trust policy is about its own role")
	}
	if n := s.Get("NotResource"); n != nil {
		return v.refuse(n, textNotResource, "a trust policy is about its own role")
	}
	for _, m := range s.Members {
		switch m.Name {
		case "Effect", "Principal", "Action", "NotAction", "Condition":
		case "Sid":
			if m.Value.Kind != tree.String {
				return v.refuse(m.Value, textTrustSyntax, "Sid must be a string")
			}
		default:
			return v.refuse(m.Value, "Has prohibited field "+m.Name, "a statement has no such element")
		}
	}
	return nil
}

// trustActions are the actions that a trust policy can allow.
var trustActions = []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", assumeRoleByWeb, "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"}

const hintTrustActions = "a trust policy allows sts:AssumeRole, sts:AssumeRoleWithWebIdentity, sts:AssumeRoleWithSAML, sts:TagSession, sts:SetSourceIdentity or sts:SetContext"

// matchesTrustAction says whether an action, which may hold wildcards, means any
// that a trust policy can allow. Recorded: "*" and "sts:*" are refused, and so are
// letters of another case, which decide nothing in other policies.
func matchesTrustAction(action string) bool {
	g := compileGlob(action)
	return namesSTS(action) && slices.ContainsFunc(trustActions, g.match)
}

// namesSTS says whether an action begins with sts: and is not all wildcards behind it.
func namesSTS(action string) bool {
	name, ok := strings.CutPrefix(action, "sts:")
	return ok && strings.Trim(name, "*?") != ""
}

func (v trustValidator) actions(s *tree.Node) *ValidationError {
	action, not := s.Get("Action"), s.Get("NotAction")
	if action != nil && not != nil {
		return v.refuse(not, textTrustSyntax, "Action and NotAction exclude each other")
	}
	n := s.Either("Action", "NotAction")
	if n == nil || n.Kind == tree.Array && len(n.Items) == 0 {
		return v.refuse(s, "Missing required field Action", "")
	}
	if !isStringOrList(n) {
		return v.refuse(n, textTrustSyntax, "Action must be a string or an array of strings")
	}
	for _, a := range n.List() {
		if !namesSTS(a.Text) || not == nil && !matchesTrustAction(a.Text) {
			for _, right := range trustActions {
				if strings.EqualFold(right, a.Text) {
					return v.refuse(a, textOnlyAssumeRole, "the case of letters counts in a trust policy: write "+right)
				}
			}
			return v.refuse(a, textOnlyAssumeRole, hintTrustActions)
		}
	}
	return nil
}

func (v trustValidator) principal(s, p *tree.Node) *ValidationError {
	switch {
	case p == nil:
		return v.refuse(s, "Missing required field Principal", "")
	case p.Kind == tree.String:
		return v.refuse(p, textPrincipalObject, `write {"AWS": "*"} for everyone, {"Federated": "arn:…"} for a web identity`)
	case p.Kind != tree.Object:
		return v.refuse(p, textTrustSyntax, "Principal must be an object")
	case len(p.Members) == 0:
		return v.refuse(p, textPrincipalEmpty, "")
	}
	for _, m := range p.Members {
		var check func(*tree.Node) *ValidationError
		switch m.Name {
		case "AWS":
			check = v.awsPrincipal
		case "Federated":
			check = v.federatedPrincipal
		case "Service":
			check = v.servicePrincipal
		default:
			return v.refuse(m.Value, fmt.Sprintf("Invalid principal in policy: %q", m.Name), "known are AWS, Federated and Service")
		}
		if m.Value.Kind == tree.Array && len(m.Value.Items) == 0 {
			return v.refuse(m.Value, textPrincipalEmpty, "")
		}
		if !isStringOrList(m.Value) {
			return v.refuse(m.Value, textTrustSyntax, m.Name+" must be a string or an array of strings")
		}
		for _, value := range m.Value.List() {
			if err := check(value); err != nil {
				return err
			}
		}
	}
	return nil
}

var awsPrincipalPattern = lazyregexp.New(`^arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[\x21-\x7e]+)|` +
	`sts::\d{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+))$`)

func (v trustValidator) awsPrincipal(n *tree.Node) *ValidationError {
	switch {
	case n.Text == "*":
		return nil
	case strings.ContainsAny(n.Text, "*?"):
		return v.invalidAWS(n, "wildcards are not allowed in a principal; name the account and test aws:PrincipalArn in a condition")
	case aws.IsAccount(n.Text) || isUniqueID(n.Text) || awsPrincipalPattern.MatchString(n.Text):
		return nil
	}
	return v.invalidAWS(n, "an AWS principal is an account id, or the ARN of an account's root, a user, a role or a role session")
}

func (v trustValidator) invalidAWS(n *tree.Node, hint string) *ValidationError {
	return v.refuse(n, fmt.Sprintf(`Invalid principal in policy: "AWS":"%s"`, n.Text), hint)
}

// principalsExist looks the AWS principals up, once the document is known to be
// well-formed.
func (v trustValidator) principalsExist(root *tree.Node) *ValidationError {
	for _, s := range root.Statements() {
		for _, n := range awsValues(s.Get("Principal")) {
			if foreign := foreignTo(v.options.Partition, n.Text); foreign != "" {
				return v.invalidAWS(n, foreign)
			}
			if v.options.KnownPrincipal == nil || v.options.KnownPrincipal(n.Text) {
				continue
			}
			if isUniqueID(n.Text) {
				return v.invalidAWS(n, "the user or role with this id was deleted; name it by its ARN")
			}
			return v.invalidAWS(n, "there is no such user or role")
		}
	}
	return nil
}

var (
	federatedARNPattern = lazyregexp.New(`^arn:aws[a-z-]*:iam::\d{12}:(oidc-provider|saml-provider)/[\x21-\x7e]+$`)
	domainPattern       = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
)

func (v trustValidator) federatedPrincipal(n *tree.Node) *ValidationError {
	if domainPattern.MatchString(n.Text) {
		if aws.IssuerOf(n.Text).BuiltIn {
			return nil
		}
		return v.refuse(n, fmt.Sprintf(`Invalid principal in policy: "FEDERATED":"%s"`, n.Text), "name the provider by its ARN: arn:aws:iam::account:oidc-provider/"+n.Text)
	}
	// A provider that does not exist is accepted: it may be made later.
	if _, hasScheme := aws.WithoutScheme(n.Text); hasScheme || !federatedARNPattern.MatchString(n.Text) {
		return v.refuse(n, TextFederated, "an OIDC provider is named arn:aws:iam::<12-digit account>:oidc-provider/<issuer without https://>")
	}
	return nil
}

var servicePattern = lazyregexp.New(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com|amazonaws\.com\.cn|amazon\.com|aws\.internal)$`)

func (v trustValidator) servicePrincipal(n *tree.Node) *ValidationError {
	if servicePattern.MatchString(n.Text) {
		return nil
	}
	return v.refuse(n, fmt.Sprintf(`Invalid principal in policy: "SERVICE":"%s"`, n.Text), "a service principal is written as service.amazonaws.com")
}
