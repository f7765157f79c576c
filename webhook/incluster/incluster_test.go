package incluster

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// api is an API server that has what is at its paths.
type api struct {
	objects map[string]string
	down    atomic.Bool
	got     []string
}

func (a *api) client(t *testing.T) *kube.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodGet {
			body, _ := io.ReadAll(r.Body)
			a.got = append(a.got, r.Method+" "+r.URL.Path)
			_, _ = w.Write(body)
			return
		}
		object, there := a.objects[r.URL.Path]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Reason: metav1.StatusReasonNotFound, Code: 404})
			return
		}
		_, _ = io.WriteString(w, object)
	}))
	t.Cleanup(s.Close)
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const role = "arn:aws:iam::111122223333:role/App"

func account(name, annotations string) string {
	return `{"metadata": {"name": "` + name + `", "annotations": {` + annotations + `}}}`
}

func TestSource(t *testing.T) {
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/shop/serviceaccounts/annotated":           account("annotated", `"eks.amazonaws.com/role-arn": "`+role+`", "eks.amazonaws.com/audience": "mine"`),
		"/api/v1/namespaces/shop/serviceaccounts/mapped":              account("mapped", ""),
		"/api/v1/namespaces/shop/serviceaccounts/anywhere":            account("anywhere", ""),
		"/api/v1/namespaces/shop/serviceaccounts/plain":               account("plain", ""),
		"/api/v1/namespaces/irsa-emu/configmaps/pod-identity-webhook": `{"data": {"config": "{\"shop/mapped\": {\"RoleARN\": \"arn:mapped\", \"Audience\": \"a\", \"UseRegionalSTS\": true, \"TokenExpiration\": 60}, \"*/anywhere\": {\"RoleARN\": \"arn:anywhere\"}, \"shop/annotated\": {\"RoleARN\": \"arn:loses\"}}"}}`,
	}}
	s := &Source{Client: a.client(t), ConfigMapNamespace: "irsa-emu", Grace: 30 * time.Millisecond}
	for name, want := range map[string]webhook.Identity{
		"annotated": {RoleARN: role, Audience: "mine", Expiration: webhook.DefaultExpiration}, // the annotation beats the ConfigMap
		"mapped":    {RoleARN: "arn:mapped", Audience: "a", RegionalSTS: true, Expiration: webhook.MinExpiration},
		"anywhere":  {RoleARN: "arn:anywhere", Audience: aws.DefaultAudience, Expiration: webhook.DefaultExpiration},
		"plain":     {},
	} {
		id, ok, err := s.Identity(context.Background(), "shop", name)
		if err != nil || ok != (want.RoleARN != "") || id != want {
			t.Errorf("%s: %+v, %t, %v", name, id, ok, err)
		}
	}
	if _, _, err := s.Identity(context.Background(), "shop", "missing"); err == nil {
		t.Error("a service account that never comes")
	}
	a.objects["/api/v1/namespaces/irsa-emu/configmaps/pod-identity-webhook"] = `{"data": {"config": "no JSON"}}`
	if _, _, err := s.Identity(context.Background(), "shop", "mapped"); err == nil || !strings.Contains(err.Error(), "ConfigMap pod-identity-webhook, key config") {
		t.Error(err)
	}
}

func TestSourceWithinGrace(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if asked.Add(1) <= 3 { // it comes while its pod is admitted
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","reason":"NotFound","code":404}`)
			return
		}
		_, _ = io.WriteString(w, account("late", `"eks.amazonaws.com/role-arn": "`+role+`"`))
	}))
	defer s.Close()
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	id, ok, err := (&Source{Client: c, Grace: 10 * time.Minute}).Identity(context.Background(), "shop", "late")
	if err != nil || !ok || id.RoleARN != role {
		t.Errorf("%+v, %t, %v", id, ok, err)
	}
}

func TestConfigForNamespaces(t *testing.T) {
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/shop":                       `{"metadata": {"name": "shop"}}`,
		"/api/v1/namespaces/own":                        `{"metadata": {"name": "own", "annotations": {"irsa-emu.dev/emulator": "10.0.0.9", "irsa-emu.dev/region": "eu-west-1"}}}`,
		"/api/v1/namespaces/irsa-emu/services/irsa-emu": `{"spec": {"clusterIP": "10.96.0.7"}}`,
	}}
	r := &Routes{Client: a.client(t), Namespace: "irsa-emu", Service: "irsa-emu", Config: webhook.Config{Region: "us-east-1"}, CA: authority(t)}
	for namespace, want := range map[string][2]string{"shop": {"http://10.96.0.7:4772", "us-east-1"}, "own": {"http://10.0.0.9:4772", "eu-west-1"}} {
		c, err := r.ConfigFor(context.Background(), namespace, new(corev1.Pod))
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{}
		for _, v := range slices.Concat(c.Extra.Endpoints, c.Extra.Env) {
			env[v.Name] = v.Value
		}
		if env["AWS_ENDPOINT_URL"] != want[0] || env["AWS_ENDPOINT_URL_STS"] != want[0] || c.Region != want[1] || env["AWS_CA_BUNDLE"] != webhook.AuthorityMountPath+"/ca.pem" {
			t.Errorf("%s: %s, %v", namespace, c.Region, env)
		}
		if c.Extra.Annotations[CAAnnotation] != string(r.CA) {
			t.Error("the certificate does not go with the pod")
		}
	}
}

// echo answers each connection with its name.
func echo(t *testing.T, name string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+EmulatorTLSPort)
	if err != nil {
		t.Skipf("port %s of this machine is taken: %v", EmulatorTLSPort, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, name)
			_ = c.Close()
		}
	}()
	return "127.0.0.1"
}

// A pod whose emulator was known keeps it while the API server is away, as no
// pod on EKS notices that its API server restarts.
func TestInterceptOutlivesTheAPIServer(t *testing.T) {
	emulator := echo(t, "emulator")
	pods, err := json.Marshal(corev1.PodList{Items: []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}}})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{objects: map[string]string{
		"/api/v1/pods":            string(pods),
		"/api/v1/namespaces/shop": `{"metadata": {"name": "shop", "annotations": {"irsa-emu.dev/emulator": "` + emulator + `"}}}`,
	}}
	client := a.client(t)
	i := &Intercept{Client: client, Routes: &Routes{Client: client}, Logger: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- i.Serve(ctx, l) }()
	ask := func() string {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answer, _ := io.ReadAll(c)
		return string(answer)
	}
	if got := ask(); got != "emulator" {
		t.Errorf("got %q", got)
	}
	a.down.Store(true)
	if got := ask(); got != "emulator" {
		t.Errorf("while the API server is away: %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestPublisherGivesEveryEmulatorTheKeys(t *testing.T) {
	var published []string
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		published = append(published, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	defer emulator.Close()
	a := &api{objects: map[string]string{
		"/.well-known/openid-configuration": `{"issuer": "https://issuer.example"}`,
		"/openid/v1/jwks":                   `{"keys": []}`,
	}}
	keys, err := ReadKeys(context.Background(), a.client(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&control.Client{URL: emulator.URL, Token: "token"}).PublishKeys(context.Background(), keys); err != nil {
		t.Fatal(err)
	}
	want := []string{`PUT /_emu/issuers Bearer token {"url":"https://issuer.example","jwks":{"keys":[]}}`}
	if diff := cmp.Diff(want, published); diff != "" {
		t.Error(diff)
	}
}

func TestBootstrap(t *testing.T) {
	a := &api{objects: map[string]string{}}
	b := Bootstrap{Client: a.client(t), Namespace: "irsa-emu", Secret: "irsa-emu", Service: "pod-identity-webhook", Webhook: "pod-identity-webhook", Now: time.Now}
	secret, certificate, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(secret[SecretCA]) == 0 || len(secret[SecretControlToken]) != 32 {
		t.Errorf("%d bytes of certificate, %d of token", len(secret[SecretCA]), len(secret[SecretControlToken]))
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := leaf.VerifyHostname("pod-identity-webhook.irsa-emu.svc"); err != nil {
		t.Error(err)
	}
	want := []string{
		"POST /api/v1/namespaces/irsa-emu/secrets",
		"PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook",
	}
	if diff := cmp.Diff(want, a.got); diff != "" {
		t.Error(diff)
	}
}

// The file counts as soon as it is written; a broken one leaves the list as it was (upstream 3bf80a3).
func TestIdentityFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	f := &IdentityFile{Path: path, Logger: slog.New(slog.DiscardHandler)}
	for i, step := range []struct {
		content string
		has     bool
	}{
		{"", false},
		{`{"identities": [{"namespace": "shop", "serviceAccount": "api"}]}`, true},
		{`{"identities": [`, true},
		{`{"identities": [{"namespace": "*", "serviceAccount": "api"}]}`, false},
		{`{"identities": [{"namespace": "shop", "serviceAccount": "api"}]}`, true},
		{`{"identities": [{"namespace": "shop", "serviceAccount": "apo"}]}`, false}, // as long as before
		{`{"identities": [{"namespace": "shop", "serviceAccount": "api"}, {"namespace": "a", "serviceAccount": "b"}]}`, true},
		{"", false},
	} {
		if i > 0 {
			if err := os.WriteFile(path, []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
			at := time.Unix(1_800_000_000, 0) // a file system's clock may be coarse: no change may hang on it
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.Has("shop", "api"); got != step.has {
			t.Errorf("step %d, %s: %t", i, step.content, got)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if f.Has("shop", "api") {
		t.Error("a file that is gone lists somebody")
	}
}

// A listed service account has EKS Pod Identity whatever its annotation says, and need not exist.
func TestSourcePodIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"identities": [{"namespace": "shop", "serviceAccount": "api"}, {"namespace": "shop", "serviceAccount": "missing"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/shop/serviceaccounts/api": account("api", `"eks.amazonaws.com/role-arn": "`+role+`", "eks.amazonaws.com/token-expiration": "7200"`),
	}}
	s := &Source{Client: a.client(t), Grace: time.Hour, Logger: slog.New(slog.DiscardHandler), IdentityFile: &IdentityFile{Path: path, Logger: slog.New(slog.DiscardHandler)}}
	for name, expiration := range map[string]int64{"api": 7200, "missing": webhook.DefaultExpiration} {
		id, ok, err := s.Identity(t.Context(), "shop", name)
		if want := (webhook.Identity{PodIdentity: true, Expiration: expiration}); err != nil || !ok || id != want {
			t.Errorf("%s: %+v, %t, %v", name, id, ok, err)
		}
	}
}

func TestSubjectOf(t *testing.T) {
	part := base64.RawURLEncoding.EncodeToString
	for claims, want := range map[string]string{
		`{"sub":"system:serviceaccount:shop:api"}`: "shop/api",
		`{"sub":"system:serviceaccount:shop"}`:     "",
		`{"sub":"repo:o/r:ref:x"}`:                 "",
		`[]`:                                       "",
	} {
		account, err := subjectOf("e30." + part([]byte(claims)) + ".c2ln")
		if got := account.String(); (err == nil) != (want != "") || want != "" && got != want {
			t.Errorf("%s: %s, %v", claims, got, err)
		}
	}
	if _, err := subjectOf("a.b"); err == nil {
		t.Error("two parts are taken")
	}
}

// The nearest annotation says who is led to the emulator: pod, service account,
// namespace, and last the webhook's own setting.
func TestLeads(t *testing.T) {
	const yes, no = `{"metadata": {"annotations": {"irsa-emu.dev/endpoints": "true"}}}`, `{"metadata": {"annotations": {"irsa-emu.dev/endpoints": "false"}}}`
	const plain = `{"metadata": {}}`
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/kube-system": plain, "/api/v1/namespaces/local-path-storage": plain, "/api/v1/namespaces/irsa-emu": plain,
		"/api/v1/namespaces/shop": plain, "/api/v1/namespaces/shop/serviceaccounts/wants": yes, "/api/v1/namespaces/shop/serviceaccounts/refuses": no,
		"/api/v1/namespaces/all": yes, "/api/v1/namespaces/all/serviceaccounts/refuses": no,
		"/api/v1/namespaces/irsa-emu/services/irsa-emu": `{"spec": {"clusterIP": "10.96.0.7"}}`,
	}}
	r := &Routes{Client: a.client(t), Namespace: "irsa-emu", Service: "irsa-emu", CA: authority(t)}
	for _, c := range []struct {
		namespace, account, pod string
		want, wantOfAll         bool
	}{
		{"shop", "plain", "", false, true},
		{"shop", "plain", "true", true, true},
		{"shop", "plain", "perhaps", false, true}, // says nothing
		{"shop", "wants", "", true, true},
		{"shop", "wants", "false", false, false},
		{"shop", "refuses", "", false, false},
		{"all", "plain", "", true, true},
		{"all", "refuses", "", false, false},
		{"all", "refuses", "true", true, true},
		{"kube-system", "plain", "", false, true}, // such as the secrets-store CSI driver's provider
		{"local-path-storage", "plain", "", false, false},
		{"irsa-emu", "plain", "", false, false},
		{"kube-system", "plain", "true", true, true},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: c.account}}
		if c.pod != "" {
			pod.Annotations = map[string]string{webhook.EndpointsAnnotation: c.pod}
		}
		for all, want := range map[bool]bool{false: c.want, true: c.wantOfAll} {
			r.LeadsAll = all
			if got, err := r.Leads(t.Context(), c.namespace, pod); err != nil || got != want {
				t.Errorf("%s/%s, pod %q, all %t: %t, %v", c.namespace, c.account, c.pod, all, got, err)
			}
		}
	}
	r.LeadsAll = true
	for what, spec := range map[string]corev1.PodSpec{
		"kube-proxy": {ServiceAccountName: "plain", HostNetwork: true}, "CoreDNS": {ServiceAccountName: "plain", PriorityClassName: "system-cluster-critical"},
	} {
		if got, err := r.Leads(t.Context(), "kube-system", &corev1.Pod{Spec: spec}); err != nil || got {
			t.Errorf("%s is led to the emulator: %t, %v", what, got, err)
		}
	}
	// "false" keeps endpoints and authority from a pod with a role, too.
	for annotation, want := range map[string]bool{"": true, "true": true, "false": false} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: "plain"}}
		pod.Annotations = map[string]string{webhook.EndpointsAnnotation: annotation}
		if config, err := r.ConfigFor(t.Context(), "shop", pod); err != nil || (config.Extra.Volume != nil) != want || (len(config.Extra.Endpoints) > 0) != want {
			t.Errorf("%q: %+v, %v", annotation, config.Extra, err)
		}
	}
}
