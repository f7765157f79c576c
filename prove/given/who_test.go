package given

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/sources"
)

// read is the model of a source.
func read(t testing.TB, src string) *Model {
	t.Helper()
	found, err := sources.Options{Account: "111122223333", Stdin: strings.NewReader(src)}.Read("-")
	if err == nil {
		err = found.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(found, Options{Managed: iam.ManagedDocument})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const stateHead = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  c:
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/E
    region: eu-west-1
    account: "111122223333"
`

// trusts is a trust policy of the cluster's tokens with a subject.
func trusts(subject string) string {
	return `{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E"}, Action: "sts:AssumeRoleWithWebIdentity", Condition: {StringLike: {"oidc.eks.eu-west-1.amazonaws.com/id/E:sub": "` + subject + `"}}}]}`
}

const provider = `    oidcProviders: [{url: "https://oidc.eks.eu-west-1.amazonaws.com/id/E", clientIDs: [sts.amazonaws.com]}]
`

// of is a service account as an identity.
func of(serviceAccount string) Identity {
	subject := "system:serviceaccount:" + strings.Replace(serviceAccount, "/", ":", 1)
	return Identity{ServiceAccount: serviceAccount, Pin: func(p *prove.Provider) (prove.Pin, bool) {
		keys := policy.Context{}
		keys.Set(p.Issuer+":sub", subject)
		return prove.Pin{Keys: keys}, p.CanBe("sub", subject)
	}}
}

// held are the roles of an identity, each in a line.
func held(t testing.TB, m *Model, id Identity, doing *prove.Doing) string {
	t.Helper()
	holders, err := m.RolesOf(t.Context(), id, doing)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, h := range holders {
		name := func(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
		line := []string{string(h.Mechanism), name(h.Role)}
		for _, arn := range h.Through {
			line = append(line, "through "+name(arn))
		}
		for _, n := range h.Needs {
			line = append(line, "needs "+n)
		}
		switch {
		case h.May != nil && *h.May:
			line = append(line, "may")
		case h.May != nil:
			line = append(line, "may not")
		case doing != nil:
			line = append(line, "may?")
		}
		if h.Undecided {
			line = append(line, "undecided")
		}
		if h.Why != "" {
			line = append(line, "("+h.Why+")")
		}
		out.WriteString(strings.Join(line, " ") + "\n")
	}
	return out.String()
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got, want := strings.TrimSpace(got), strings.TrimSpace(want); got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

const secretReader = `{Statement: [{Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: "*"}]}`

// A chain through another account: both sides allow it, and the external id is
// for the caller to know.
func TestChainWithExternalID(t *testing.T) {
	state := stateHead + `
accounts:
  "111122223333":
` + provider + `
    roles:
      - name: a
        trustPolicy: ` + trusts("system:serviceaccount:payments:api") + `
        inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "sts:AssumeRole", Resource: "arn:aws:iam::444455556666:role/target-*"}]}}
      - {name: b, trustPolicy: ` + trusts("system:serviceaccount:payments:other") + `}
  "444455556666":
    roles:
      - name: target-x
        trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole", Condition: {StringEquals: {"sts:ExternalId": s3cret}}}]}
        inlinePolicies: {p: ` + secretReader + `}
      - name: other
        trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole"}]}
`
	m := read(t, state)
	check(t, "payments/api", held(t, m, of("payments/api"), nil), `
web-identity a
web-identity target-x through a needs sts:ExternalId = s3cret (the caller chooses it)`)
	check(t, "payments/other", held(t, m, of("payments/other"), nil), "web-identity b")
	doing := &prove.Doing{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:*:444455556666:secret:*"}}
	check(t, "and then", held(t, m, of("payments/api"), doing), `
web-identity a may not
web-identity target-x through a needs sts:ExternalId = s3cret (the caller chooses it) may`)
	access, err := m.Who(t.Context(), "target-x", 100)
	if err != nil || len(access) != 1 || len(access[0].Principals) != 1 {
		t.Fatal(access, err)
	}
	if p := access[0].Principals[0]; p.Kind != prove.AccountCaller || p.Name != "111122223333" || !slices.Contains(p.Needs, "sts:ExternalId = s3cret (the caller chooses it)") {
		t.Errorf("%+v", p)
	}
	access, err = m.Who(t.Context(), "a", 100)
	if err != nil || len(access) != 1 || len(access[0].Tokens) != 1 || len(access[0].Reaches) != 1 || !strings.HasSuffix(access[0].Reaches[0].Role, "/target-x") {
		t.Errorf("%+v, %v", access, err)
	}

	// Without the provider nobody gets in now; it says so, and what there would be.
	m = read(t, strings.Replace(state, provider, "", 1))
	const missing = "(the account has no provider for oidc.eks.eu-west-1.amazonaws.com/id/E, so STS refuses its tokens until it has)"
	check(t, "without the provider", held(t, m, of("payments/api"), nil), `
web-identity a undecided `+missing+`
web-identity target-x through a needs sts:ExternalId = s3cret (the caller chooses it) undecided `+missing)
}

// Nobody of one partition assumes a role of another, whatever both sides' policies say.
func TestAcrossPartitions(t *testing.T) {
	m := read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    roles:
      - name: a
        trustPolicy: `+trusts("system:serviceaccount:payments:api")+`
        inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "sts:AssumeRole", Resource: "*"}]}}
  "444455556666":
    partition: aws-cn
    roles:
      - {name: all, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]}}
      - {name: digits, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: ["111122223333", "arn:aws-cn:iam::444455556666:root"]}, Action: "sts:AssumeRole"}]}}
      - {name: provider, trustPolicy: {Statement: [{Effect: Allow, Principal: {Federated: "arn:aws:iam::444455556666:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"}, Action: "sts:AssumeRoleWithWebIdentity"}]}}
`)
	check(t, "the service account", held(t, m, of("payments/api"), nil), "web-identity a")
	for role, want := range map[string]string{"all": "*", "digits": "111122223333 444455556666", "provider": ""} {
		access, err := m.Who(t.Context(), role, 100)
		if err != nil || len(access) != 1 {
			t.Fatalf("%s: %+v, %v", role, access, err)
		}
		var got []string
		for _, p := range access[0].Principals {
			got = append(got, p.Name)
		}
		if strings.Join(got, " ") != want || len(access[0].Tokens) != 0 || (len(access[0].Notes) == 0) != (role != "provider") {
			t.Errorf("%s: %+v", role, access)
		}
	}
}

// What associations give: a role, a target role behind it, tags that policies
// test, and a session policy that leaves less.
func TestPodIdentity(t *testing.T) {
	const pods = `{Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"]}]}`
	m := read(t, stateHead+`
    podIdentityAssociations:
      - {serviceAccount: payments/api, role: "arn:aws:iam::111122223333:role/tagged"}
      - {serviceAccount: shop/api, role: "arn:aws:iam::111122223333:role/tagged"}
      - {serviceAccount: payments/less, role: "arn:aws:iam::111122223333:role/wide", disableSessionTags: true, policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}
      - {serviceAccount: payments/far, role: "arn:aws:iam::111122223333:role/hop", targetRole: "arn:aws:iam::444455556666:role/target"}
      - {serviceAccount: payments/closed, role: "arn:aws:iam::111122223333:role/untagged"}
      - {serviceAccount: payments/lost, role: "arn:aws:iam::111122223333:role/hop", targetRole: "arn:aws:iam::444455556666:role/nowhere"}
accounts:
  "111122223333":
`+provider+`
    roles:
      - name: tagged
        trustPolicy: `+pods+`
        inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: "*", Condition: {StringEquals: {"aws:PrincipalTag/kubernetes-namespace": payments}}}]}}
      - {name: wide, trustPolicy: `+pods+`, inlinePolicies: {p: {Statement: [{Effect: Allow, Action: ["s3:*", "secretsmanager:*"], Resource: "*"}]}}}
      - name: hop
        trustPolicy: `+pods+`
        inlinePolicies: {p: {Statement: [{Effect: Allow, Action: ["sts:AssumeRole", "sts:TagSession"], Resource: "*"}]}}
      - {name: untagged, trustPolicy: {Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: "sts:AssumeRole"}]}}
  "444455556666":
    roles:
      - name: target
        trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/hop"}, Action: ["sts:AssumeRole", "sts:TagSession"], Condition: {StringEquals: {"sts:ExternalId": "eu-west-1/111122223333/c/payments/far"}}}]}
        inlinePolicies: {p: `+secretReader+`}
`)
	doing := &prove.Doing{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"*"}}
	for account, want := range map[string]string{
		"payments/api":    "pod-identity tagged may",
		"shop/api":        "pod-identity tagged may not",
		"payments/less":   "pod-identity wide may not",
		"payments/far":    "pod-identity target through hop may",
		"payments/closed": "",
		"payments/lost":   "pod-identity nowhere through hop may? undecided (the target role arn:aws:iam::444455556666:role/nowhere is in none of the sources)",
	} {
		check(t, account, held(t, m, of(account), doing), want)
	}
	access, err := m.Who(t.Context(), "*", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range access {
		for _, as := range a.PodIdentity {
			if as.Refused != (as.ServiceAccount == "payments/closed") {
				t.Errorf("%s: %+v", a.Role, as)
			}
		}
	}
}

// What the source does not have is neither allowed nor forbidden: a boundary, a
// trust policy, a policy that is attached.
func TestNotInTheSource(t *testing.T) {
	const head = `{"format_version":"1.2","terraform_version":"1.11.4","complete":true,"applyable":true,"planned_values":{"root_module":{"resources":[`
	role := func(name, trust, more string) string {
		return `{"address":"aws_iam_role.` + name + `","mode":"managed","type":"aws_iam_role","name":"` + name + `","values":{"name":"` + name + `"` + trust + more + `}}`
	}
	const trust = `,"assume_role_policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E\"},\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Condition\":{\"StringEquals\":{\"oidc.eks.eu-west-1.amazonaws.com/id/E:sub\":\"system:serviceaccount:a:b\"}}}]}"`
	const inline = `,"inline_policy":[{"name":"p","policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}"}]`
	m := read(t, head+strings.Join([]string{
		role("bounded", trust, inline+`,"permissions_boundary":"arn:aws:iam::111122223333:policy/elsewhere"`),
		role("unknown", "", ""),
		role("plain", trust, inline),
	}, ",")+`]}},"resource_changes":[{"address":"aws_iam_role.unknown","change":{"after_unknown":{"assume_role_policy":true}}}],
		"configuration":{"root_module":{"resources":[{"address":"aws_iam_role.unknown","mode":"managed","type":"aws_iam_role","name":"unknown","expressions":{"assume_role_policy":{"references":["aws_iam_openid_connect_provider.p.arn","aws_iam_openid_connect_provider.p"]}}}]}}}`)
	doing := &prove.Doing{Actions: []string{"s3:GetObject"}, Resources: []string{"*"}}
	const unknown = "its trust policy is not known from the source: aws_iam_role.unknown.assume_role_policy"
	check(t, "a/b", held(t, m, of("a/b"), doing), `
web-identity bounded may? (whether it may is not decided: the source does not have the permissions boundary arn:aws:iam::111122223333:policy/elsewhere)
web-identity plain may
web-identity unknown may? undecided (`+unknown+`)`)

	access, err := m.Who(t.Context(), "unknown", 100)
	if err != nil || len(access) != 1 || access[0].Why != unknown || access[0].Nobody() {
		t.Errorf("%+v, %v", access, err)
	}
	a, err := FlagAssertion("nobody", "", []string{"unknown"})
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.Check(t.Context(), &a)
	if err != nil || len(results) != 1 || results[0].Verdict != prove.Undecided || results[0].Why != unknown {
		t.Errorf("%+v, %v", results, err)
	}
	d, err := Compare(t.Context(), m, m)
	if err != nil || len(d.Gained)+len(d.Lost) != 0 || len(d.Undecided) != 1 || d.Undecided[0].Why != unknown {
		t.Errorf("%+v, %v", d, err)
	}
	// An assertion about what is done: the boundary may forbid it.
	a = Assertion{Name: "s3", Roles: []string{"bounded"}, Actions: []string{"s3:GetObject"}, Claim: prove.Claim{Nobody: true}}
	if results, err = m.Check(t.Context(), &a); err != nil || len(results) != 1 || results[0].Verdict != prove.Undecided {
		t.Errorf("%+v, %v", results, err)
	}
	a.Actions = []string{"s3:PutObject"}
	if results, err = m.Check(t.Context(), &a); err != nil || len(results) != 1 || results[0].Verdict != prove.Proved {
		t.Errorf("%+v, %v", results, err)
	}
}

// Who interrupts a long question gets the program back.
func TestInterrupted(t *testing.T) {
	m := read(t, account(50))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Who(ctx, "", 100); !errors.Is(err, context.Canceled) {
		t.Errorf("who: %v", err)
	}
	if _, err := Compare(ctx, m, m); !errors.Is(err, context.Canceled) {
		t.Errorf("diff: %v", err)
	}
}

// Roles that may all assume each other: the first few of each are listed, and the
// rest is counted, which -all lists.
func TestManyRolesReachEachOther(t *testing.T) {
	var src strings.Builder
	src.WriteString(stateHead + "accounts:\n  \"111122223333\":\n    roles:\n")
	const roles = 30
	for i := range roles {
		fmt.Fprintf(&src, `      - {name: r%02d, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole"}]}, inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sts:AssumeRole", Resource: "*"}]}}}`+"\n", i)
	}
	src.WriteString(`      - {name: outside, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}, inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/r00"}]}}}` + "\n")
	m := read(t, src.String())
	for _, tt := range []struct{ most, listed, further int }{{10, 10, roles - 11}, {math.MaxInt, roles - 1, 0}} {
		access, err := m.Who(t.Context(), "r07", tt.most)
		if err != nil {
			t.Fatal(err)
		}
		if a := access[0]; len(a.Reaches) != tt.listed || a.Further != tt.further || a.AtLeast {
			t.Errorf("at most %d: %d listed, %d further (at least: %v); want %d and %d", tt.most, len(a.Reaches), a.Further, a.AtLeast, tt.listed, tt.further)
		}
	}
	access, err := m.Who(t.Context(), "outside", 10)
	if err != nil {
		t.Fatal(err)
	}
	if a := access[0]; len(a.Reaches) != 10 || a.Reaches[0].Role != "arn:aws:iam::111122223333:role/r00" || a.Further != roles-10 || len(a.Reaches[9].Through) != 1 {
		t.Errorf("outside reaches %d and %d further: %+v", len(a.Reaches), a.Further, a.Reaches)
	}
}
