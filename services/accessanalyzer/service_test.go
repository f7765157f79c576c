package accessanalyzer

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden"
)

func body(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The codes are those of the IAM user guide, "IAM policy validation check
// reference"; the second case with its place and text was printed by AWS.
func TestValidatePolicy(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	gitHub := func(subject string) string {
		return statement(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"` + subject + `"}}}`)
	}
	const eks = `{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"}`
	for _, c := range []struct {
		name, document, kind string
		want                 []string
	}{
		{"a good trust policy", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity"}`), trustResource, nil},
		{"the wrong action", statement(`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRole"}`), trustResource, []string{"MISMATCHED_ACTION_FOR_PRINCIPAL"}},
		{"an account with the wrong action", statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRoleWithWebIdentity"}`), trustResource, []string{"MISMATCHED_ACTION_FOR_PRINCIPAL"}},
		{"everyone", statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`), trustResource, []string{"ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL"}},
		{"NotPrincipal", statement(`{"Effect":"Deny","NotPrincipal":` + eks + `,"Action":"sts:AssumeRole"}`), trustResource, []string{"ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"}},
		{"a resource", statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Resource":"*"}`), trustResource, []string{"ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"}},
		{"a malformed provider", statement(`{"Effect":"Allow","Principal":{"Federated":"https://idp.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`), trustResource, []string{"INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"}},
		{"another service's action", statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}`), trustResource, []string{"UNSUPPORTED_ACTION_IN_POLICY"}},
		{"tags without TagSession", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"aws:RequestTag/a":"b"}}}`), trustResource, []string{"MISSING_ACTION_FOR_CONDITION_KEY"}},
		{"tags with TagSession", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"aws:RequestTag/a":"b"}}}`), trustResource, nil},
		{"amr without a qualifier", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"idp.example.com:amr":"mfa"}}}`), trustResource, []string{"MISSING_QUALIFIER"}},
		{"one key twice", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"idp.example.com:sub":"a","idp.example.com:SUB":"a"}}}`), trustResource, []string{"DUPLICATE_KEYS_WITH_DIFFERENT_CASE"}},
		{"a wrong range", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}}}`), trustResource, []string{"TYPE_MISMATCH_IP_RANGE"}},
		{"an operator that is not", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringMatches":{"a:b":"c"}}}`), trustResource, []string{"INVALID_CONDITION_OPERATOR"}},
		{"Null with IfExists", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"NullIfExists":{"a:b":"true"}}}`), trustResource, []string{"NULL_WITH_IF_EXISTS"}},
		{"not JSON", `{"a" 1}`, trustResource, []string{"JSON_SYNTAX_ERROR"}},
		{"no statement", `{"Version":"2012-10-17"}`, trustResource, []string{"MISSING_STATEMENT"}},
		{"Sids twice", statement(`{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`), "", []string{"UNIQUE_SIDS_REQUIRED"}},
		{"an identity policy with a principal", statement(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}`), "", []string{"UNSUPPORTED_PRINCIPAL"}},
		{"an identity policy without a resource", statement(`{"Effect":"Allow","Action":"s3:GetObject"}`), "", []string{"MISSING_RESOURCE"}},
		{"no version", `{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`, "", []string{"MISSING_VERSION"}},
		{"PassRole of all", statement(`{"Effect":"Allow","Action":["iam:GetRole","iam:passrole"],"Resource":"arn:aws:iam::*:*"}`), "", []string{"PASS_ROLE_WITH_STAR_IN_RESOURCE"}},
		{"PassRole to a service", statement(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`), "", nil},
		{"PassRole of one", statement(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/r"}`), "", nil},
		{"PassRole denied", statement(`{"Effect":"Deny","Action":"iam:PassRole","Resource":"*"}`), "", nil},
		{"an administrator", statement(`{"Effect":"Allow","Action":"*","Resource":"*"}`), "", []string{"PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"}},
		{"all but", statement(`{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}`), "", []string{"PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"}},
		{"PassRole of all but", statement(`{"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:iam::111122223333:role/r"}`), "", []string{"PASS_ROLE_WITH_NOT_RESOURCE"}},
		{"everything on all but", statement(`{"Effect":"Allow","Action":"iam:*","NotResource":"arn:aws:iam::111122223333:role/r"}`), "", []string{"PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"}},
		{"all but on all but", statement(`{"Effect":"Allow","NotAction":"s3:*","NotResource":"arn:aws:iam::111122223333:role/r"}`), "", []string{"PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE"}},
		{"ForAllValues of one value", statement(`{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*","Condition":{"ForAllValues:StringEquals":{"ssm:resourceTag/env":"x"}}}`), "", []string{"FORALLVALUES_WITH_SINGLE_VALUED_KEY"}},
		{"ForAllValues of several", statement(`{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"x"}}}`), "", nil},
		{"ForAllValues of a subject", statement(`{"Effect":"Allow","Principal":` + eks + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"ForAllValues:StringEquals":{"idp.example.com:sub":"a"}}}`), trustResource, []string{"FORALLVALUES_WITH_SINGLE_VALUED_KEY"}},
		{"all but a principal", statement(`{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`), "AWS::S3::Bucket", []string{"ALLOW_WITH_NOT_PRINCIPAL"}},
		{"a branch of GitHub", gitHub("repo:o/r:ref:refs/heads/main"), trustResource, nil},
		{"a branch with ids", gitHub("repo:o@1/r@2:ref:refs/heads/main"), trustResource, nil},
		{"an environment of GitHub", gitHub("repo:o/r:environment:production"), trustResource, []string{"SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED"}},
		{"all of a repository", gitHub("repo:o/r:*"), trustResource, []string{"SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED"}},
		{"Roles Anywhere", statement(`{"Effect":"Allow","Principal":{"Service":"rolesanywhere.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}`), trustResource, []string{"MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY"}},
		{"Roles Anywhere with its three", statement(`{"Effect":"Allow","Principal":{"Service":"rolesanywhere.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}`), trustResource, nil},
	} {
		in := map[string]string{"policyDocument": c.document, "policyType": "IDENTITY_POLICY"}
		if c.kind != "" {
			in["policyType"], in["validatePolicyResourceType"] = "RESOURCE_POLICY", c.kind
		}
		out, err := validatePolicy(body(t, in), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var codes []string
		for _, f := range out.(map[string]any)["findings"].([]finding) {
			codes = append(codes, f.IssueCode)
		}
		if !slices.Equal(codes, c.want) {
			t.Errorf("%s: %v, want %v", c.name, codes, c.want)
		}
	}
}

// Findings come in pages when they are asked for so.
func TestPages(t *testing.T) {
	in := body(t, map[string]string{"policyType": "IDENTITY_POLICY", "policyDocument": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"s3:A"},{"Effect":"Allow","Action":"s3:B"},{"Effect":"Allow","Action":"s3:C"}]}`})
	query, sizes := url.Values{"maxResults": {"2"}}, []int{}
	for {
		out, err := validatePolicy(in, query)
		if err != nil {
			t.Fatal(err)
		}
		answer := out.(map[string]any)
		sizes = append(sizes, len(answer["findings"].([]finding)))
		next, more := answer["nextToken"].(string)
		if !more {
			break
		}
		query.Set("nextToken", next)
	}
	if !slices.Equal(sizes, []int{2, 1}) {
		t.Errorf("pages of %v findings", sizes)
	}
	for _, bad := range []url.Values{{"nextToken": {"x"}}, {"maxResults": {"0"}}, {"maxResults": {"many"}}} {
		if _, err := validatePolicy(in, bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestLocate(t *testing.T) {
	src := []byte("{\n  \"Statement\": {\n    \"Action\": \"sts:AssumeRole\"\n  }\n}")
	l := locate(src, member("Statement"), item(0), member("Action"), item(0))
	if l.Span.Start != (position{3, 14, 33}) || l.Span.End != (position{3, 30, 49}) {
		t.Errorf("%+v", l.Span)
	}
}

func FuzzValidatePolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}`)
	f.Add(`{"Statement":{"Condition":{"Null":{"a":1}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		if _, err := validatePolicy(body(t, map[string]string{"policyDocument": document, "policyType": "IDENTITY_POLICY"}), nil); err != nil && document != "" {
			t.Error(err)
		}
	})
}
