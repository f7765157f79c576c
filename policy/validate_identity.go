package policy

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// Texts of IAM for identity policies, recorded on AWS (LocalStack's snapshots of
// February 2026 and the cases of moto's tests).
const (
	textSyntax       = "Syntax errors in policy."
	textVersion      = "Policy document must be version 2012-10-17 or greater."
	textLegacy       = "The policy failed legacy parsing"
	textPrincipal    = "Policy document should not specify a principal."
	textDuplicateSid = "Statement IDs (SID) in a single policy must be unique."
	// aws-cloudformation/cfn-lint#1376
	textSidCharacters = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	textNoActions     = "Policy statement must contain actions."
	textNoResources   = "Policy statement must contain resources."
	textVendorPrefix  = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	textOneColon      = "Actions/Condition can contain only one colon."
	textVendorRegex   = "Resource vendor must be fully qualified and cannot contain regexes."
	// With "root" since the answers of February 2026; older ones lack it.
	textIAMPath = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`
)

// ValidateIdentity validates a managed policy as IAM does in CreatePolicy and
// CreatePolicyVersion in an account of a partition; "" when that is not known. The
// error is a [*ValidationError].
func ValidateIdentity(src []byte, partition string) (*Document, error) {
	doc, err := validateIdentity(src, forManaged, func(v identityValidator) *ValidationError {
		if size := Size(src); size > MaxManagedSize {
			return tooLarge("PolicySize", MaxManagedSize, size)
		}
		return nil
	})
	return inPartition(doc, err, partition)
}

// ValidateInline validates an inline policy of a role, user or group. IAM
// demands a Version of managed policies only; the size of inline policies is a
// quota on all of an entity's together, which is the caller's to check. The partition
// is the account's; "" when that is not known.
func ValidateInline(src []byte, partition string) (*Document, error) {
	doc, err := validateIdentity(src, forInline, nil)
	return inPartition(doc, err, partition)
}

// ValidateSession validates a session policy as STS takes it: with values that
// their operators cannot read, which IAM stores nowhere (recorded:
// values-stored). Its size is a quota together with the managed policies of the
// call: the caller's to check.
func ValidateSession(src []byte) (*Document, error) { return validateIdentity(src, forSession, nil) }

// use says for what an identity policy is validated.
type use uint8

const (
	forManaged use = iota // needs a Version
	forInline
	forSession // may have values that cannot be read
)

func validateIdentity(src []byte, use use, last func(identityValidator) *ValidationError) (*Document, error) {
	text := string(src)
	root, syntax := tree.Parse(text)
	if syntax != nil {
		return nil, fromSyntax(syntax, textSyntax)
	}
	v := identityValidator{validator{text}, root, use == forSession}
	// Recorded: the whole document passes one check before the next begins.
	checks := []func() *ValidationError{v.syntax}
	if use == forManaged {
		checks = append(checks, v.version)
	}
	checks = append(checks, v.legacy, v.principals, v.sids, v.actionsPresent, v.resourcesPresent, v.resourceFormat, v.actionFormat)
	for _, check := range checks {
		if err := check(); err != nil {
			return nil, err
		}
	}
	if last != nil {
		if err := last(v); err != nil {
			return nil, err
		}
	}
	d, syntax := build(text, root)
	if syntax != nil {
		return nil, fromSyntax(syntax, textSyntax)
	}
	return d, nil
}

type identityValidator struct {
	validator
	root    *tree.Node
	session bool
}

func (v identityValidator) syntax() *ValidationError {
	bad := func(n *tree.Node, format string, args ...any) *ValidationError {
		return v.refuse(n, textSyntax, fmt.Sprintf(format, args...))
	}
	if v.root.Kind != tree.Object {
		return bad(v.root, "a policy is a JSON object")
	}
	for _, m := range v.root.Members {
		switch m.Name {
		case "Version":
			if m.Value.Kind != tree.String || m.Value.Text != Version2008 && m.Value.Text != Version2012 {
				return bad(m.Value, "Version must be %q", Version2012)
			}
		case "Id":
			if m.Value.Kind != tree.String {
				return bad(m.Value, "Id must be a string")
			}
		case "Statement":
		default:
			return bad(m.Value, "a policy has no element %s", m.Name)
		}
	}
	s := v.root.Get("Statement")
	if s == nil || s.Kind != tree.Object && s.Kind != tree.Array || s.Kind == tree.Array && len(s.Items) == 0 {
		return bad(v.root, "the policy has no statements")
	}
	for _, s := range v.root.Statements() {
		if s.Kind != tree.Object {
			return bad(s, "a statement must be an object")
		}
		if err := v.statementSyntax(s, bad); err != nil {
			return err
		}
	}
	return nil
}

func (v identityValidator) statementSyntax(s *tree.Node, bad func(*tree.Node, string, ...any) *ValidationError) *ValidationError {
	for _, m := range s.Members {
		switch m.Name {
		case "Sid":
			if m.Value.Kind != tree.String {
				return bad(m.Value, "Sid must be a string")
			}
		case "Effect", "Principal", "NotPrincipal":
		case "Action", "NotAction", "Resource", "NotResource":
			if !isStringOrList(m.Value) && !(strings.HasSuffix(m.Name, "Resource") && isListWithNull(m.Value)) {
				return bad(m.Value, "%s must be a string or an array of strings", m.Name)
			}
		case "Condition":
			if at, hint := conditionShape(m.Value); at != nil {
				return bad(at, "%s", hint)
			}
		default:
			return bad(m.Value, "a statement has no element %s", m.Name)
		}
	}
	effect := s.Get("Effect")
	if effect == nil || effect.Kind != tree.String || !strings.EqualFold(effect.Text, "Allow") && !strings.EqualFold(effect.Text, "Deny") {
		return bad(s, "Effect must be Allow or Deny")
	}
	if n := s.Get("NotAction"); n != nil && s.Get("Action") != nil {
		return bad(n, "Action and NotAction exclude each other")
	}
	if n := s.Get("NotResource"); n != nil && s.Get("Resource") != nil {
		return bad(n, "Resource and NotResource exclude each other")
	}
	return nil
}

func (v identityValidator) version() *ValidationError {
	if version := v.root.Get("Version"); version == nil || version.Text != Version2012 {
		return v.refuse(version, textVersion, `add "Version": "2012-10-17"`)
	}
	return nil
}

// legacy is what AWS's older parser refuses.
func (v identityValidator) legacy() *ValidationError {
	for _, s := range v.root.Statements() {
		if e := s.Get("Effect"); e.Text != "Allow" && e.Text != "Deny" {
			return v.refuse(e, textLegacy, fmt.Sprintf("Effect is case-sensitive: Allow or Deny, not %s", e.Text))
		}
		for _, r := range s.Either("Resource", "NotResource").List() {
			parts := strings.Split(r.Text, ":")
			if len(parts) < 2 || !knownPartition(parts[1]) {
				continue // refused later, for another reason
			}
			if len(parts) > 2 && parts[2] == "" {
				return v.refuse(r, textLegacy, fmt.Sprintf("the ARN %s names no service", r.Text))
			}
			if len(parts) == 4 || len(parts) == 5 {
				return v.refuse(r, textLegacy, fmt.Sprintf("the ARN %s has %d parts; an ARN has six: arn:partition:service:region:account:resource", r.Text, len(parts)))
			}
		}
		if c := s.Get("Condition"); c != nil {
			if at, why := malformedValue(c); at != nil && !v.session {
				return v.refuse(at, textLegacy, fmt.Sprintf("%q is %s", at.Text, why))
			}
		}
	}
	return nil
}

// malformedValue finds a value that its operator cannot read.
func malformedValue(condition *tree.Node) (at *tree.Node, why string) {
	for _, operator := range condition.Members {
		op, ok := parseOperator(operator.Name)
		if !ok {
			continue
		}
		for _, key := range operator.Value.Members {
			for _, value := range key.Value.List() {
				if why := op.malformed(value.Text); why != "" {
					return value, why
				}
			}
		}
	}
	return nil, ""
}

func (v identityValidator) principals() *ValidationError {
	for _, s := range v.root.Statements() {
		if p := s.Either("Principal", "NotPrincipal"); p != nil {
			return v.refuse(p, textPrincipal, "an identity policy applies to whom it is attached to; a Principal belongs into a trust or resource policy")
		}
	}
	return nil
}

func (v identityValidator) sids() *ValidationError {
	for _, s := range v.root.Statements() {
		// The text says otherwise, but a Sid with underscores is among the documents
		// recorded as accepted; one with a dash or a blank is not.
		if sid := s.Get("Sid"); sid != nil && !alphanumeric(strings.ReplaceAll(sid.Text, "_", "")) {
			return v.refuse(sid, textSidCharacters, "")
		}
	}
	if n := duplicateSid(v.root.Statements()); n != nil {
		return v.refuse(n, textDuplicateSid, fmt.Sprintf("Sid %s is used twice", n.Text))
	}
	return nil
}

func alphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

func (v identityValidator) actionsPresent() *ValidationError {
	for _, s := range v.root.Statements() {
		if len(s.Either("Action", "NotAction").List()) == 0 {
			return v.refuse(s, textNoActions, "")
		}
	}
	return nil
}

func (v identityValidator) resourcesPresent() *ValidationError {
	for _, s := range v.root.Statements() {
		if len(s.Either("Resource", "NotResource").List()) == 0 {
			return v.refuse(s, textNoResources, `add "Resource": "*" or an ARN`)
		}
	}
	return nil
}
