package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/emulatortest"
	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// issuer is whose tokens the API server gives out.
const issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"

// signingKey is one key for all cases: making one costs time.
var signingKey = func() *oidc.SigningKey {
	key, err := oidc.GenerateKey("ES256", nil)
	if err != nil {
		panic(err)
	}
	return key
}()

// story is case.yaml of a case.
type story struct {
	Pod            string `yaml:"pod"`
	ServiceAccount string `yaml:"serviceAccount"` // default: app
	// Without names objects of base.yaml, as KIND/NAME, that this cluster lacks.
	Without []string `yaml:"without"`
	// Forbidden are what the user may not do: "list services".
	Forbidden []string `yaml:"forbidden"`
	// Refused is why admission refuses new pods.
	Refused string `yaml:"refused"`
	// Deaf is a webhook that the API server does not reach.
	Deaf bool `yaml:"deaf"`
	// Association is an EKS Pod Identity association of the service account.
	Association bool `yaml:"association"`
	// Unpublished: nobody gave the cluster's keys to the emulator.
	Unpublished bool `yaml:"unpublished"`
	// OtherKeys: the emulator has keys of the issuer that are not the cluster's.
	OtherKeys bool `yaml:"otherKeys"`
	// Ahead is how far the emulator's clock is.
	Ahead time.Duration `yaml:"ahead"`
	// Handshakes is what the webhook lists, as JSON.
	Handshakes string `yaml:"handshakes"`
	// Logs are of pods, as POD/CONTAINER.
	Logs map[string]string `yaml:"logs"`
	// Denied: the service account's session was refused a secret.
	Denied bool `yaml:"denied"`
	// AWS asks AWS's STS, which answers with this code and message, or with a session.
	AWS *struct{ Code, Message string } `yaml:"aws"`
}

// A case is an archive: case.yaml, the objects that the cluster has beside those
// of base.yaml or in place of them, the emulator's state unless it is
// base-state.yaml, and what the doctor prints.
func TestCases(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) { golden.Set(a, "want", examineCase(t, a)) })
}

func fileOf(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func examineCase(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	var s story
	if err := yaml.Unmarshal([]byte(fileOf(archive, "case.yaml")), &s); err != nil {
		t.Fatal(err)
	}
	state := fileOf(archive, "state.yaml")
	if state == "" {
		state = read(t, "testdata/base-state.yaml")
	}
	now := time.Now()
	emu := startEmulator(t, s, ago(now, state))
	api := newCluster(t, s, ago(now, read(t, "testdata/base.yaml")), ago(now, fileOf(archive, "cluster.yaml")))
	client, err := kube.New(&rest.Config{Host: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		API: client, Cluster: "test", Now: func() time.Time { return now }, Namespace: "demo", Pod: s.Pod, ServiceAccount: s.ServiceAccount,
		Forward: func(_ context.Context, namespace, pod string, port int) (string, error) {
			if namespace == "irsa-emu" && pod == "pod-identity-webhook-1" && port == 9999 && s.Handshakes != "" {
				return handshakes(t, ago(now, s.Handshakes)), nil
			}
			if namespace != "irsa-emu" || pod != "irsa-emu-1" || port != 4772 {
				return "", fmt.Errorf("pods %q not found", fmt.Sprint(namespace, "/", pod, ":", port))
			}
			return emu.URL, nil
		},
	}
	if s.Pod == "" && s.ServiceAccount == "" {
		c.ServiceAccount = "app"
	}
	if s.AWS != nil {
		c.AWS, c.STS = true, emu.URL
		if s.AWS.Code != "" {
			c.STS = refusingSTS(t, s.AWS.Code, s.AWS.Message)
		}
	}
	var out bytes.Buffer
	text := NewText(&out, false)
	c.AfterLink = text.Link
	report, err := Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := text.Verdict(report); err != nil {
		t.Fatal(err)
	}
	return masked(out.String(), emu.URL)
}

var (
	agoPattern     = regexp.MustCompile(`ago\((\w+)\)`)
	timePattern    = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	epochPattern   = regexp.MustCompile(`(time|date/time) \d{10}`)
	otherPattern   = regexp.MustCompile(`the key set has "[^"]*"`)
	sincePattern   = regexp.MustCompile(`\d+h\d+m\d+s`)
	requestPattern = regexp.MustCompile(`explain [0-9a-f-]{36}`)
	uuidPattern    = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// ago replaces ago(3h) with a time, so that cases age as the clock goes.
func ago(now time.Time, s string) string {
	return agoPattern.ReplaceAllStringFunc(s, func(m string) string {
		d, err := time.ParseDuration(agoPattern.FindStringSubmatch(m)[1])
		if err != nil {
			panic(err)
		}
		return now.Add(-d).UTC().Format(time.RFC3339)
	})
}

// masked replaces what differs from run to run.
func masked(s, emulatorURL string) string {
	s = strings.ReplaceAll(s, signingKey.KID, "KID")
	s = strings.ReplaceAll(s, emulatorURL, "http://EMULATOR")
	s = epochPattern.ReplaceAllString(s, "$1 SECONDS")
	s = otherPattern.ReplaceAllString(s, `the key set has "OTHER"`)
	s = requestPattern.ReplaceAllString(s, "explain REQUEST-ID")
	s = uuidPattern.ReplaceAllString(s, "UUID")
	s = sincePattern.ReplaceAllString(s, "DURATION")
	return timePattern.ReplaceAllString(s, "TIME")
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func startEmulator(t *testing.T, s story, given string) *emulatortest.Emulator {
	t.Helper()
	key, err := oidc.GenerateKey("ES256", nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := emulatortest.Start(t, emulatortest.Document(given), emulatortest.Config(func(c *emulator.Config) {
		c.NewKey = func(string) (*oidc.SigningKey, error) { return key, nil }
	}))
	switch {
	case s.OtherKeys:
		_, err = emu.Token(t.Context(), control.TokenRequest{Issuer: issuer, Subject: "anybody"})
	case !s.Unpublished:
		published := &oidc.Issuer{URL: issuer, Keys: []*oidc.SigningKey{signingKey}}
		err = emu.Control().PublishKeys(t.Context(), control.IssuerKeys{URL: issuer, JWKS: published.JWKS()})
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.Denied {
		deny(t, emu)
	}
	if s.Ahead != 0 {
		if err := emu.Clock().Advance(s.Ahead); err != nil {
			t.Fatal(err)
		}
	}
	return emu
}

// handshakes is the webhook's list.
func handshakes(t *testing.T, list string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/handshakes" {
			t.Errorf("the webhook was asked %s", r.URL)
		}
		_, _ = w.Write([]byte(list))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// deny makes the call that the pod's program would make: its role has no permission.
func deny(t *testing.T, emu *emulatortest.Emulator) {
	now := time.Now()
	claims, err := oidc.KubernetesClaims(oidc.KubernetesToken{
		Issuer: issuer, Namespace: "demo", ServiceAccount: "app", Audience: []string{"sts.amazonaws.com"}, IssuedAt: now, Expires: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := (&oidc.Issuer{URL: issuer, Keys: []*oidc.SigningKey{signingKey}}).Sign(claims, oidc.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := sdk.Config{Region: "us-west-2", BaseEndpoint: &emu.URL, Credentials: sdk.AnonymousCredentials{}, RetryMaxAttempts: 1}
	got, err := sts.NewFromConfig(config).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: sdk.String("arn:aws:iam::111122223333:role/App"), RoleSessionName: sdk.String("app"), WebIdentityToken: &token,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Credentials
	config.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	if _, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: sdk.String("arn:aws:iam::444455556666:role/Other"), RoleSessionName: sdk.String("other"),
	}); err == nil {
		t.Fatal("not refused")
	}
}

// refusingSTS answers as AWS's STS refuses.
func refusingSTS(t *testing.T, code, message string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("WebIdentityToken") == "" || r.Header.Get("Authorization") != "" {
			t.Errorf("the STS was asked %v", r.Form)
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`, code, message)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var errUnknownKind = errors.New("a kind that the fake API server does not know")
