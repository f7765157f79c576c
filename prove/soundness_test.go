package prove_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/sts"
)

// The policies and tokens here are made at random, from few texts, so that they
// often meet. What package prove says of all tokens is held against what the
// emulator's STS says of single ones: their claims are read by package oidc, and
// become condition keys by package sts.

const (
	account = "111122223333"
	roleARN = "arn:aws:iam::" + account + ":role/r"
)

// issuerKind is an issuer with texts for its keys.
type issuerKind struct {
	url       string
	clientIDs []string
	keys      map[string][]string
	token     func(r *rand.Rand, p *issuerKind) map[string]any
}

func (k *issuerKind) provider() *prove.Provider {
	p := prove.NewProvider("arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimPrefix(k.url, "https://"))
	p.ClientIDs = k.clientIDs
	return p
}

func (k *issuerKind) prefix() string { return strings.TrimPrefix(k.url, "https://") + ":" }

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

var subjectsOfAccounts = []string{
	"system:serviceaccount:a:b", "system:serviceaccount:a:*", "system:serviceaccount:*:b", "system:serviceaccount:ab*:*", "system:serviceaccount:a?:b*",
	"system:serviceaccount:*", "system:*:a:b", "*", "*:b", "SYSTEM:serviceaccount:a:b", "system:serviceaccount:A:b", "system:serviceaccount:a.b:c",
	"system:serviceaccount:a:b.*", "system:serviceaccount:a:${sts:RoleSessionName}", "system:serviceaccount:a:${aws:username}", "system:serviceaccount:a:${*}",
	"system:serviceaccount:?:?", "system:serviceaccount:a:b", "", "arn:aws:iam::1:role/x",
}

var issuerKinds = []*issuerKind{
	{
		url: "https://oidc.eks.eu-west-1.amazonaws.com/id/E1", clientIDs: []string{"sts.amazonaws.com"},
		keys: map[string][]string{
			"sub": subjectsOfAccounts, "aud": {"sts.amazonaws.com", "sts.*", "other", "*"}, "oaud": {"sts.amazonaws.com", "other"}, "amr": {"mfa"}, "email": {"a@b"}, "iss": {"https://x"},
		},
		token: func(r *rand.Rand, _ *issuerKind) map[string]any {
			name := pick(r, "a", "b", "ab", "aa", "a-b", "b.c", "c0", "abc")
			return map[string]any{"sub": "system:serviceaccount:" + pick(r, "a", "b", "ab", "aa", "abc", "x-y", "0") + ":" + name, "aud": []string{"sts.amazonaws.com"}}
		},
	},
	{
		url: "https://idp.example.com/t", clientIDs: []string{"app-a", "app-b"},
		keys: map[string][]string{
			"sub": {"eve", "bob", "e*", "*e", "b?b", "EVE", "*", "${sts:RoleSessionName}", "${idp.example.com/t:aud}", "u-${aws:RequestTag/team, 'none'}", "10", "arn:aws:iam::1:role/*"},
			"aud": {"app-a", "app-b", "app-*", "x"}, "oaud": {"app-a", "x", "*"}, "amr": {"mfa", "pwd", "hw*", "*"}, "email": {"eve@example.com", "*@example.com"}, "iss": {"https://x"},
		},
		token: func(r *rand.Rand, _ *issuerKind) map[string]any {
			c := map[string]any{"sub": pick(r, "eve", "bob", "bab", "e", "EVE", "10", "app-a", "u-none", "u-red", "se", "arn:aws:iam::1:role/x"), "aud": pick(r, "app-a", "app-b")}
			if r.IntN(3) == 0 {
				c["azp"], c["aud"] = c["aud"], []string{pick(r, "app-a", "x"), pick(r, "y", "app-b")}[:1+r.IntN(2)]
			}
			if r.IntN(2) == 0 {
				c["amr"] = [][]string{{"mfa"}, {"pwd"}, {"mfa", "pwd"}, {"hwk"}, {"x", "hwk"}}[r.IntN(5)]
			}
			if r.IntN(2) == 0 {
				c["email"] = pick(r, "eve@example.com", "bob@example.com", "x")
			}
			if r.IntN(4) == 0 {
				c["https://aws.amazon.com/source_identity"] = pick(r, "alice", "bob")
			}
			if r.IntN(3) == 0 {
				tags := map[string][]string{"team": {pick(r, "red", "blue")}}
				if r.IntN(2) == 0 {
					tags["cost"] = []string{"1"}
				}
				if r.IntN(3) == 0 {
					delete(tags, "team")
					tags["Other"] = []string{""}
				}
				c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": tags}
			}
			if r.IntN(4) == 0 {
				c["https://aws.amazon.com/roles"] = roleARN
			}
			return c
		},
	},
	{
		url: "https://token.actions.githubusercontent.com", clientIDs: []string{"sts.amazonaws.com"},
		keys: map[string][]string{
			"sub":        {"repo:o/r:*", "repo:o/*", "repo:o*", "repo:o@*/r@*:*", "*:environment:prod", "repo:o/r:ref:refs/heads/main", "repo:o/r:environment:*", "repo:o/r:pull_request", "repo:*", "*:ref:refs/heads/*", "*main*"},
			"repository": {"o/r", "o/*", "*/r", "p/r", "o*"}, "repository_owner_id": {"65", "6*", "1"}, "ref": {"refs/heads/main", "refs/heads/*", "refs/tags/*", "refs/pull/*"},
			"environment": {"prod", "p*", "a:b", "*"}, "job_workflow_ref": {"o/w/*", "*@refs/heads/main"}, "aud": {"sts.amazonaws.com", "x"}, "repository_owner": {"o"}, "amr": {"mfa"},
		},
		token: gitHubToken,
	},
}

func gitHubToken(r *rand.Rand, _ *issuerKind) map[string]any {
	owner, name := pick(r, "o", "oo", "p"), pick(r, "r", "rr", "main")
	c := map[string]any{
		"repository": owner + "/" + name, "repository_id": pick(r, "74", "1"), "repository_owner_id": pick(r, "65", "6", "1"), "aud": "sts.amazonaws.com",
		"actor": "a", "actor_id": "1", "workflow": "w", "job_workflow_ref": pick(r, "o/w/f@refs/heads/main", "p/w/f@x"), "ref": pick(r, "refs/heads/main", "refs/heads/x", "refs/tags/v1"),
	}
	repo := owner + "/" + name
	if r.IntN(2) == 0 {
		repo = fmt.Sprintf("%s@%s/%s@%s", owner, c["repository_owner_id"], name, c["repository_id"])
	}
	switch r.IntN(3) {
	case 0:
		c["environment"] = pick(r, "prod", "production", "a:b", "x")
		c["sub"] = "repo:" + repo + ":environment:" + strings.ReplaceAll(c["environment"].(string), ":", "%3A")
	case 1:
		c["ref"] = "refs/pull/" + pick(r, "1", "22") + "/merge"
		c["sub"] = "repo:" + repo + ":pull_request"
	default:
		c["sub"] = "repo:" + repo + ":ref:" + c["ref"].(string)
	}
	return c
}

// requestValues are texts for keys that are not the token's.
var requestValues = map[string][]string{
	"sts:RoleSessionName": {"b", "a*", "ab", "??", "alice"}, "sts:SourceIdentity": {"alice", "a*"}, "aws:RequestTag/team": {"red", "*"}, "aws:TagKeys": {"team", "cost", "t*"},
	"sts:RoleAuthorizedByIdp": {"true", "false"}, "aws:PrincipalArn": {"arn:aws:iam::*:role/*", "*"}, "aws:PrincipalType": {"User", "AssumedRole"}, "aws:PrincipalAccount": {account, "444455556666"},
	"aws:ResourceTag/env": {"prod", "p*"}, "aws:SourceIp": {"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"}, "aws:CurrentTime": {"2026-01-01T00:00:00Z", "2030"}, "aws:username": {"x"}, "sts:ExternalId": {"x"},
}

func operatorFor(r *rand.Rand, key string) string {
	switch key {
	case "aws:SourceIp":
		return pick(r, "IpAddress", "NotIpAddress", "IpAddressIfExists")
	case "aws:CurrentTime":
		return pick(r, "DateLessThan", "DateGreaterThanEquals", "DateNotEquals")
	}
	base := pick(r, "StringEquals", "StringEquals", "StringLike", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "ArnLike", "ArnNotEquals", "Bool", "BinaryEquals", "NumericLessThan", "Null")
	if base == "Null" {
		return base
	}
	if r.IntN(5) == 0 {
		base += "IfExists"
	}
	switch r.IntN(8) {
	case 0:
		return "ForAllValues:" + base
	case 1, 2:
		return "ForAnyValue:" + base
	}
	return base
}

// generatePolicy makes a trust policy for a provider.
func generatePolicy(r *rand.Rand, k *issuerKind) string {
	var names []string
	for name := range k.keys {
		names = append(names, name)
	}
	slices.Sort(names)
	var others []string
	for name := range requestValues {
		others = append(others, name)
	}
	slices.Sort(others)
	arn := k.provider().ARN
	var statements []any
	for i := range 1 + r.IntN(4) {
		conditions := map[string]map[string]any{}
		for range r.IntN(4) {
			name := pick(r, names...)
			if r.IntN(2) == 0 {
				name = "sub"
			}
			key, values := k.prefix()+name, k.keys[name]
			if r.IntN(4) == 0 {
				key = pick(r, others...)
				values = requestValues[key]
			}
			operator := operatorFor(r, key)
			var want []string
			for range 1 + r.IntN(3) {
				want = append(want, pick(r, values...))
			}
			if operator == "Null" {
				want = []string{pick(r, "true", "false")}
			}
			if conditions[operator] == nil {
				conditions[operator] = map[string]any{}
			}
			conditions[operator][key] = want
		}
		st := map[string]any{"Effect": "Allow", "Principal": map[string]any{"Federated": arn}}
		if i > 0 && r.IntN(3) == 0 {
			st["Effect"] = "Deny"
			switch r.IntN(4) {
			case 0:
				st["Principal"] = "*"
			case 1:
				delete(st, "Principal")
				st["NotPrincipal"] = map[string]any{"Federated": pick(r, arn, "arn:aws:iam::"+account+":oidc-provider/other")}
			}
		}
		if len(conditions) > 0 {
			st["Condition"] = conditions
		}
		actions := []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"}
		switch r.IntN(6) {
		case 0:
			st["NotAction"] = pick(r, "sts:TagSession", "sts:AssumeRole", "sts:*Identity")
		case 1:
			st["Action"] = pick(r, actions...)
		case 2:
			st["Action"] = pick(r, "sts:*", "sts:Assume*")
		default:
			st["Action"] = actions[:1+r.IntN(3)]
		}
		statements = append(statements, st)
	}
	doc := map[string]any{"Statement": statements}
	if r.IntN(8) != 0 {
		doc["Version"] = "2012-10-17"
	}
	text, _ := json.Marshal(doc)
	return string(text)
}

func generateClaim(r *rand.Rand, k *issuerKind) prove.Claim {
	key := pick(r, "sub", "sub", "sub", "aud", "amr", "email", "sts:RoleSessionName", "aws:RequestTag/team")
	values := k.keys[key]
	if values == nil {
		if values = requestValues[key]; values == nil {
			key, values = "sub", k.keys["sub"]
		}
	}
	var patterns []string
	for range 1 + r.IntN(2) {
		if v := pick(r, values...); v != "" && !strings.Contains(v, "${") {
			patterns = append(patterns, v)
		}
	}
	if len(patterns) == 0 || r.IntN(6) == 0 {
		return prove.Claim{Nobody: true}
	}
	if one := []prove.KeyPatterns{{Key: key, Patterns: patterns}}; r.IntN(2) == 0 {
		return prove.Claim{Only: one}
	} else {
		return prove.Claim{Never: one}
	}
}

// call is one concrete call.
type call struct {
	claims  map[string]any
	session string
	keys    map[string]string
}

// decide is the emulator's answer to a call, and its condition keys.
func decide(t testing.TB, p *prove.Provider, role *prove.Role, c call) (bool, policy.Context) {
	t.Helper()
	c.claims["iss"], c.claims["iat"], c.claims["exp"] = "https://"+p.Issuer, now.Unix(), now.Unix()+3600
	src, err := json.Marshal(c.claims)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := oidc.ReadClaims(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	keys := policy.Context{}
	for key, value := range c.keys {
		keys.Set(key, value)
	}
	v := sts.Judge(t.Context(), oneRole{role, p}, oidc.NotChecked, now, sts.WebIdentityCall{
		RoleARN: role.ARN, RoleSessionName: c.session, Claims: claims, Seconds: 3600, Keys: keys,
	})
	ctx := sts.TokenKeys(&claims.ClaimSet, p.ARN)
	ctx.Set("sts:RoleSessionName", c.session)
	return v.Allowed(), ctx
}

var now = time.Unix(1800000000, 0)

// oneRole is an account with a role and a provider.
type oneRole struct {
	role     *prove.Role
	provider *prove.Provider
}

func (o oneRole) Role(string) (*iam.Role, string) {
	return &iam.Role{Account: account, Name: "r", Path: "/", MaxSessionDuration: 3600, Trust: iam.NewDocument(o.role.Trust.Document)}, ""
}

func (o oneRole) Provider(_, issuer string) (oidc.Provider, bool) {
	return oidc.Provider{URL: issuer, ClientIDs: o.provider.ClientIDs}, true
}

func (o oneRole) Issuers(string) []string { return nil }

// breaks says whether a token breaks a claim, by the meaning of claims alone.
func breaks(k *issuerKind, claim prove.Claim, ctx policy.Context) bool {
	like := func(p prove.KeyPatterns) bool {
		key := p.Key
		if !strings.Contains(key, ":") {
			key = k.prefix() + key
		}
		got, _ := ctx.Get(key)
		return slices.ContainsFunc(got.List, func(v string) bool {
			return slices.ContainsFunc(p.Patterns, func(pattern string) bool { return policy.Like(pattern, v) })
		})
	}
	switch {
	case claim.Nobody:
		return true
	case len(claim.Only) > 0:
		return !like(claim.Only[0])
	}
	return like(claim.Never[0])
}

func witnessCall(w *prove.Witness) call {
	c := call{claims: w.Claims, keys: map[string]string{}, session: "session"}
	if got, ok := w.Context.Get("sts:RoleSessionName"); ok {
		c.session = got.List[0]
	}
	for _, n := range w.Needs {
		if key := strings.ToLower(n.Key); strings.HasPrefix(key, "aws:source") || key == "aws:currenttime" {
			c.keys[n.Key] = n.Value
		}
	}
	return c
}

func randomCall(r *rand.Rand, k *issuerKind) call {
	c := call{claims: k.token(r, k), session: pick(r, "ab", "alice", "bb", "bc"), keys: map[string]string{}}
	c.keys["aws:SourceIp"] = pick(r, "10.1.2.3", "192.0.2.7", "198.51.100.1", "2001:db8::5")
	c.keys["aws:CurrentTime"] = pick(r, "2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z")
	return c
}

func generatedRole(t testing.TB, src string) *prove.Role {
	doc, err := policy.Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return &prove.Role{ARN: roleARN, Account: account, Tags: map[string]string{}, Trust: policy.Named{Name: "trust", Type: policy.TrustPolicy, Document: doc}}
}

// TestSoundness asks about generated policies: PROVE_POLICIES says of how many.
func TestSoundness(t *testing.T) {
	n := 150
	if s := os.Getenv("PROVE_POLICIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("PROVE_POLICIES=%s: write a number", s)
		}
	}
	const tokens = 200
	count := map[prove.Verdict]int{}
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		k := issuerKinds[i%len(issuerKinds)]
		src := generatePolicy(r, k)
		role, p, claim := generatedRole(t, src), k.provider(), generateClaim(r, k)
		answer, err := prove.Holds(p, role, claim)
		if err != nil {
			t.Errorf("policy %d: %v\n%s\n%+v", i, err, src, claim)
			continue
		}
		count[answer.Verdict]++
		switch answer.Verdict {
		case prove.Refuted:
			c := witnessCall(answer.Witness)
			if allowed, ctx := decide(t, p, role, c); !allowed || !breaks(k, claim, ctx) {
				t.Errorf("policy %d: the witness %v %v is refused (%v)\n%s\n%+v", i, c.claims, answer.Witness.Needs, allowed, src, claim)
			}
		case prove.Proved:
			for range tokens {
				c := randomCall(r, k)
				if allowed, ctx := decide(t, p, role, c); allowed && breaks(k, claim, ctx) {
					t.Errorf("policy %d is proved, and yet %v is let in\n%s\n%+v", i, c, src, claim)
					break
				}
			}
		}
	}
	t.Logf("%d policies: %v", n, count)
	if count[prove.Proved] < n/10 || count[prove.Refuted] < n/10 {
		t.Errorf("the policies are too much alike to show anything: %v", count)
	}
}
