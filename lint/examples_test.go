package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/sts"
)

const eks = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"

// example shows a rule: what of a statement is wrong, and what is known beside the
// policy. The rest of the statement is that of a role for a service account.
type example struct {
	statement string
	given     lint.Options
}

var examples = map[string]example{
	"syntax":                 {statement: `"Action" "sts:AssumeRoleWithWebIdentity"`},
	"refused":                {statement: `"Effect": "allow"`},
	"version-variables":      {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:${aws:PrincipalTag/team}:api", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"action-never":           {statement: `"Action": "sts:AssumeRole"`},
	"placeholder":            {statement: `"Condition": {"StringEquals": {"${OIDC_PROVIDER}:sub": "system:serviceaccount:payments:api"}}`},
	"provider-scheme":        {statement: `"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/https://` + eks + `"}`},
	"provider-format":        {statement: `"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/arn:aws:iam::111122223333:oidc-provider/` + eks + `"}`},
	"provider-account":       {statement: ``, given: lint.Options{Account: "444455556666"}},
	"provider-partition":     {statement: ``, given: lint.Options{Account: "111122223333", Partition: "aws-cn"}},
	"role-tag":               {statement: `"Condition": {"StringEquals": {"aws:ResourceTag/team": "payments", "` + eks + `:sub": "system:serviceaccount:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}`, given: lint.Options{Tags: map[string]string{"team": "billing"}}},
	"two-providers":          {statement: `"Principal": {"Federated": ["arn:aws:iam::111122223333:oidc-provider/` + eks + `", "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/OTHER"]}, "Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api", "oidc.eks.us-west-2.amazonaws.com/id/OTHER:sub": "system:serviceaccount:payments:api"}}`},
	"never-set-key":          {statement: `"Condition": {"StringEquals": {"arn:aws:iam::111122223333:oidc-provider/` + eks + `:sub": "system:serviceaccount:payments:api"}}`},
	"idle-key":               {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}, "ForAllValues:StringEquals": {"` + eks + `:iss": "https://` + eks + `"}}`},
	"trailing-slash":         {statement: `"Condition": {"StringEquals": {"` + eks + `:aud": "sts.amazonaws.com/", "` + eks + `:sub": "system:serviceaccount:payments:api"}}`},
	"other-issuer-key":       {statement: `"Condition": {"StringEquals": {"oidc.eks.us-west-2.amazonaws.com/id/EXAMPEL:sub": "system:serviceaccount:payments:api"}}`},
	"pod-identity-key":       {statement: `"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "payments"}}`},
	"multivalued":            {statement: `"Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:11111111-2222-3333-4444-555555555555", "cognito-identity.amazonaws.com:amr": "authenticated"}}`},
	"all-values-absent":      {statement: `"Condition": {"ForAllValues:StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"association-conditions": {statement: `"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "payments"}}`, given: lint.Options{Associations: []lint.Association{{Pod: sts.Pod{Cluster: "prod", Namespace: "billing", ServiceAccount: "api"}, Place: "state.yaml:4:9"}}}},
	"never-matches":          {statement: `"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}, "StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"wildcard-under-equals":  {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:*", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"aud-sub-swapped":        {statement: `"Condition": {"StringEquals": {"` + eks + `:aud": "system:serviceaccount:payments:api", "` + eks + `:sub": "sts.amazonaws.com"}}`},
	"sts-amazon-com":         {statement: `"Condition": {"StringEquals": {"` + eks + `:aud": "sts.amazon.com", "` + eks + `:sub": "system:serviceaccount:payments:api"}}`},
	"letter-case":            {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:Payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"sub-format":             {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccounts:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"strangers":              {statement: `"Condition": {"StringLike": {"` + eks + `:sub": "system:serviceaccount:pay*:*", "` + eks + `:aud": "sts.amazonaws.com"}}`},
	"ref-and-environment":    {statement: `"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", "token.actions.githubusercontent.com:sub": "repo:octo-org/octo-repo:ref:refs/heads/main:environment:prod"}}`},
	"unknown-provider":       {statement: ``, given: lint.Options{Account: "111122223333", AllProviders: true, Providers: []lint.Provider{{Issuer: "https://issuer.example.com"}}}},
	"anyone":                 {statement: `"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"`},
	"service-name":           {statement: `"Principal": {"Service": "pod.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]`},
	"no-tag-session":         {statement: `"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"`},
	"shared-issuer":          {statement: `"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}`},
	"sub-wildcard":           {statement: `"Condition": {"StringLike": {"` + eks + `:sub": "system:serviceaccount:*:*"}, "StringEquals": {"` + eks + `:aud": "sts.amazonaws.com"}}`},
	"no-sub":                 {statement: `"Condition": {"StringEquals": {"` + eks + `:aud": "sts.amazonaws.com"}}`},
	"no-aud":                 {statement: `"Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api"}}`},
	"one-github-shape":       {statement: `"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", "token.actions.githubusercontent.com:sub": "repo:octo-org/octo-repo:environment:prod"}}`},
	"unreachable":            {statement: `[` + defaultStatement + `, ` + defaultStatement + `]`},
}

const defaultStatement = `{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/` + eks + `"}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"` + eks + `:sub": "system:serviceaccount:payments:api", "` + eks + `:aud": "sts.amazonaws.com"}}}`

// policy is the example as a whole document.
func (e example) policy(t *testing.T) []byte {
	if strings.HasPrefix(e.statement, "[") {
		return []byte(`{"Version": "2012-10-17", "Statement": ` + e.statement + `}`)
	}
	part, err := tree.Parse("{" + e.statement + "}")
	if err != nil {
		return []byte(`{"Statement": {` + e.statement + `}}`) // the one that is no JSON
	}
	whole, err := tree.Parse(defaultStatement)
	if err != nil {
		t.Fatal(err)
	}
	if p := part.Get("Principal"); p != nil && p.Get("Federated") == nil {
		whole.Remove("Condition") // which is about tokens
	}
	for _, m := range part.Members {
		whole.Set(m.Name, m.Value)
	}
	version := `"Version": "2012-10-17", `
	if strings.Contains(e.statement, "${aws:") {
		version = ""
	}
	return []byte("{" + version + `"Statement": ` + string(whole.Indented()) + "}")
}

// docs/lint.md lists the rules with an example each, made from the table and what
// lint says.
func TestPageOfRules(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What `irsa-emu lint` looks for\n\n<!-- Made by `go test ./lint -update`: edit lint/rules.go and lint/examples_test.go. -->\n\n" +
		"An *error* is what AWS refuses, or what lets in nobody or everybody; a *warning* lets in more, or fewer, than it seems to; a *note* is about\n" +
		"what is not wrong yet, or changes nothing. `--severity warning` leaves notes out, of the exit code too. `--fix` writes what is certain, `--diff` shows it; where a\n" +
		"value is left open (`YOUR-…`) or no changed line is shown, the fix is yours. The rest of a statement in an example is that of a role for the\n" +
		"service account `payments/api`.\n\n| rule | severity | reads | what is wrong |\n|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Severity, r.Reads, r.Summary)
	}
	for _, r := range lint.Rules() {
		e, ok := examples[r.ID]
		if !ok {
			t.Errorf("%s has no example", r.ID)
			continue
		}
		src := e.policy(t)
		shown := e.statement
		if shown == "" {
			shown = defaultStatement
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```json\n%s\n```\n\n", r.ID, r.Summary, pretty(shown))
		if text := known(e.given); text != "" {
			fmt.Fprintf(&b, "%s\n\n", text)
		}
		found := false
		for _, f := range lint.Lint(src, e.given) {
			if f.Rule != r.ID {
				continue
			}
			if !found {
				fmt.Fprintf(&b, "> %s: %s. Why: %s. Fix: %s.\n", f.Severity, f.Message, strings.TrimSuffix(f.Why, "."), strings.TrimSuffix(f.Fix, "."))
			}
			found = true
		}
		if !found {
			t.Errorf("the example does not show %s: %+v\n%s", r.ID, lint.Lint(src, e.given), src)
		}
	}
	golden.File(t, "../docs/lint.md", b.String())
}

// known says what is known beside the policy.
func known(o lint.Options) string {
	switch {
	case len(o.Associations) > 0:
		pod := &o.Associations[0].Pod
		return fmt.Sprintf("An association gives the role to `%s` of cluster `%s`.", pod.Holder(), pod.Cluster)
	case o.AllProviders:
		return fmt.Sprintf("The account's only provider is `%s`.", o.Providers[0].Issuer)
	case o.Account != "":
		return fmt.Sprintf("The role is in account `%s`.", o.Account)
	}
	return ""
}

// pretty is members of an object, or a whole value, over several lines.
func pretty(text string) string {
	whole := strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
	if !whole {
		text = "{" + text + "}"
	}
	n, err := tree.Parse(text)
	if err != nil {
		return strings.Trim(text, "{}")
	}
	out := strings.TrimSpace(string(n.Indented()))
	if whole {
		return out
	}
	out = strings.TrimSuffix(strings.TrimPrefix(out, "{\n"), "\n}")
	lines := strings.Split(out, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}
