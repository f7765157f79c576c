package sts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"hash/fnv"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts/ststest"
	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	home    = ststest.Home
	away    = ststest.Away
	issuer  = ststest.Issuer
	ghost   = "https://oidc.eks.us-west-2.amazonaws.com/id/NOBODY"
	github  = "https://token.actions.githubusercontent.com"
	google  = "https://accounts.google.com"
	cognito = "https://cognito-identity.amazonaws.com"
	subject = ststest.Subject
	userKey = "AKIAIOSFODNN7EXAMPLE"
)

// epoch is the fixed time of all tests.
var epoch = ststest.Epoch

// signer makes tokens; one key serves the whole package, since making one is slow.
var signer = sync.OnceValue(func() *oidc.Issuer {
	key, err := oidc.GenerateKey("RS256", rand.Reader)
	if err != nil {
		panic(err)
	}
	return &oidc.Issuer{URL: issuer, Keys: []*oidc.SigningKey{key}}
})

// seeded is a source of random bytes that a test can restart.
type seeded struct {
	mu  sync.Mutex
	src *mathrand.ChaCha8
}

func (s *seeded) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Read(b)
}

func (s *seeded) restart(name string) {
	h := fnv.New64a()
	io.WriteString(h, name)
	var seed [32]byte
	copy(seed[:], h.Sum(nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.src = mathrand.NewChaCha8(seed)
}

// fixture is an STS with two accounts, providers, roles and a user.
type fixture struct {
	*Service
	store *state.Store
	rand  *seeded
	now   time.Time
	// keys are the issuers whose keys can be found.
	keys map[string]bool
}

func document(text string) iam.Document {
	parsed, err := policy.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return iam.NewDocument(parsed)
}

// trustWeb is a trust policy of one statement.
func trustWeb(provider, actions, conditions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":` + actions + conditions + `}]}`
}

func trustAWS(principal, actions, conditions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":` + actions + conditions + `}]}`
}

const (
	allActions = `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`
	webAction  = `"sts:AssumeRoleWithWebIdentity"`
	awsActions = `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`
)

func roles() []*iam.Role {
	host := strings.TrimPrefix(issuer, "https://")
	eks := providerARN(home, issuer)
	tutorial := `,"Condition":{"StringEquals":{"` + host + `:aud":"sts.amazonaws.com","` + host + `:sub":"` + subject + `"}}`
	makeRole := func(account, path, name, trust string) *iam.Role {
		return &iam.Role{Account: account, Path: path, Name: name, ID: "AROA" + strings.ToUpper((strings.ReplaceAll(name, "-", "") + "AAAAAAAAAAAAAAAAA")[:17]),
			Created: epoch.Add(-time.Hour), MaxSessionDuration: 3600, Trust: document(trust)}
	}
	list := []*iam.Role{
		makeRole(home, "/", "EKSServiceAccountRole", trustWeb(eks, webAction, tutorial)),
		makeRole(home, "/", "open", trustWeb(eks, allActions, "")),
		makeRole(home, "/team/", "in-a-path", trustWeb(eks, allActions, "")),
		makeRole(home, "/", "no-tagging", trustWeb(eks, webAction, "")),
		makeRole(home, "/", "wildcard", trustWeb(eks, webAction, `,"Condition":{"StringEquals":{"`+host+`:sub":"system:serviceaccount:your-namespace:*"}}`)),
		makeRole(home, "/", "denied", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"Federated":"`+eks+`"},"Action":`+allActions+`},
			{"Effect":"Deny","Principal":{"Federated":"`+eks+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+host+`:sub":"`+subject+`"}}}]}`),
		makeRole(home, "/", "aws-anyone", trustAWS("*", `"sts:AssumeRoleWithWebIdentity"`, "")),
		makeRole(home, "/", "ghost-only", trustWeb(providerARN(home, ghost), allActions, "")),
		makeRole(home, "/", "gone-provider", trustWeb(providerARN(home, "https://deleted.example.com"), allActions, "")),
		makeRole(away, "/", "shared", trustWeb(providerARN(home, issuer), allActions, "")),
		makeRole(home, "/", "other-provider", trustWeb(providerARN(home, github), allActions, `,"Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:ref:refs/heads/main"}}`)),
		makeRole(home, "/", "idp-true", trustWeb(eks, webAction, `,"Condition":{"Bool":{"sts:RoleAuthorizedByIdp":"true"}}`)),
		makeRole(home, "/", "idp-false", trustWeb(eks, webAction, `,"Condition":{"Bool":{"sts:RoleAuthorizedByIdp":"false"}}`)),
		makeRole(home, "/", "keys", trustWeb(eks, allActions, `,"Condition":{"StringEquals":{"aws:PrincipalAccount":"`+home+`","aws:PrincipalType":"User","aws:userid":"`+eks+`","sts:RoleSessionName":"session","aws:ResourceTag/team":"payments","aws:ResourceAccount":"`+home+`"},"Null":{"aws:PrincipalArn":"true","`+host+`:iss":"true"}}`)),
		makeRole(home, "/", "long", trustWeb(eks, allActions, "")),
		makeRole(away, "/", "abroad", trustWeb(providerARN(away, issuer), allActions, "")),
		makeRole(home, "/", "github-actions", trustWeb(providerARN(home, github), webAction, `,"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo-org/*"},"StringEquals":{"token.actions.githubusercontent.com:repository_id":"42"}}`)),

		makeRole(home, "/", "google", trustWeb("accounts.google.com", allActions, `,"Condition":{"StringEquals":{"accounts.google.com:aud":"112233445566778899001","accounts.google.com:oaud":"sts.amazonaws.com","accounts.google.com:sub":"112233445566778899001"}}`)),
		makeRole(home, "/", "google-audience", trustWeb("accounts.google.com", webAction, `,"Condition":{"StringEquals":{"accounts.google.com:aud":"sts.amazonaws.com"}}`)),
		makeRole(home, "/", "google-provider", trustWeb(providerARN(home, google), webAction, `,"Condition":{"StringEquals":{"accounts.google.com:aud":"112233445566778899001"}}`)),
		makeRole(away, "/", "google-abroad", trustWeb("accounts.google.com", webAction, `,"Condition":{"StringEquals":{"accounts.google.com:sub":"112233445566778899001"}}`)),
		makeRole(home, "/", "pool", trustWeb("cognito-identity.amazonaws.com", allActions, `,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:12345678-dead-beef-cafe-123456790ab"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`)),

		makeRole(home, "/", "for-account", trustAWS("arn:aws:iam::"+home+":root", awsActions, "")),
		makeRole(home, "/", "for-alice", trustAWS("arn:aws:iam::"+home+":user/alice", awsActions, "")),
		makeRole(home, "/", "next", trustAWS("arn:aws:iam::"+home+":role/open", awsActions, "")),
		makeRole(home, "/", "only-assume", trustAWS("arn:aws:iam::"+home+":user/alice", `"sts:AssumeRole"`, "")),
		makeRole(away, "/", "cross", trustAWS("arn:aws:iam::"+home+":root", awsActions, `,"Condition":{"StringEquals":{"sts:ExternalId":"42-agreed"}}`)),
	}
	for _, r := range list {
		switch r.Name {
		case "keys":
			r.Tags = []aws.Tag{{Key: "team", Value: "payments"}}
		case "long":
			r.MaxSessionDuration = 7200
		case "open":
			r.Inline = []iam.InlinePolicy{{Name: "chain", Document: document(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)}}
		}
	}
	return list
}

// allKeys are the issuers whose keys can be found, or cannot.
func allKeys(found bool) map[string]bool {
	return map[string]bool{issuer: found, github: found, google: found, cognito: found}
}

func newFixture(t testing.TB) *fixture { return newSeededFixture(t, "fixture") }

func newSeededFixture(t testing.TB, seed string) *fixture {
	t.Helper()
	f := &fixture{rand: &seeded{}, now: epoch, keys: allKeys(true)}
	f.rand.restart(seed)
	var kinds []state.Kind
	kinds = append(append(kinds, iam.Kinds()...), Kinds()...)
	store, err := state.Open(context.Background(), state.NewMemory(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f.store = store
	err = store.Update(context.Background(), func(tx *state.Txn) error {
		for _, r := range roles() {
			tx.Put(r)
		}
		for _, p := range []*iam.OIDCProvider{
			{Account: home, URL: strings.TrimPrefix(issuer, "https://"), ClientIDs: []string{"sts.amazonaws.com", "client-b"}},
			{Account: home, URL: strings.TrimPrefix(github, "https://"), ClientIDs: []string{"sts.amazonaws.com"}},
		} {
			p.Created = epoch.Add(-time.Hour)
			tx.Put(p)
		}
		tx.Put(&iam.User{Account: home, Path: "/", Name: "alice", ID: "AIDAALICEAAAAAAAAAAAA", Permissions: iam.Permissions{
			Inline: []iam.InlinePolicy{{Name: "federate", Document: document(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:GetFederationToken","sts:AssumeRole","sts:TagSession"],"Resource":["arn:aws:iam::` + away + `:role/*","arn:aws:sts::` + home + `:federated-user/*"]}]}`)}},
		}})
		tx.Put(&iam.AccessKey{Account: home, UserID: "AIDAALICEAAAAAAAAAAAA", ID: userKey, Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
		tx.Put(&iam.AccessKey{Account: home, UserID: "AIDAALICEAAAAAAAAAAAA", ID: "AKIAINACTIVEEXAMPLE1", Secret: "x", Inactive: true})
		doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
		tx.Put(&iam.Policy{Account: home, Path: "/", Name: "Read", ID: "ANPAREADAAAAAAAAAAAAA", Default: 1, Last: 1,
			Versions: []iam.PolicyVersion{{Number: 1, Document: document(doc)}}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Service, err = New(context.Background(), Config{
		Store: store, AdminSecret: "test", DefaultAccount: home, Rand: f.rand, Now: func() time.Time { return f.now },
		Keys: oidc.KeysFunc(func(url string) (*oidc.KeySet, bool) {
			if !f.keys[url] {
				return nil, false
			}
			return signer().KeySet(), true
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// claims are those of the tutorial's service account.
func claims() map[string]any { return ststest.Claims() }

func sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	token, err := signer().Sign(claims, oidc.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const requestID = "01234567-89ab-4cde-8f01-23456789abcd"

func (f *fixture) request(form url.Values, p *api.Principal) *api.Request {
	r := httptest.NewRequest(http.MethodPost, "http://sts.us-west-2.amazonaws.com/", nil)
	r.RemoteAddr = "127.0.0.1:40000"
	return &api.Request{
		Call: &wire.Call{
			ID: requestID, Service: "sts", Action: form.Get("Action"), Version: form.Get("Version"), Region: "us-west-2", HTTP: r, Form: form,
		},
		Principal: p, State: f.store.Snapshot(), Now: f.now, PoliciesOf: iam.PoliciesOf, Decision: &decision.Decision{RequestID: requestID},
	}
}

// call runs one action, unsigned if p is nil.
func (f *fixture) call(form url.Values, p *api.Principal) (*httptest.ResponseRecorder, *decision.Decision) {
	if !form.Has("Version") {
		form.Set("Version", Version)
	}
	req := f.request(form, p)
	w := httptest.NewRecorder()
	api.Answer(f.Service, w, req)
	return w, req.Decision
}

// principal authenticates an access key.
func (f *fixture) principal(t testing.TB, id, sessionToken string) *api.Principal {
	t.Helper()
	p, _, err := f.Authenticate(f.store.Snapshot(), &wire.Signature{AccessKeyID: id, SecurityToken: sessionToken}, f.now)
	if err != nil {
		t.Fatalf("authenticating %s: %v (%s)", id, err, err.Hint)
	}
	return p
}

func webForm(role, token string) url.Values {
	return url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {"arn:aws:iam::" + home + ":role/" + role},
		"RoleSessionName": {"session"}, "WebIdentityToken": {token},
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// providerARN is the ARN of an account's provider for an issuer.
func providerARN(account, issuer string) string {
	return aws.ProviderARN("", account, issuer)
}
