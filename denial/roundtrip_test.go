package denial_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/denial"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/emulatortest"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// TestRoundTrip: what the emulator refuses and records as CloudTrail does, the
// explanation refuses for a condition that the emulator found false as well, or
// leaves open for a key that the record does not have. It never contradicts.
func TestRoundTrip(t *testing.T) {
	const roles, calls = 40, 160
	random := rand.New(rand.NewPCG(7, 11))
	state := fmt.Sprintf("apiVersion: irsa-emu.dev/v1\nkind: State\nclusters: {c: {issuer: \"https://%s\"}}\naccounts:\n  \"111122223333\":\n    oidcProviders: [{url: \"https://%s\", clientIDs: [sts.amazonaws.com, other]}]\n    roles:\n", eks1, eks1)
	for i := range roles {
		state += fmt.Sprintf("      - {name: r%d, trustPolicy: %s}\n", i, trustPolicy(random))
	}
	parsed, err := statefile.Parse("state.yaml", []byte(state), nil)
	if err != nil {
		t.Fatal(err)
	}
	var records bytes.Buffer
	emu := emulatortest.Start(t, emulatortest.Config(func(c *emulator.Config) { c.Given, c.CloudTrail = []statefile.State{parsed}, &records }))
	for range calls {
		token, err := emu.Token(t.Context(), control.TokenRequest{
			Issuer: "https://" + eks1, ServiceAccount: pick(random, "a/x", "a/y", "b/x"), Audience: []string{pick(random, "sts.amazonaws.com", "other")},
		})
		if err != nil {
			t.Fatal(err)
		}
		ask(t, emu, fmt.Sprintf("arn:aws:iam::111122223333:role/r%d", random.IntN(roles)), pick(random, "s1", "other"), token)
	}
	found, err := sources.Options{Stdin: strings.NewReader(state)}.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	x, err := denial.New(found, given.Options{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := denial.Read(records.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[denial.Verdict]int{}
	for i, e := range events {
		if !e.Refused() {
			continue
		}
		got := x.Explain(e)
		counts[got.Verdict]++
		held := decisionOf(t, emu, strings.Split(strings.TrimSpace(records.String()), "\n")[i])
		if !fits(got, held) {
			t.Errorf("%s: %s\n%s", got.Verdict, got.Why, held)
		}
	}
	if counts[denial.Explained] < 20 || counts[denial.Undecided] < 5 {
		t.Errorf("too few refusals to say anything: %v", counts)
	}
}

// fits says whether an explanation agrees with the emulator's own decision.
func fits(got *denial.Explanation, held *policy.Decision) bool {
	unmet := map[string]bool{}
	for _, p := range held.Policies {
		for _, s := range p.Statements {
			if s.Effect == "Deny" && s.Applies {
				unmet["deny"] = true
			}
			for _, c := range s.Conditions {
				if !c.Met || s.Effect == "Deny" {
					unmet[c.Key] = true
				}
			}
		}
	}
	switch got.Verdict {
	case denial.Explained:
		return slices.ContainsFunc(got.Statements, func(s denial.Statement) bool { return unmet[s.Key] || s.Effect == "Deny" && unmet["deny"] })
	case denial.Undecided:
		return slices.ContainsFunc(got.Missing, func(key string) bool { return unmet[key] })
	}
	return false
}

func pick(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }

// trustPolicy is a trust policy that lets in some of the tokens.
func trustPolicy(random *rand.Rand) string {
	var statements []string
	for i := range 1 + random.IntN(2) {
		conditions := []string{fmt.Sprintf(`"%s":{"%s:sub":["system:serviceaccount:%s"]}`, pick(random, "StringEquals", "StringLike", "StringNotEquals"), eks1, pick(random, "a:x", "a:*", "b:y", "*:x"))}
		for _, more := range []string{
			fmt.Sprintf(`"StringEqualsIfExists":{"%s:aud":"%s"}`, eks1, pick(random, "sts.amazonaws.com", "other")),
			fmt.Sprintf(`"ForAnyValue:StringLike":{"aws:TagKeys":["%s"]}`, pick(random, "team", "*")),
			fmt.Sprintf(`"IpAddress":{"aws:SourceIp":"%s"}`, pick(random, "127.0.0.0/8", "10.0.0.0/8")),
			fmt.Sprintf(`"StringEqualsIgnoreCase":{"aws:SourceVpc":"%s"}`, pick(random, "vpc-1", "vpc-2")),
			fmt.Sprintf(`"Null":{"%s:email":"%s"}`, eks1, pick(random, "true", "false")),
		} {
			if random.IntN(5) == 0 {
				conditions = append(conditions, more)
			}
		}
		effect := "Allow"
		if i > 0 && random.IntN(3) == 0 {
			effect = "Deny"
		}
		statements = append(statements, fmt.Sprintf(`{"Effect":"%s","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{%s}}`, effect, eks1, strings.Join(conditions, ",")))
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func ask(t *testing.T, emu *emulatortest.Emulator, role, session, token string) {
	t.Helper()
	answer, err := http.PostForm(emu.URL, url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session}, "WebIdentityToken": {token}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
}

// decisionOf is what the emulator itself says of the call of a record.
func decisionOf(t *testing.T, emu *emulatortest.Emulator, record string) *policy.Decision {
	t.Helper()
	var e struct {
		RequestID string `json:"requestID"`
	}
	if err := json.Unmarshal([]byte(record), &e); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(emu.URL + "/_emu/decisions/" + e.RequestID)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var d decision.Decision
	if err := json.NewDecoder(answer.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if len(d.Checks) == 0 {
		t.Fatalf("a refusal without a check: %s", record)
	}
	return &d.Checks[0].Decision
}
