package sts

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
)

func fullSession() *Session {
	return &Session{
		Kind: WebIdentitySession, Account: home, Issued: epoch, Expires: epoch.Add(time.Hour), Name: "session",
		RoleID: "AROAEXAMPLE0000000000", UserID: "AIDA", Chained: true, HasPolicies: true,
		Policy: `{"Version":"2012-10-17"}`, PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/Read"},
		Tags: []aws.Tag{{Key: "Team", Value: "engineering"}, {Key: "empty", Value: ""}}, TransitiveKeys: []string{"Team"},
		SourceIdentity: "alice", Provider: providerARN(home, issuer), Audience: "sts.amazonaws.com", Subject: "ünïcödé", AMR: []string{"mfa", "pwd"},
	}
}

func TestSessionRoundTrip(t *testing.T) {
	long := fullSession()
	for i := range 50 {
		long.Tags = append(long.Tags, aws.Tag{Key: fmt.Sprintf("key-%d", i), Value: strings.Repeat("v", 40)})
	}
	for name, s := range map[string]*Session{
		"full": fullSession(), "deflated": long,
		"least":        {Kind: RoleSession, Account: home, Issued: epoch, Expires: epoch},
		"empty policy": {Kind: FederatedSession, Account: home, Issued: epoch, Expires: epoch, HasPolicies: true},
		"before 1970":  {Kind: UserSession, Issued: time.Unix(-5, 0).UTC(), Expires: time.Unix(-4, 0).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := s.append(nil)
			if err != nil {
				t.Fatal(err)
			}
			back, err := readSession(append(b, 0, 0, 0))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, back); diff != "" {
				t.Error(diff)
			}
			for n := range len(b) - otherFiller {
				if short, err := readSession(b[:n]); err == nil && cmp.Equal(s, short) && n < len(b)-webIdentityFiller {
					t.Fatalf("%d of %d bytes are enough", n, len(b))
				}
			}
		})
	}
}

// FuzzReadSession: no bytes crash it, whatever a future key might have sealed.
func FuzzReadSession(f *testing.F) {
	b, err := fullSession().append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{sessionVersion, 'w', flagDeflated, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5})
	f.Add([]byte{sessionVersion, 'r', 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSession(b)
		if err != nil {
			return
		}
		again, err := s.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readSession(again)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzOpen: no token that was not sealed opens.
func FuzzOpen(f *testing.F) {
	sealer, err := newSealer(&SealingKey{ID: "01020304", Secret: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		f.Fatal(err)
	}
	rand := &seeded{}
	rand.restart("fuzz")
	c, err := sealer.Seal(fullSession(), rand, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.AccessKeyID, c.SessionToken())
	f.Add("ASIA", "IQoJb3JpZ2luX2VjAQIDBA==")
	f.Fuzz(func(t *testing.T, id, token string) {
		_, _, err := sealer.Open(id, token)
		if sealed := id == c.AccessKeyID && token == c.SessionToken(); (err == nil) != sealed {
			t.Errorf("opened %v: %v", sealed, err)
		}
	})
}

func TestAccessKeyIDs(t *testing.T) {
	// Published with their accounts: awsteele.com 2020-09-26.
	for id, account := range map[string]string{"ASIAQNZGKIQY56JQ7WML": "029608264753"} {
		if got, ok := accountOf(id); !ok || got != account {
			t.Errorf("%s: %s, not %s", id, got, account)
		}
	}
	for _, account := range []string{"000000000000", "000000000001", home, "999999999999"} {
		for _, random := range [][5]byte{{}, {255, 255, 255, 255, 255}} {
			id, err := newAccessKeyID(account, random)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := accountOf(id); !ok || got != account || len(id) != 20 {
				t.Errorf("%s of %s says %s", id, account, got)
			}
		}
	}
	for _, id := range []string{"", "AKIA", "AKIAAAAAAAAAAAAAAAAA", "AROAQNZGKIQY56JQ7WML", "ASIA!!!!!!!!!!!!!!!!", "ASIA7777777777777777"} {
		if account, ok := accountOf(id); ok {
			t.Errorf("%s has account %s", id, account)
		}
	}
}

// TestPrincipal follows what a session keeps of the call that made it.
func TestPrincipal(t *testing.T) {
	f := newFixture(t)
	web := claims()
	web["amr"] = []string{"mfa"}
	web["email"] = "someone@example.com"
	web["https://aws.amazon.com/source_identity"] = "probe"
	web["https://aws.amazon.com/tags/principal_tags/Team"] = "engineering"
	web["https://aws.amazon.com/tags/transitive_tag_keys"] = []string{"Team"}
	form := webForm("open", sign(t, web))
	form.Set("Policy", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}`)
	form.Set("PolicyArns.member.1.arn", "arn:aws:iam::"+home+":policy/Read")
	p := f.issued(t, form, nil)
	if p.Type != api.AssumedRole || !p.Temporary || p.Chained || p.RoleName != "open" || p.RoleARN != "arn:aws:iam::"+home+":role/open" {
		t.Errorf("%+v", p)
	}
	prefix := strings.TrimPrefix(issuer, "https://")
	// recorded 1d: of the provider's keys only aud, sub and amr remain.
	want := map[string][]string{prefix + ":aud": {"sts.amazonaws.com"}, prefix + ":sub": {subject}, prefix + ":amr": {"mfa"}}
	if diff := cmp.Diff(want, p.SessionKeys); diff != "" {
		t.Error(diff)
	}
	if p.FederatedProvider != providerARN(home, issuer) || p.SourceIdentity != "probe" {
		t.Errorf("provider %s, source identity %s", p.FederatedProvider, p.SourceIdentity)
	}
	if diff := cmp.Diff([]aws.Tag{{Key: "Team", Value: "engineering"}}, p.SessionTags); diff != "" {
		t.Error(diff)
	}
	if !p.HasSessionPolicies || len(p.SessionPolicies) != 2 || len(p.SessionPolicies[0].Document.Statements) != 1 {
		t.Errorf("session policies: %+v", p.SessionPolicies)
	}

	// Chaining: transitive tags and the source identity go on, other keys do not.
	chained := f.issued(t, url.Values{
		"Action": {"AssumeRole"}, "RoleArn": {"arn:aws:iam::" + home + ":role/next"}, "RoleSessionName": {"second"},
		"Tags.member.1.Key": {"Stage"}, "Tags.member.1.Value": {"test"},
	}, withoutPolicies(p))
	if !chained.Chained || chained.SourceIdentity != "probe" || chained.FederatedProvider != "" || chained.HasSessionPolicies {
		t.Errorf("%+v", chained)
	}
	if diff := cmp.Diff([]aws.Tag{{Key: "Stage", Value: "test"}, {Key: "Team", Value: "engineering"}}, chained.SessionTags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Team"}, chained.TransitiveTagKeys); diff != "" {
		t.Error(diff)
	}
}

func withoutPolicies(p *api.Principal) *api.Principal {
	q := *p
	q.SessionPolicies, q.HasSessionPolicies = nil, false
	return &q
}

// issued makes a call that issues credentials, and authenticates them.
func (f *fixture) issued(t testing.TB, form url.Values, caller *api.Principal) *api.Principal {
	t.Helper()
	w, d := f.call(form, caller)
	if w.Code != 200 {
		t.Fatalf("%d %s\n%+v", w.Code, w.Body, d.Reason)
	}
	token := sessionTokens.FindString(w.Body.String())
	return f.principal(t, d.Session.AccessKeyID, token)
}

// TestSessionPolicyThatIsGone allows nothing rather than everything.
func TestSessionPolicyThatIsGone(t *testing.T) {
	f := newFixture(t)
	s := fullSession()
	s.PolicyARNs, s.Policy = []string{"arn:aws:iam::" + home + ":policy/Deleted"}, ""
	policies := s.policies(f.store.Snapshot())
	if len(policies) != 1 || policies[0].Document == nil || len(policies[0].Document.Statements) != 0 {
		t.Errorf("%+v", policies)
	}
}

func TestPackedPolicyTooLarge(t *testing.T) {
	f := newFixture(t)
	web := claims()
	tags := map[string]any{}
	for i := range 50 {
		tags[fmt.Sprintf("key-%d", i)] = []string{fmt.Sprintf("%x", f.random(t, 120))}
	}
	web["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": tags}
	w, d := f.call(webForm("open", sign(t, web)), nil)
	if w.Code != 400 || d.Error.Code != "PackedPolicyTooLarge" || !strings.Contains(d.Error.Message, "4096 bytes") {
		t.Errorf("%d %+v", w.Code, d.Error)
	}
	if d.Session != nil {
		t.Error("the decision says that credentials were issued")
	}
}

func (f *fixture) random(t testing.TB, n int) []byte {
	b := make([]byte, n)
	if _, err := f.rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPropagationDelay(t *testing.T) {
	f := newFixture(t)
	f.Service.config.PropagationDelay = 2 * time.Hour // all was made an hour ago
	form := func() url.Values { return webForm("open", sign(t, claims())) }
	if w, d := f.call(form(), nil); w.Code != 403 || d.Reason.Kind != "role-not-found" {
		t.Errorf("%d %+v", w.Code, d.Reason)
	}
	f.Service.config.PropagationDelay = time.Hour
	if w, d := f.call(form(), nil); w.Code != 200 {
		t.Errorf("%d %+v", w.Code, d.Reason)
	}
}

// TestDecisionKeepsNoSecret: neither the token nor the credentials are in what is logged.
func TestDecisionKeepsNoSecret(t *testing.T) {
	f := newFixture(t)
	for _, role := range []string{"open", "denied", "nothing-here", "EKSServiceAccountRole"} {
		token := sign(t, claims())
		w, d := f.call(webForm(role, token), nil)
		text := mustJSON(d)
		signature := token[strings.LastIndexByte(token, '.')+1:]
		for _, secret := range []string{token, signature, sessionTokens.FindString(w.Body.String())} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s: the decision holds a secret", role)
			}
		}
		if m := secrets.FindString(w.Body.String()); m != "" && strings.Contains(text, m[len("<SecretAccessKey>"):len(m)-1]) {
			t.Errorf("%s: the decision holds the secret access key", role)
		}
	}
}

// TestRefusalsAreExplained: every refusal of a token names what it was.
func TestRefusalsAreExplained(t *testing.T) {
	f := newFixture(t)
	web := claims()
	web["sub"] = "system:serviceaccount:other:your-service-account"
	web["exp"] = epoch.Add(-time.Hour).Unix()
	_, d := f.call(webForm("EKSServiceAccountRole", sign(t, web)), nil)
	if d.Token == nil || d.Token.Subject != web["sub"] || d.Token.Claims["sub"] != web["sub"] || !d.Token.Expires.Equal(epoch.Add(-time.Hour)) {
		t.Errorf("token: %+v", d.Token)
	}
	if d.Provider != providerARN(home, issuer) || d.Resource != "arn:aws:iam::"+home+":role/EKSServiceAccountRole" {
		t.Errorf("provider %s, resource %s", d.Provider, d.Resource)
	}
	if len(d.Checks) != 1 || len(d.Checks[0].Decision.Policies) != 1 || len(d.Checks[0].Decision.Policies[0].Statements[0].Conditions) != 2 {
		t.Errorf("checks: %+v", d.Checks)
	}
	// An expired token's trust policy is evaluated too.
	delete(web, "sub")
	web["sub"] = subject
	_, d = f.call(webForm("EKSServiceAccountRole", sign(t, web)), nil)
	if d.Error.Code != "ExpiredTokenException" || len(d.Checks) != 1 || !d.Checks[0].Decision.Allowed {
		t.Errorf("%+v %+v", d.Error, d.Checks)
	}
}
