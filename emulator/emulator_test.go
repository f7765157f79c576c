package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

const tutorial = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  my-cluster: {issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", region: us-west-2, account: "111122223333"}
accounts:
  "111122223333":
    oidcProviders:
      - {url: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", clientIDs: [sts.amazonaws.com]}
    policies:
      - name: SecretsManagerAccess
        document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["secretsmanager:GetSecretValue"], Resource: "arn:aws:secretsmanager:us-west-2:111122223333:secret:your-secret-name*"}]}
    roles:
      - name: EKSServiceAccountRole
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"}
              Action: sts:AssumeRoleWithWebIdentity
              Condition: {StringEquals: {"oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE:sub": "system:serviceaccount:your-namespace:your-service-account"}}
        attachedPolicies: ["arn:aws:iam::111122223333:policy/SecretsManagerAccess"]
    secrets:
      - {name: your-secret-name, region: us-west-2, value: '{"username":"admin","password":"s3cr3t"}'}
`

const tutorialRole = "arn:aws:iam::111122223333:role/EKSServiceAccountRole"

func startTutorial(t *testing.T) *Running {
	t.Helper()
	return startTutorialWith(t, Config{})
}

// startTutorialWith starts an emulator with the tutorial's state and region.
func startTutorialWith(t *testing.T, config Config) *Running {
	t.Helper()
	given, err := statefile.Parse("tutorial.yaml", []byte(tutorial), nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Region, config.Given = "us-west-2", []statefile.State{given}
	return Start(t, config)
}

// logBuffer is a log that a test reads while others write.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// textLogger logs everything as -v does.
func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// assume is AssumeRoleWithWebIdentity by the SDK's client.
func assume(t *testing.T, emu *Running, request TokenRequest) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	token, err := emu.Token(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	client := sts.NewFromConfig(emu.AWSConfig(), func(o *sts.Options) { o.RetryMaxAttempts = 1 })
	return client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(tutorialRole), RoleSessionName: aws.String("test"), WebIdentityToken: aws.String(token),
	})
}

func as(emu *Running, out *sts.AssumeRoleWithWebIdentityOutput) aws.Config {
	cfg := emu.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return cfg
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func callControl(t *testing.T, emu *Running, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, emu.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return resp.StatusCode
}

func TestTutorial(t *testing.T) {
	emu := startTutorial(t)
	out, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.AssumedRoleUser.Arn); got != "arn:aws:sts::111122223333:assumed-role/EKSServiceAccountRole/test" {
		t.Errorf("ARN %s", got)
	}
	secret, err := secretsmanager.NewFromConfig(as(emu, out)).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(secret.SecretString); got != `{"username":"admin","password":"s3cr3t"}` {
		t.Errorf("secret %s", got)
	}
	_, err = secretsmanager.NewFromConfig(as(emu, out)).ListSecrets(t.Context(), nil)
	wantCode(t, err, "AccessDeniedException")
}

func TestRefusalIsExplained(t *testing.T) {
	emu := startTutorial(t)
	_, err := assume(t, emu, TokenRequest{ServiceAccount: "other/your-service-account"})
	wantCode(t, err, "AccessDenied")
	var refused struct{ Decisions []*decision.Decision }
	callControl(t, emu, http.MethodGet, "/_emu/decisions?outcome=refused", "", &refused)
	if len(refused.Decisions) != 1 {
		t.Fatalf("%d decisions", len(refused.Decisions))
	}
	d := refused.Decisions[0]
	if d.Reason == nil || d.Reason.Kind != decision.TrustPolicy || d.Token.Subject != "system:serviceaccount:other:your-service-account" {
		t.Fatalf("decision %+v, reason %+v", d, d.Reason)
	}
	text := d.Text()
	for _, want := range []string{"system:serviceaccount:other:your-service-account", "system:serviceaccount:your-namespace:your-service-account", "StringEquals"} {
		if !strings.Contains(text, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, text)
		}
	}
	var one decision.Decision
	if status := callControl(t, emu, http.MethodGet, "/_emu/decisions/"+d.RequestID, "", &one); status != http.StatusOK || one.RequestID != d.RequestID {
		t.Errorf("status %d, decision %+v", status, one)
	}
	for _, path := range []string{"/_emu/decisions?outcome=refused", "/_emu/decisions/" + d.RequestID} {
		if got := asText(t, emu.URL+path); got != text {
			t.Errorf("%s as text:\n%s\nwant\n%s", path, got, text)
		}
	}
}

// asText asks the control API for text in place of JSON.
func asText(t *testing.T, url string) string {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/plain")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatalf("%s: %v, %v", res.Status, res.Header, err)
	}
	return string(body)
}

func TestClockExpiresSessionsAndTokens(t *testing.T) {
	emu := startTutorial(t)
	out, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	emu.Clock().Advance(61 * time.Minute)
	_, err = sts.NewFromConfig(as(emu, out), func(o *sts.Options) { o.RetryMaxAttempts = 1 }).GetCallerIdentity(t.Context(), nil)
	wantCode(t, err, "ExpiredToken")
	_, err = assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account", ExpiresInSeconds: -600})
	wantCode(t, err, "ExpiredTokenException")
}

// TestRotationStopsBeforeTheIssuerBreaks: of an issuer with over a hundred keys AWS accepts no token any more.
func TestRotationStopsBeforeTheIssuerBreaks(t *testing.T) {
	emu := Start(t, Config{Given: []statefile.State{{Issuers: []statefile.Issuer{{URL: "https://issuer.example.com", Alg: "ES256"}}}}})
	if _, err := emu.Token(t.Context(), TokenRequest{Issuer: "https://issuer.example.com", Subject: "s"}); err != nil {
		t.Fatal(err)
	}
	rotate := func() int {
		return callControl(t, emu, http.MethodPost, "/_emu/keys/rotate", `{"issuer": "https://issuer.example.com"}`, nil)
	}
	for n := 2; n <= mostKeys; n++ {
		if status := rotate(); status != http.StatusOK {
			t.Fatalf("key %d: status %d", n, status)
		}
	}
	if status := rotate(); status != http.StatusConflict {
		t.Errorf("one key too many: status %d", status)
	}
	if err := emu.Clock().Advance(keyOverlap + time.Minute); err != nil {
		t.Fatal(err)
	}
	if status := rotate(); status != http.StatusOK {
		t.Errorf("a day later: status %d", status)
	}
}

func TestStateRoundTrip(t *testing.T) {
	emu := startTutorial(t)
	if _, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"}); err != nil {
		t.Fatal(err) // the issuer has a key now, which is part of the state
	}
	var doc json.RawMessage
	if status := callControl(t, emu, http.MethodGet, "/_emu/state", "", &doc); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, doc)
	}
	given, err := statefile.Parse("exported.json", doc, nil)
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	again := Start(t, Config{Region: "us-west-2", Given: []statefile.State{given}})
	var second json.RawMessage
	callControl(t, again, http.MethodGet, "/_emu/state", "", &second)
	if !bytes.Equal(doc, second) {
		t.Errorf("first:\n%s\nsecond:\n%s", doc, second)
	}
	if status := callControl(t, again, http.MethodPost, "/_emu/state", string(doc), nil); status != http.StatusNoContent {
		t.Errorf("loading it again: status %d", status)
	}
}

func TestStateIsAllOrNothing(t *testing.T) {
	emu := Start(t, Config{})
	bad := `{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{
"secrets":[{"name":"kept?","value":"x"}],"roles":[{"name":"r","trustPolicy":{"Version":"2012-10-17","Statement":[]}}]}}}`
	var answer struct{ Error string }
	if status := callControl(t, emu, http.MethodPost, "/_emu/state", bad, &answer); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	if !strings.Contains(answer.Error, "request body:2:") {
		t.Errorf("the error does not say where: %s", answer.Error)
	}
	var doc statefile.State
	callControl(t, emu, http.MethodGet, "/_emu/state", "", &doc)
	if len(doc.Accounts["111122223333"].Secrets) != 0 {
		t.Error("half of the document was applied")
	}
}

func TestFaults(t *testing.T) {
	emu := startTutorial(t)
	if status := callControl(t, emu, http.MethodPost, "/_emu/faults",
		`{"match":{"action":"AssumeRoleWithWebIdentity"},"fault":{"code":"IDPCommunicationError","status":400},"times":1}`, nil); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	request := TokenRequest{ServiceAccount: "your-namespace/your-service-account"}
	_, err := assume(t, emu, request)
	wantCode(t, err, "IDPCommunicationError")
	if _, err := assume(t, emu, request); err != nil {
		t.Errorf("the fault was used up: %v", err)
	}
	callControl(t, emu, http.MethodPost, "/_emu/faults", `{"fault":{"dropConnection":true},"times":1}`, nil)
	if _, err := assume(t, emu, request); err == nil {
		t.Error("the connection was to be dropped")
	}
	if status := callControl(t, emu, http.MethodPost, "/_emu/faults", `{"fault":{}}`, nil); status != http.StatusBadRequest {
		t.Errorf("a fault that does nothing: status %d", status)
	}
}

func TestPublishedKeysAndRotation(t *testing.T) {
	emu := startTutorial(t)
	old, err := emu.Token(t.Context(), TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	var rotated struct{ Issuer, KeyID string }
	if status := callControl(t, emu, http.MethodPost, "/_emu/keys/rotate", `{"issuer":"`+emu.Issuer()+`"}`, &rotated); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	var keys struct{ Keys []struct{ Kid string } }
	callControl(t, emu, http.MethodGet, "/id/EXAMPLED539D4633E53DE1B71EXAMPLE/keys", "", &keys)
	if len(keys.Keys) != 2 || keys.Keys[0].Kid == keys.Keys[1].Kid {
		t.Errorf("keys %+v, want the new and the old one", keys)
	}
	client := sts.NewFromConfig(emu.AWSConfig())
	if _, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(tutorialRole), RoleSessionName: aws.String("old"), WebIdentityToken: aws.String(old),
	}); err != nil {
		t.Errorf("a token of the old key, which is still published: %v", err)
	}
	if status := callControl(t, emu, http.MethodPut, "/_emu/issuers", `{"url":"https://issuer.example.com","jwks":{"keys":[]}}`, nil); status != http.StatusNoContent {
		t.Errorf("publishing: status %d", status)
	}
	if status := callControl(t, emu, http.MethodPost, "/_emu/tokens", `{"issuer":"https://issuer.example.com","subject":"x"}`, nil); status != http.StatusConflict {
		t.Errorf("a token of somebody else's issuer: status %d", status)
	}
}

func TestControlIsForLoopbackOnly(t *testing.T) {
	emu := Start(t, Config{ControlToken: "s3cr3t"})
	for _, tt := range []struct {
		name   string
		header http.Header
		host   string
		status int
	}{
		{"loopback needs no token", nil, "", http.StatusOK},
		{"a wrong token is refused", http.Header{"Authorization": {"Bearer wrong"}}, "", http.StatusForbidden},
		{"the token is taken", http.Header{"Authorization": {"Bearer s3cr3t"}}, "", http.StatusOK},
		{"a web page of another origin is refused", http.Header{"Origin": {"https://evil.example"}}, "", http.StatusForbidden},
		{"a rebound name is refused", nil, "evil.example", http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, emu.URL+"/_emu/clock", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != nil {
				req.Header = tt.header
			}
			req.Host = tt.host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
		})
	}
}

func TestDefaultChain(t *testing.T) {
	emu := startTutorial(t)
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion("us-west-2"), config.WithBaseEndpoint(emu.URL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("444455556666", "test", "")))
	if err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.Account) != "444455556666" {
		t.Errorf("account %s", aws.ToString(out.Account))
	}
}
