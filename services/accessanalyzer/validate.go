package accessanalyzer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// finding is one finding of ValidatePolicy. The codes and texts are those of the
// IAM user guide, "IAM policy validation check reference".
type finding struct {
	FindingType    string     `json:"findingType"`
	IssueCode      string     `json:"issueCode"`
	FindingDetails string     `json:"findingDetails"`
	LearnMoreLink  string     `json:"learnMoreLink"`
	Locations      []location `json:"locations"`
}

const reference = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-"

const trustResource = "AWS::IAM::AssumeRolePolicyDocument"

// validator collects the findings of one document.
type validator struct {
	src      []byte
	doc      *policy.Document
	trust    bool
	resource bool // a resource's policy, trust policies included
	kind     string
	findings []finding
}

// found adds an error.
func (v *validator) found(code, details string, path ...step) { v.add(isError, code, details, path) }

func (v *validator) add(s severity, code, details string, paths ...[]step) {
	f := finding{
		FindingType: s.kind, IssueCode: code, FindingDetails: details,
		LearnMoreLink: reference + s.section + "-" + strings.ReplaceAll(strings.ToLower(code), "_", "-"),
	}
	for _, path := range paths {
		f.Locations = append(f.Locations, locate(v.src, path...))
	}
	v.findings = append(v.findings, f)
}

func validatePolicy(body []byte, query url.Values) (any, error) {
	var in struct{ PolicyDocument, PolicyType, ValidatePolicyResourceType string }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if in.PolicyDocument == "" {
		return nil, invalid("1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must not be null")
	}
	if err := oneOf("policyType", in.PolicyType, "IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"); err != nil {
		return nil, err
	}
	if in.ValidatePolicyResourceType != "" {
		if err := oneOf("validatePolicyResourceType", in.ValidatePolicyResourceType, validatedResources...); err != nil {
			return nil, err
		}
	}
	v := &validator{
		src: []byte(in.PolicyDocument), kind: in.PolicyType,
		resource: in.PolicyType == "RESOURCE_POLICY", trust: in.PolicyType == "RESOURCE_POLICY" && in.ValidatePolicyResourceType == trustResource,
	}
	v.validate()
	return page(v.findings, query)
}

// validatedResources are those of which ValidatePolicy knows more (API model
// 2019-11-01, ValidatePolicyResourceType).
var validatedResources = []string{
	"AWS::S3::Bucket", "AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPoint", "AWS::S3ObjectLambda::AccessPoint", trustResource, "AWS::DynamoDB::Table",
}

// page is the part of the findings that maxResults and nextToken ask for; a token
// is the number of the first finding.
func page(findings []finding, query url.Values) (any, error) {
	from, most := 0, len(findings)
	if token := query.Get("nextToken"); token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(raw))
		}
		if err != nil || from < 0 || from > len(findings) {
			return nil, invalid("The nextToken is not valid.")
		}
	}
	if query.Has("maxResults") {
		n, err := strconv.Atoi(query.Get("maxResults"))
		if err != nil || n < 1 {
			return nil, invalid("1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1")
		}
		most = n
	}
	out := map[string]any{"findings": append([]finding{}, findings[from:min(from+most, len(findings))]...)}
	if next := from + most; next < len(findings) {
		out["nextToken"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(next)))
	}
	return out, nil
}

func (v *validator) validate() {
	doc, err := policy.Parse(v.src)
	if err != nil {
		v.unreadable(err)
		return
	}
	v.doc = doc
	sids := map[string]bool{}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		if st.Sid != "" && sids[st.Sid] {
			v.found("UNIQUE_SIDS_REQUIRED", "Duplicate statement IDs are not supported for this policy type. Update the Sid value.", member("Statement"), item(i), member("Sid"))
		}
		sids[st.Sid] = true
		v.principal(st, i)
		if v.trust {
			v.trustStatement(st, i)
		} else if st.Resources.Values == nil {
			v.found("MISSING_RESOURCE", "Add a Resource or NotResource element to the policy statement.", member("Statement"), item(i))
		}
		v.conditions(st, i)
	}
	if v.trust {
		v.rolesAnywhere()
	}
	v.warnings()
}

// unreadable is a document that is not JSON, or not a policy.
func (v *validator) unreadable(err error) {
	var syntax *policy.SyntaxError
	if !errors.As(err, &syntax) {
		return
	}
	var raw struct{ Statement json.RawMessage }
	if !json.Valid(v.src) || json.Unmarshal(v.src, &raw) != nil {
		p := offsetAt(v.src, syntax.Line, syntax.Column)
		v.found("JSON_SYNTAX_ERROR", "Fix the JSON syntax error at index "+itoa(p.Offset)+" line "+itoa(p.Line)+" column "+itoa(p.Column)+".")
		return
	}
	if len(raw.Statement) == 0 || string(raw.Statement) == "[]" {
		v.found("MISSING_STATEMENT", "Add a statement to the policy")
		return
	}
	for i, operator := range operatorsIn(raw.Statement) {
		switch {
		case operator == "NullIfExists":
			v.found("NULL_WITH_IF_EXISTS", "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix.", member("Statement"), item(i))
			return
		case !policy.KnownOperator(operator):
			v.found("INVALID_CONDITION_OPERATOR", "The condition operator "+operator+" is not valid. Use a valid condition operator.", member("Statement"), item(i))
			return
		}
	}
	v.found("DATA_TYPE_MISMATCH", "The text does not match the expected JSON data type. "+strings.ToUpper(syntax.Message[:1])+syntax.Message[1:]+".")
}

func offsetAt(src []byte, line, column int) position {
	offset := 0
	for ; line > 1 && offset < len(src); offset++ {
		if src[offset] == '\n' {
			line--
		}
	}
	return at(src, min(offset+max(column-1, 0), len(src)))
}

// operatorsIn gives each statement's first operator that is not valid, or any.
func operatorsIn(raw json.RawMessage) map[int]string {
	type statement struct{ Condition map[string]json.RawMessage }
	var list []statement
	if json.Unmarshal(raw, &list) != nil {
		var one statement
		if json.Unmarshal(raw, &one) != nil {
			return nil
		}
		list = []statement{one}
	}
	out := map[int]string{}
	for i, st := range list {
		for operator := range st.Condition {
			if !policy.KnownOperator(operator) {
				out[i] = operator
			}
		}
	}
	return out
}

func (v *validator) principal(st *policy.Statement, i int) {
	values, not := st.PrincipalValues()
	switch {
	case !v.resource && values != nil:
		name := "Principal"
		if not {
			name = "NotPrincipal"
		}
		v.found("UNSUPPORTED_PRINCIPAL", "The policy type "+v.kind+" does not support the Principal element. Remove the Principal element.", member("Statement"), item(i), member(name))
	case v.resource && values == nil:
		v.found("MISSING_PRINCIPAL", "Add a Principal element to the policy statement.", member("Statement"), item(i))
	}
}

func (v *validator) trustStatement(st *policy.Statement, i int) {
	values, not := st.PrincipalValues()
	place := func(steps ...step) []step { return append([]step{member("Statement"), item(i)}, steps...) }
	if not {
		v.found("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.", place(member("NotPrincipal"))...)
	}
	if st.Resources.Values != nil {
		name := "Resource"
		if st.Resources.Not {
			name = "NotResource"
		}
		v.found("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element.", place(member(name))...)
	}
	counts := map[string]int{}
	for _, p := range values {
		at := counts[p.Type]
		counts[p.Type]++
		switch {
		case p.Value == "**" && st.Effect == "Allow":
			v.found("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", `"Principal:" "*" is not supported in the principal element of a role trust policy. Replace the wildcard with a valid principal value.`, place(member("Principal"))...)
		case p.Type == "Federated" && !federatedForm(p.Value):
			v.found("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", "The principal value specifies a federated principal that does not match the expected format. Update the federated principal to a domain name or a SAML metadata ARN.", place(member("Principal"), member("Federated"), item(at))...)
		}
	}
	if st.Actions.Not {
		return
	}
	for j, action := range st.Actions.Values {
		v.trustAction(st, action, values, place(member("Action"), item(j)))
	}
	v.neededActions(st, i)
}

// federatedForm: a provider's ARN, or the host of a public one.
func federatedForm(value string) bool {
	if value == "*" {
		return true
	}
	if strings.HasPrefix(value, "arn:") {
		arn, err := aws.ParseARN(value)
		_, oidc := arn.Named("iam", "oidc-provider")
		_, saml := arn.Named("iam", "saml-provider")
		return err == nil && arn.Region == "" && aws.IsAccount(arn.Account) && (oidc || saml)
	}
	return strings.Contains(value, ".") && !strings.ContainsAny(value, ":/ ")
}

func (v *validator) trustAction(st *policy.Statement, action string, values []policy.NamedPrincipal, path []step) {
	name := strings.ToLower(action)
	if !slices.ContainsFunc(policy.TrustActions(), func(a string) bool { return policy.Like(name, strings.ToLower(a)) }) {
		v.found("UNSUPPORTED_ACTION_IN_POLICY", "The action "+action+" is not supported for the resource-based policy attached to the resource type "+trustResource+".", path...)
		return
	}
	var wrong []string
	for _, p := range values {
		saml := p.Type == "Federated" && strings.Contains(p.Value, ":saml-provider/")
		oidc := p.Type == "Federated" && !saml
		switch name {
		case "sts:assumerole":
			if p.Type == "Federated" {
				wrong = append(wrong, p.Value)
			}
		case "sts:assumerolewithsaml":
			if !saml && p.Value != "**" {
				wrong = append(wrong, p.Value)
			}
		case "sts:assumerolewithwebidentity":
			if !oidc && p.Value != "**" {
				wrong = append(wrong, p.Value)
			}
		}
	}
	if len(wrong) > 0 && st.Effect == "Allow" {
		v.found("MISMATCHED_ACTION_FOR_PRINCIPAL", "The "+action+" action is invalid with the following principal(s): "+strings.Join(wrong, ", ")+
			". Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options.", path...)
	}
}

// neededActions: a key that a call has only with another action is never set
// without it.
func (v *validator) neededActions(st *policy.Statement, i int) {
	for j := range st.Conditions {
		c := &st.Conditions[j]
		key := strings.ToLower(c.Key)
		action := ""
		switch {
		case key == "sts:sourceidentity":
			action = "sts:SetSourceIdentity"
		case aws.SessionTagKey(key):
			action = "sts:TagSession"
		}
		if action != "" && !st.Concerns(action) {
			v.found("MISSING_ACTION_FOR_CONDITION_KEY", "The "+action+" action must be in the action block to allow setting values for the condition key "+c.Key+". Add "+action+" to the action block.",
				member("Statement"), item(i), member("Condition"), member(c.Operator), member(c.Key))
		}
	}
}

// rolesAnywhere: the service's calls need three actions, in whichever statements.
func (v *validator) rolesAnywhere() {
	first, has := -1, map[string]bool{}
	for i := range v.doc.Statements {
		st := &v.doc.Statements[i]
		values, not := st.PrincipalValues()
		if st.Effect != "Allow" || not || !slices.ContainsFunc(values, func(p policy.NamedPrincipal) bool {
			return p.Type == "Service" && p.Value == "rolesanywhere.amazonaws.com"
		}) {
			continue
		}
		if first < 0 {
			first = i
		}
		for _, action := range []string{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"} {
			has[action] = has[action] || st.Concerns(action)
		}
	}
	if first >= 0 && !(has["sts:AssumeRole"] && has["sts:SetSourceIdentity"] && has["sts:TagSession"]) {
		v.found("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", "The rolesanywhere.amazonaws.com service principal requires the sts:AssumeRole, sts:SetSourceIdentity, and sts:TagSession permissions. Add the missing permissions to the policy.",
			member("Statement"), item(first), member("Action"))
	}
}

func (v *validator) conditions(st *policy.Statement, i int) {
	seen := map[string]string{}
	for j := range st.Conditions {
		c := &st.Conditions[j]
		path := []step{member("Statement"), item(i), member("Condition"), member(c.Operator), member(c.Key)}
		folded := c.Operator + " " + strings.ToLower(c.Key)
		if other, has := seen[folded]; has && other != c.Key {
			v.found("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", "The condition key "+c.Key+" appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys.", path...)
		}
		seen[folded] = c.Key
		t, known := c.Test()
		if !known {
			continue
		}
		if aws.MultivaluedKey(c.Key) && t.Qualifier == policy.Unqualified && t.Comparison != "Null" {
			v.found("MISSING_QUALIFIER", "The request context key "+c.Key+" has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy.", path...)
		}
		if t.Comparison == "IpAddress" {
			for k, value := range c.Values {
				if _, ok := policy.ParseAddressBlock(value); !ok {
					v.found("TYPE_MISMATCH_IP_RANGE", "The condition operator "+c.Operator+" is used with an invalid IP range value. Specify the IP range in standard CIDR format.", append(path, item(k))...)
				}
			}
		}
	}
}
