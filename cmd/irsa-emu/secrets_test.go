package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What must not be seen; each is said in full, and recognisable.
const (
	adminSecret  = "XADMINSECRETX"
	controlToken = "XCONTROLTOKENX"
	userSecret   = "XUSERSECRETKEYX/XUSERSECRETKEYX+XXXXXXXX"
	secretValue  = "XSECRETVALUEX"
	objectValue  = "XOBJECTVALUEX"
)

const secretState = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  c: {issuer: "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"}
accounts:
  "111122223333":
    oidcProviders: [{url: "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", clientIDs: [sts.amazonaws.com]}]
    roles:
      - name: app
        trustPolicy: {Version: "2012-10-17", Statement: [
          {Effect: Allow, Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"}, Action: "sts:AssumeRoleWithWebIdentity",
           Condition: {StringEquals: {"oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE:sub": "system:serviceaccount:ns:sa"}}},
          {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole"}]}
        inlinePolicies: {some: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["secretsmanager:GetSecretValue", "s3:GetObject", "sts:AssumeRole"], Resource: "*"}]}}
    users:
      - name: alice
        accessKeys: [{id: AKIAIOSFODNN7EXAMPLE, secret: ` + userSecret + `}]
    secrets: [{name: db, region: us-east-1, value: ` + secretValue + `}]
    buckets: [{name: reports, objects: {a.txt: {content: ` + objectValue + `}}}]
`

// echoed are the elements in which S3 gives its caller back what it sent, as
// AWS does: the session token itself and the request that was signed.
var echoed = regexp.MustCompile(`(?s)<(Token-0|CanonicalRequest|CanonicalRequestBytes)>.*</(Token-0|CanonicalRequest|CanonicalRequestBytes)>`)

// leaks collects what is secret, and what was seen.
type leaks struct {
	t       *testing.T
	emu     *served
	secrets map[string]string // text -> what it is
	seen    map[string]*bytes.Buffer
}

func (l *leaks) secret(what, text string) {
	if len(text) < 10 {
		l.t.Fatalf("%s: %q would be found by chance", what, text)
	}
	l.secrets[text] = what
	l.secrets[url.QueryEscape(text)] = what + ", escaped"
}

func (l *leaks) see(where, text string) {
	if l.seen[where] == nil {
		l.seen[where] = &bytes.Buffer{}
	}
	l.seen[where].WriteString(text + "\n")
}

// answer sees an answer that is an error, headers included.
func (l *leaks) answer(what string, resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode >= 400 {
		body = echoed.ReplaceAll(body, nil)
		l.see("error answers", fmt.Sprintf("%s: %s %v %s", what, resp.Status, resp.Header, body))
	}
}

// config is an SDK configuration that shows errors to the test.
func (l *leaks) config(c aws.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(l.emu.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("see", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleDeserialize(ctx, in)
				if resp, ok := out.RawResponse.(*smithyhttp.Response); ok {
					l.answer("a call of the SDK", resp.Response)
				}
				return out, meta, err
			}), middleware.After)
		}},
	}
}

func (l *leaks) post(path string, header http.Header, body string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.emu.url+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	l.answer("POST "+path, resp)
	return resp
}

func (l *leaks) token(serviceAccount string, expires int) string {
	l.t.Helper()
	resp, err := http.Post(l.emu.url+"/_emu/tokens", "application/json", strings.NewReader(fmt.Sprintf(`{"serviceAccount":%q,"expiresInSeconds":%d}`, serviceAccount, expires)))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" {
		l.t.Fatal(out, err)
	}
	l.secret("a web identity token", out.Token)
	l.secret("a web identity token's signature", out.Token[strings.LastIndexByte(out.Token, '.')+1:])
	return out.Token
}

func (l *leaks) credentials(what string, id, secret, session *string) aws.Credentials {
	l.secret("the secret key of "+what, *secret)
	l.secret("the session token of "+what, *session)
	return aws.Credentials{AccessKeyID: *id, SecretAccessKey: *secret, SessionToken: *session}
}

// Secrets, tokens and keys are in no log, metric, record, decision or error
// answer, whatever is called, however wrongly.
func TestNothingLeaks(t *testing.T) {
	dir := t.TempDir()
	given, trail, ready := filepath.Join(dir, "state.yaml"), filepath.Join(dir, "trail.jsonl"), filepath.Join(dir, "ready.json")
	if err := os.WriteFile(given, []byte(secretState), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &leaks{t: t, secrets: map[string]string{}, seen: map[string]*bytes.Buffer{}}
	l.emu = serve(t, "--given", given, "--cloudtrail", trail, "--ready-file", ready, "--admin-secret", adminSecret, "--control-token", controlToken)
	for what, text := range map[string]string{
		"the admin secret": adminSecret, "the control token": controlToken, "a user's secret key": userSecret,
		"a secret's value": secretValue, "an object": objectValue,
	} {
		l.secret(what, text)
	}
	l.wellMeant()
	l.wrong()
	l.collect(trail, ready)
	for where, text := range l.seen {
		t.Logf("%s: %d bytes", where, text.Len())
		for secret, what := range l.secrets {
			if at := bytes.Index(text.Bytes(), []byte(secret)); at >= 0 {
				t.Errorf("%s shows %s: …%.200s…", where, what, text.Bytes()[max(0, at-100):])
			}
		}
	}
	for _, where := range []string{"the log", "CloudTrail records", "decisions", "metrics", "error answers", "explain", "stdout"} {
		if l.seen[where] == nil || l.seen[where].Len() == 0 {
			t.Errorf("nothing was seen of %s", where)
		}
	}
}

// wellMeant makes calls of every service as they should be, allowed and refused.
func (l *leaks) wellMeant() {
	t, ctx := l.t, l.t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(_ any, err error) {
		t.Helper()
		if err == nil {
			t.Fatal("it was to be refused")
		}
	}
	admin := aws.Credentials{AccessKeyID: "test", SecretAccessKey: adminSecret}
	role := aws.String("arn:aws:iam::111122223333:role/app")
	anonymous := sts.NewFromConfig(l.config(admin))
	web, err := anonymous.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("s1"), WebIdentityToken: aws.String(l.token("ns/sa", 3600))})
	must(web, err)
	pod := l.credentials("the pod", web.Credentials.AccessKeyId, web.Credentials.SecretAccessKey, web.Credentials.SessionToken)
	refused(anonymous.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("s2"), WebIdentityToken: aws.String(l.token("other/sa", 3600))}))
	refused(anonymous.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("s3"), WebIdentityToken: aws.String(l.token("ns/sa", -3600))}))
	altered := l.token("ns/sa", 3600)
	altered = altered[:len(altered)-8] + "AAAAAAAA"
	l.secret("an altered token", altered)
	refused(anonymous.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("s4"), WebIdentityToken: aws.String(altered)}))

	for _, c := range []aws.Credentials{admin, pod, {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: userSecret}} {
		cfg := l.config(c)
		must(sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil))
		if c.SessionToken == "" {
			session, err := sts.NewFromConfig(cfg).GetSessionToken(ctx, nil)
			must(session, err)
			l.credentials("a session", session.Credentials.AccessKeyId, session.Credentials.SecretAccessKey, session.Credentials.SessionToken)
		}
		if c.AccessKeyID == "AKIAIOSFODNN7EXAMPLE" {
			refused(secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("db")}))
			refused(s3.NewFromConfig(cfg, pathStyle).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String("a.txt")}))
			refused(eks.NewFromConfig(cfg).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")}))
			continue
		}
		must(secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("db")}))
		must(s3.NewFromConfig(cfg, pathStyle).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String("a.txt")}))
	}
	cfg := l.config(admin)
	chained, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role, RoleSessionName: aws.String("chained")})
	must(chained, err)
	l.credentials("a chained session", chained.Credentials.AccessKeyId, chained.Credentials.SecretAccessKey, chained.Credentials.SessionToken)
	federated, err := sts.NewFromConfig(cfg).GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("bob")})
	must(federated, err)
	l.credentials("a federated session", federated.Credentials.AccessKeyId, federated.Credentials.SecretAccessKey, federated.Credentials.SessionToken)
	key, err := iam.NewFromConfig(cfg).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")})
	must(key, err)
	l.secret("a new secret key", *key.AccessKey.SecretAccessKey)
	refused(iam.NewFromConfig(cfg).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("nobody")}))
	must(eks.NewFromConfig(cfg).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")}))
	sm := secretsmanager.NewFromConfig(cfg)
	for _, put := range []*secretsmanager.PutSecretValueInput{
		{SecretId: aws.String("db"), SecretString: aws.String("XANOTHERVALUEX")}, {SecretId: aws.String("db"), SecretBinary: []byte("XBINARYVALUEX")},
	} {
		must(sm.PutSecretValue(ctx, put))
	}
	must(sm.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("new"), SecretString: aws.String("XANOTHERVALUEX")}))
	must(sm.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: aws.String("new"), SecretString: aws.String("XTHIRDVALUEX")}))
	refused(sm.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("new"), SecretString: aws.String("XANOTHERVALUEX")}))
	refused(sm.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("both"), SecretString: aws.String("XANOTHERVALUEX"), SecretBinary: []byte("XBINARYVALUEX")}))
	refused(sm.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("absent"), SecretString: aws.String("XANOTHERVALUEX")}))
	password, err := sm.GetRandomPassword(ctx, nil)
	must(password, err)
	l.secret("a random password", *password.RandomPassword)
	for what, text := range map[string]string{
		"another value": "XANOTHERVALUEX", "a third value": "XTHIRDVALUEX", "a binary value": "XBINARYVALUEX", "a binary value in base64": "WEJJTkFSWVZBTFVFWA",
	} {
		l.secret(what, text)
	}
	must(s3.NewFromConfig(cfg, pathStyle).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String("b.txt"), Body: strings.NewReader(objectValue)}))

	presigned, err := s3.NewPresignClient(s3.NewFromConfig(l.config(pod), pathStyle)).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String("absent.txt")})
	must(presigned, err)
	resp, err := http.Get(presigned.URL)
	must(resp, err)
	l.answer("a presigned call", resp)
	for what, wrong := range map[string]aws.Credentials{
		"an administrator's secret": {AccessKeyID: "test", SecretAccessKey: "XWRONGSECRETX"},
		"a session's secret":        {AccessKeyID: pod.AccessKeyID, SecretAccessKey: "XWRONGSECRETX", SessionToken: pod.SessionToken},
		"a session's token":         {AccessKeyID: pod.AccessKeyID, SecretAccessKey: pod.SecretAccessKey, SessionToken: pod.SessionToken[:len(pod.SessionToken)-12] + "XXXXXXXXXXXX"},
		"a key without its token":   {AccessKeyID: pod.AccessKeyID, SecretAccessKey: pod.SecretAccessKey},
		"a user's key with a token": {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: userSecret, SessionToken: pod.SessionToken},
	} {
		l.secret("a wrong secret key", "XWRONGSECRETX")
		if wrong.SessionToken != "" {
			l.secret("the wrong session token: "+what, wrong.SessionToken)
		}
		refused(sts.NewFromConfig(l.config(wrong)).GetCallerIdentity(ctx, nil))
		refused(secretsmanager.NewFromConfig(l.config(wrong)).ListSecrets(ctx, nil))
		refused(s3.NewFromConfig(l.config(wrong), pathStyle).ListBuckets(ctx, nil))
		refused(eks.NewFromConfig(l.config(wrong)).ListClusters(ctx, nil))
		refused(iam.NewFromConfig(l.config(wrong)).ListRoles(ctx, nil))
	}
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// wrong makes calls that no SDK makes, with secrets where they do not belong.
func (l *leaks) wrong() {
	token := l.token("ns/sa", 3600)
	form := func(values ...string) string {
		f := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::111122223333:role/app"}, "RoleSessionName": {"session"}}
		for i := 0; i < len(values); i += 2 {
			f.Set(values[i], values[i+1])
		}
		return f.Encode()
	}
	long := strings.Repeat("XLONGTOKENX", 3000)
	l.secret("a token that is too long", "XLONGTOKENXXLONGTOKENX")
	for _, body := range []string{
		form("WebIdentityToken", long),
		form("WebIdentityToken", long[:15000]),
		form("WebIdentityToken", token+"."+token),
		form("WebIdentityToken", token[:len(token)/2]),
		form("WebIdentityToken", " "+token),
		form("WebIdentityToken", token, "ProviderId", "www.amazon.com"),
		form("WebIdentityToken", token, "RoleArn", "arn:aws:iam::111122223333:role/absent"),
		form("WebIdentityToken", token, "Policy", "{"),
		form("WebIdentityToken", token, "Action", "AssumeRoleWithWebIdentityy"),
		form("WebIdentityToken", token, "Version", "2010-05-08"),
		form("WebIdentityToken", token) + "&bad=%zz",
	} {
		l.post("/", nil, body)
	}
	resp, err := http.Get(l.emu.url + "/?" + form("WebIdentityToken", token[:len(token)-4]))
	if err != nil {
		l.t.Fatal(err)
	}
	l.answer("GET", resp)
	json := func(target string) http.Header {
		return http.Header{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.1"}}
	}
	for _, target := range []string{"secretsmanager.PutSecretValue", "secretsmanager.CreateSecret", "secretsmanager.MadeUp", "madeup.PutSecretValue"} {
		l.post("/", json(target), `{"SecretId":"db","SecretString":"XANOTHERVALUEX"}`)
		l.post("/", json(target), `{"SecretId":"db","SecretString":"XANOTHERVALUEX"`)
	}
	for _, authorization := range []string{
		"AWS4-HMAC-SHA256 Credential=test/20261125/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=" + adminSecret,
		"AWS4-HMAC-SHA256 " + adminSecret,
		"Bearer " + token, "Basic " + adminSecret,
	} {
		l.post("/", http.Header{"Authorization": {authorization}, "X-Amz-Security-Token": {"XNOSESSIONTOKENX"}}, "Action=GetCallerIdentity&Version=2011-06-15")
	}
	l.secret("a session token that is none", "XNOSESSIONTOKENX")
	l.post("/_emu/clock", http.Header{"Authorization": {"Bearer " + controlToken + "Y"}}, `{"advance":"1h"}`)
	l.post("/_emu/clock", http.Header{"Authorization": {"Bearer " + controlToken}}, `{"advance":"soon"}`)
	l.post("/_emu/tokens", nil, `{"serviceAccount":"ns/sa","claims":`)
	for _, state := range []string{
		`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"secrets":[{"name":"x","value":"XANOTHERVALUEX","valu":"y"}]}}}`,
		`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"users":[{"name":"u","accessKeys":[{"id":"short","secret":"XANOTHERVALUEX"}]}]}}}`,
		`{"apiVersion":"irsa-emu.dev/v1","kind":"State","issuers":[{"url":"https://i.example.com","signingKeys":["-----BEGIN PRIVATE KEY-----\nXANOTHERVALUEX\n-----END PRIVATE KEY-----"]}]}`,
	} {
		l.post("/_emu/state", nil, state)
	}
}

// collect sees all that the emulator says of itself.
func (l *leaks) collect(trail, ready string) {
	t := l.t
	t.Helper()
	fetch := func(where, path string) string {
		t.Helper()
		status, body, err := l.emu.get(path)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, status, err)
		}
		l.see(where, body)
		return body
	}
	fetch("metrics", "/metrics")
	fetch("readiness", "/readyz")
	fetch("issuers", "/_emu/issuers")
	fetch("faults", "/_emu/faults")
	var kept struct{ Decisions []struct{ RequestID string } }
	if err := json.Unmarshal([]byte(fetch("decisions", "/_emu/decisions?limit=1000")), &kept); err != nil {
		t.Fatal(err)
	}
	if len(kept.Decisions) < 60 {
		t.Errorf("only %d decisions", len(kept.Decisions))
	}
	env := func(string) (string, bool) { return "", false }
	for _, d := range kept.Decisions {
		var stdout, stderr bytes.Buffer
		run(t.Context(), []string{"explain", "--url", l.emu.url, d.RequestID}, env, strings.NewReader(""), &stdout, &stderr)
		l.see("explain", stdout.String()+stderr.String())
	}
	if content, err := os.ReadFile(ready); err != nil {
		t.Error(err)
	} else {
		l.see("the ready file", string(content))
	}
	l.emu.signal()
	l.emu.wantExit(0)
	l.see("the log", l.emu.stderr.String())
	l.see("stdout", l.emu.stdout.String())
	content, err := os.ReadFile(trail)
	if err != nil {
		t.Fatal(err)
	}
	l.see("CloudTrail records", string(content))
}

// A password that somebody writes into a store's address is not printed.
func TestStorePasswordIsNotPrinted(t *testing.T) {
	for _, store := range []string{
		"etcd://root:XPASSWORDX@127.0.0.1:2379/irsa", "etcd://127.0.0.1:2379/irsa?password=XPASSWORDX", "etcd://127.0.0.1:2379/irsa?username=root:XPASSWORDX&tls=maybe",
		"etcd://root:XPASSWORDX", "etcd://root:XPASSWORDX/irsa@127.0.0.1:2379", "postgres://root:XPASSWORDX@127.0.0.1/irsa", "etcds://root:XPASSWORDX@127.0.0.1:2379",
	} {
		for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--store", store}, {"state", "export", store}} {
			var stdout, stderr bytes.Buffer
			env := func(string) (string, bool) { return "", false }
			if code := run(t.Context(), args, env, strings.NewReader(""), &stdout, &stderr); code != exitUsage {
				t.Errorf("%q: exit code %d", args, code)
			}
			if strings.Contains(stderr.String()+stdout.String(), "XPASSWORDX") || stderr.Len() == 0 {
				t.Errorf("%q: %s%s", args, &stdout, &stderr)
			}
		}
	}
}
