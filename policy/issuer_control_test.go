package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// TestIssuerControl has what IAM answered to UpdateAssumeRolePolicy, one row per
// kind of condition (recorded 9; 324 calls of 11 September 2026). K is the
// issuer's first key.
func TestIssuerControl(t *testing.T) {
	type row struct {
		condition              string // "" for none
		shared, github, google bool   // accepted
	}
	const yes, no = true, false
	rows := []row{
		{``, no, no, no},
		{`{"StringEquals":{"K":"owned"}}`, yes, yes, yes},
		{`{"StringEqualsIgnoreCase":{"K":"owned"}}`, yes, yes, yes},
		{`{"ForAnyValue:StringEquals":{"K":"owned"}}`, yes, yes, yes},
		{`{"ForAllValues:StringEquals":{"K":"owned"}}`, yes, yes, yes},
		{`{"StringLike":{"K":"owned:*"}}`, yes, yes, no},
		{`{"ForAllValues:StringLike":{"K":"?"}}`, yes, yes, no},
		{`{"StringEqualsIfExists":{"K":"owned"}}`, no, no, no},
		{`{"StringLikeIfExists":{"K":"owned"}}`, no, no, no},
		{`{"StringNotEquals":{"K":"owned"}}`, no, no, no},
		{`{"Null":{"K":"false"}}`, no, no, no},
		{`{"NumericEquals":{"K":"1"}}`, no, no, no},
		{`{"Bool":{"K":"true"}}`, no, no, no},
		{`{"StringEquals":{"K":"*"}}`, no, no, yes},
		{`{"StringEquals":{"K":["*","owned"]}}`, no, no, yes},
		{`{"StringEquals":{"K":"?"}}`, yes, yes, yes},
		{`{"StringEquals":{"K":[]}}`, yes, yes, yes},
		{`{"StringEquals":{"K":""}}`, yes, no, yes},
		{`{"StringEquals":{"K":"**"}}`, yes, no, yes},
		{`{"StringLike":{"K":"*?"}}`, yes, no, no},
		{`{"StringEquals":{"K":"owned"},"StringLike":{"K":"*"}}`, yes, yes, yes},
		{`{"StringEquals":{"ANOTHER.example.com:sub":"owned"}}`, no, no, no},
	}
	families := []struct {
		principal, key, text string
		accepts              func(row) bool
	}{
		{"cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com:aud",
			"Trust policy with trusted principal cognito-identity.amazonaws.com must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, cognito-identity.amazonaws.com:aud which is not scoped to all.", func(r row) bool { return r.shared }},
		{"arn:aws:iam::111122223333:oidc-provider/gitlab.com", "gitlab.com:sub",
			"Trust policy with trusted principal gitlab.com must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, gitlab.com:sub which is not scoped to all.", func(r row) bool { return r.shared }},
		{"arn:aws:iam::111122223333:oidc-provider/sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", "sts:RoleSessionName",
			"Trust policy with trusted principal sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, sts:RoleSessionName which is not scoped to all.", func(r row) bool { return r.shared }},
		{"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com", "token.actions.githubusercontent.com:sub", gitHubText(""), func(r row) bool { return r.github }},
		{"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com/octo", "token.actions.githubusercontent.com/octo:job_workflow_ref", gitHubText("/octo"), func(r row) bool { return r.github }},
		{"accounts.google.com", "accounts.google.com:oaud", "Policy trusting accounts.google.com requires a StringEquals condition on an application id", func(r row) bool { return r.google }},
		{"www.amazon.com", "www.amazon.com:app_id", "Policy trusting www.amazon.com requires a StringEquals condition on an application id", func(r row) bool { return r.google }},
		{"graph.facebook.com", "graph.facebook.com:sub", "Policy trusting graph.facebook.com requires a StringEquals condition on an application id", func(r row) bool { return r.google }},
	}
	var cases []validation
	for _, f := range families {
		for _, r := range rows {
			want := f.text
			switch {
			case f.accepts(r):
				want = ""
			case r.condition == "" && f.principal == aws.CognitoIssuer:
				want = textCognito
			}
			condition := strings.ReplaceAll(r.condition, `"K"`, `"`+f.key+`"`)
			cases = append(cases, validation{f.principal + " " + condition, one(trusts(f.principal, condition)), want})
		}
	}
	checkValidation(t, cases, func(src []byte) (*Document, error) { return ValidateTrust(src, TrustOptions{}) })
}

// TestIssuerControlEdges: which statements, issuers and keys are looked at.
func TestIssuerControlEdges(t *testing.T) {
	const account = "arn:aws:iam::111122223333:oidc-provider/"
	github := account + "token.actions.githubusercontent.com"
	if1 := func(key, value string) string { return fmt.Sprintf(`{"StringLike":{%q:%q}}`, key, value) }
	sub := "token.actions.githubusercontent.com:sub"
	good, bare := trusts(github, if1(sub, "repo:o/r:*")), trusts(github, "")
	document := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[{` + strings.Join(statements, "},{") + `}]}`
	}
	google := "Policy trusting accounts.google.com requires a StringEquals condition on an application id"
	amazon := "Policy trusting www.amazon.com requires a StringEquals condition on an application id"
	checkValidation(t, []validation{
		{"one bare statement beside a good one", document(good, bare), gitHubText("")},
		{"a bare Deny", document(good, strings.Replace(bare, "Allow", "Deny", 1)), ""},
		{"TagSession alone", document(strings.Replace(bare, "sts:AssumeRoleWithWebIdentity", "sts:TagSession", 1)), ""},
		{"in a list of actions", document(strings.Replace(bare, `"sts:AssumeRoleWithWebIdentity"`, `["sts:TagSession","sts:AssumeRoleWithWebIdentity"]`, 1)), gitHubText("")},
		{"in a list of principals", document(`"Effect":"Allow","Principal":{"Federated":["` + account + `oidc.example.com","` + github + `"]},"Action":"sts:AssumeRoleWithWebIdentity"`), gitHubText("")},
		{"the first statement is good, the second Google's", document(good, trusts("accounts.google.com", "")), google},
		{"an exact name: a path of GitLab", document(trusts(account+"gitlab.com/private", "")), ""},
		{"an exact name: vstoken", document(trusts(account+"vstoken.actions.githubusercontent.com/private", "")), ""},
		{"not in the table", document(trusts(account+"oidc.eks.us-west-2.amazonaws.com/id/A", ""), trusts(account+"oidc.circleci.com/org/1", "")), ""},
		{"GitHub: a longer host", document(trusts(github+".example.test", "")), gitHubText(".example.test")},
		{"GitHub: the plain issuer's key", document(trusts(github+"other", if1(sub, "repo:o/r:*"))), gitHubText("other")},
		{"GitHub: sub and job_workflow_ref, one open", document(trusts(github, `{"StringEquals":{"`+sub+`":"owned","token.actions.githubusercontent.com:job_workflow_ref":"*"}}`)), gitHubText("")},
		{"GitHub: case of a key", document(trusts(github, if1(strings.ToUpper(sub), "owned"))), ""},
		{"GitHub: blank", document(trusts(github, if1(sub, " "))), gitHubText("")},
		{"GitHub: *owned", document(trusts(github, if1(sub, "*owned"))), gitHubText("")},
		{"GitHub: ?*", document(trusts(github, if1(sub, "?*"))), ""},
		{"GitHub: a variable", document(trusts(github, if1(sub, "${aws:username}"))), ""},
		{"Google: case of a key", document(trusts("accounts.google.com", `{"StringEquals":{"ACCOUNTS.GOOGLE.COM:AUD":"x"}}`)), google},
		{"Google: another claim", document(trusts("accounts.google.com", `{"StringEquals":{"accounts.google.com:email":"x"}}`)), google},
		{"Amazon: another claim", document(trusts("www.amazon.com", `{"StringEquals":{"www.amazon.com:aud":"x"}}`)), amazon},
	}, func(src []byte) (*Document, error) { return ValidateTrust(src, TrustOptions{}) })
}

func trusts(principal, condition string) string {
	s := fmt.Sprintf(`"Effect":"Allow","Principal":{"Federated":%q},"Action":"sts:AssumeRoleWithWebIdentity"`, principal)
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return s
}

func gitHubText(suffix string) string {
	host := "token.actions.githubusercontent.com" + suffix
	return "Trust policy with trusted principal arn:aws:iam::111122223333:oidc-provider/" + host +
		" must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " + host + ":sub or " + host + ":job_workflow_ref which is not scoped to all."
}
