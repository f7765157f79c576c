package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// trusted is what a statement's Principal says.
type trusted struct {
	providers []*node // OIDC provider ARNs and the web identity hosts
	saml      bool
	aws       bool
	service   bool
	anyone    *node
}

func trustedBy(s *node) trusted {
	var t trusted
	p := s.get("Principal")
	if p == nil {
		return t
	}
	if p.kind == kindString && p.text == "*" {
		t.aws, t.anyone = true, p
		return t
	}
	for _, n := range p.get("Federated").list() {
		switch {
		case n.kind != kindString:
		case strings.Contains(n.text, ":saml-provider/"):
			t.saml = true
		default:
			t.providers = append(t.providers, n)
		}
	}
	for _, n := range p.get("AWS").list() {
		t.aws = true
		if n.text == "*" {
			t.anyone = n
		}
	}
	t.service = p.get("Service") != nil
	return t
}

// allows says whether the statement's actions cover one.
func allows(s *node, action string) bool {
	action = strings.ToLower(action)
	match := func(n *node) bool {
		for _, a := range n.list() {
			if g := compileGlob(strings.ToLower(a.text)); g.match(action) {
				return true
			}
		}
		return false
	}
	if n := s.get("NotAction"); n != nil {
		return !match(n)
	}
	return match(s.get("Action"))
}

func (l *linter) statement(i int, s *node) {
	t := trustedBy(s)
	l.actions(i, s, t)
	allow := s.get("Effect") != nil && strings.EqualFold(s.get("Effect").text, "Allow")
	for _, p := range t.providers {
		l.provider(i, s, p)
	}
	t.providers = slices.DeleteFunc(t.providers, func(p *node) bool { return !namesHost(p.text) }) // of others no key can be told
	l.meant = map[string]bool{}
	for _, c := range conditionsOf(s) {
		if c.known && !c.misspelt { // the operator comes first: what else is wrong shows when it is right
			l.condition(i, s, t, c)
		}
	}
	if !allow {
		return
	}
	if t.anyone != nil && len(conditionsOf(s)) == 0 {
		l.report("anyone", t.anyone.start, `"*" trusts every AWS account`,
			"anyone with an AWS account may assume the role", "name the accounts or roles that may, or add a condition such as aws:PrincipalOrgID", nil)
	}
	if len(t.providers) == 0 || !allows(s, "sts:AssumeRoleWithWebIdentity") {
		return
	}
	for _, p := range t.providers {
		l.subject(i, s, p)
		l.audience(i, s, p)
	}
}

// namesHost says whether a Federated principal names an issuer, and not an ARN in
// its place or nothing.
func namesHost(principal string) bool {
	host, _, _ := strings.Cut(aws.IssuerName(principal), "/")
	if strings.Contains(principal, ":oidc-provider/") {
		return host != "" && !strings.HasPrefix(host, "arn:")
	}
	return !strings.HasPrefix(principal, "arn:") && strings.Contains(host, ".")
}

// provider looks at one Federated principal.
func (l *linter) provider(i int, s *node, p *node) {
	replace := func(text string) func(*node) {
		old := p.text
		return inStatement(i, func(s *node) {
			replaceStrings(s.get("Principal").get("Federated"), func(v string) string {
				if v == old {
					return text
				}
				return v
			})
		})
	}
	name := aws.IssuerName(p.text)
	if strings.Contains(p.text, ":oidc-provider/https://") {
		right := strings.Replace(p.text, ":oidc-provider/https://", ":oidc-provider/", 1)
		l.report("provider-scheme", p.start, "the provider's ARN holds https://",
			"IAM refuses it: "+textFederated, "write "+right, replace(right))
		return
	}
	if i := strings.LastIndex(p.text, "arn:"); i > 0 && strings.Contains(p.text[i:], ":oidc-provider/") {
		l.report("provider-format", p.start, "the provider's ARN holds another ARN",
			"no provider has that name: this statement trusts nobody", "write the inner one: "+p.text[i:], replace(p.text[i:]))
		return
	}
	parts, ok := aws.SplitARN(p.text)
	if ok && l.options.Account != "" && parts[4] != l.options.Account {
		parts[4] = l.options.Account
		right := strings.Join(parts[:], ":")
		l.report("provider-account", p.start, fmt.Sprintf("the provider is of another account than the role, %s", l.options.Account),
			"STS looks for the token's issuer in the role's own account only", "write "+right, replace(right))
	}
	if !ok || l.options.Providers == nil || !strings.HasPrefix(parts[5], "oidc-provider/") {
		return
	}
	for _, registered := range l.options.Providers {
		if aws.IssuerName(registered) == name {
			return
		}
	}
	for _, registered := range l.options.Providers {
		right := strings.TrimSuffix(p.text, name) + aws.IssuerName(registered)
		switch {
		case strings.EqualFold(aws.IssuerName(registered), name):
			l.report("letter-case", p.start, fmt.Sprintf("the account's provider is %s", aws.IssuerName(registered)),
				"provider ARNs are case-sensitive: this statement trusts nobody", "write "+right, replace(right))
			return
		case strings.TrimRight(aws.IssuerName(registered), "/") == strings.TrimRight(name, "/"):
			l.report("trailing-slash", p.start, fmt.Sprintf("the account's provider is %s", aws.IssuerName(registered)),
				"a trailing slash makes another provider: this statement trusts nobody", "write "+right, replace(right))
			return
		}
	}
	l.report("unknown-provider", p.start, fmt.Sprintf("the account has no provider %s", name),
		"every token is refused until one is made", "make the provider, or name one of: "+strings.Join(l.options.Providers, ", "), nil)
}

// subject looks for a condition that limits who of the issuer may come.
func (l *linter) subject(i int, s *node, p *node) {
	name := aws.IssuerName(p.text)
	key := name + ":sub"
	if control, controlled := IssuerControlOf(p.text); controlled && !control.metBy(s.get("Condition")) {
		required := control.Keys[0]
		l.report("shared-issuer", p.start, fmt.Sprintf("%s issues tokens for all of its customers, and no condition limits %s", name, strings.Join(control.Keys, " or ")),
			"IAM refuses the document, and anyone who has an account there could assume the role",
			"add a condition on "+required, inStatement(i, func(s *node) { addCondition(s, "StringEquals", required, placeholder(name, required)) }))
		return
	}
	if aws.IssuerOf(name).BuiltIn {
		return // Cognito and its like have other keys
	}
	limited := false
	for _, c := range conditionsOf(s) {
		if !c.known || !strings.EqualFold(c.key, key) || c.op.negated || !strings.HasPrefix(c.op.test.name, "String") {
			continue
		}
		limited = true
		for _, v := range c.value.list() {
			if c.op.test == stringLike && openSubject(v.text) {
				l.report("sub-wildcard", v.start, fmt.Sprintf("%q is met by every subject", v.text),
					"every identity of the issuer may assume the role", "name the namespace and the service account, or at least the namespace",
					inStatement(i, func(s *node) {
						old := v.text
						replaceStrings(s.get("Condition").get(c.operator).get(c.key), func(t string) string {
							if t == old {
								return placeholder(name, key)
							}
							return t
						})
					}))
			}
		}
	}
	if !limited && !l.meant[strings.ToLower(key)] {
		l.report("no-sub", s.start, fmt.Sprintf("no condition limits %s", key),
			"every identity of the issuer may assume the role: in a cluster, every service account of every namespace",
			"add a condition on the subject", inStatement(i, func(s *node) { addCondition(s, "StringEquals", key, placeholder(name, key)) }))
	}
}

// openSubject says whether a pattern is met by every subject of an issuer.
func openSubject(pattern string) bool {
	g := compileGlob(pattern)
	return strings.Trim(pattern, "*?:") == "" || g.match("system:serviceaccount:a-namespace:a-name") && g.match("system:serviceaccount:z:z")
}

// placeholder is a value for people to replace.
func placeholder(issuer, key string) string {
	switch {
	case strings.HasSuffix(key, ":aud"), strings.HasSuffix(key, "RoleSessionName"):
		if strings.HasSuffix(key, ":aud") && !aws.IssuerOf(issuer).BuiltIn {
			return "sts.amazonaws.com"
		}
		return "YOUR-VALUE"
	case issuer == "token.actions.githubusercontent.com":
		return "repo:YOUR-ORGANISATION/YOUR-REPOSITORY:ref:refs/heads/main"
	case issuer == "gitlab.com":
		return "project_path:YOUR-GROUP/YOUR-PROJECT:ref_type:branch:ref:main"
	case issuer == "app.terraform.io":
		return "organization:YOUR-ORGANISATION:project:YOUR-PROJECT:workspace:YOUR-WORKSPACE:run_phase:apply"
	}
	if _, shared := SharedIssuerKey(issuer); shared {
		return "YOUR-VALUE"
	}
	return "system:serviceaccount:YOUR-NAMESPACE:YOUR-SERVICE-ACCOUNT"
}

func (l *linter) audience(i int, s *node, p *node) {
	name := aws.IssuerName(p.text)
	if aws.IssuerOf(name).BuiltIn {
		return
	}
	key := name + ":aud"
	if l.meant[strings.ToLower(key)] {
		return
	}
	for _, c := range conditionsOf(s) {
		if strings.EqualFold(c.key, key) && c.known && !c.op.negated {
			return
		}
	}
	// Only of these issuers is the audience certain: of others it is what provider
	// and token agree on, and a wrong one makes a working role stop working
	// (openshift-docs#51026, circleci-docs#10653, terrakube#837).
	issuer, audience := aws.IssuerOf(p.text), "YOUR-AUDIENCE"
	fix := "add a condition on " + key + " with the audience of your tokens, which is among the provider's client ids"
	switch {
	case issuer.Kind == aws.EKS || issuer.Kind == aws.GitHub:
		audience = issuer.Audience
		fix = `add "StringEquals": {"` + key + `": "` + audience + `"}`
	case issuer.Audience != "":
		fix += "; by default it is " + issuer.Audience
	}
	l.report("no-aud", s.start, fmt.Sprintf("no condition tests %s", key),
		"any audience that the provider lists is accepted, so a token made for another purpose may do",
		fix, inStatement(i, func(s *node) { addCondition(s, "StringEquals", key, audience) }))
}
