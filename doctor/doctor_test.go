package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/kube"
)

func TestNoAnswerEndsTheWalk(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"unknown to the API server": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`))
		}, "kubectl auth whoami"},
		"no API server": {nil, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			if tt.handler == nil {
				server.Close()
			}
			client, err := kube.New(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			report, err := Examine(t.Context(), Config{API: client, Cluster: "test", Namespace: "demo", ServiceAccount: "app"})
			if err != nil {
				t.Fatal(err)
			}
			if report.Whole || report.FirstBroken != "cluster" || len(report.Links) != 1 || !strings.Contains(report.Links[0].Detail+strings.Join(report.Links[0].Fix, "\n"), tt.want) {
				t.Errorf("%+v", report)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client, err := kube.New(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := Examine(ctx, Config{API: client}); err == nil || report != nil {
		t.Errorf("got %v, %v", report, err)
	}
}

// The names of statuses and members are promised to who reads -o json.
func TestReportAsJSON(t *testing.T) {
	b, err := json.Marshal(Report{FirstBroken: "webhook", Links: []Link{broken("away", "kubectl").because("why"), unknown("?", "aws")}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"whole":false,"firstBroken":"webhook","links":[{"name":"","status":"broken","detail":"away","more":["why"],"fix":["kubectl"]},` +
		`{"name":"","status":"unknown","detail":"?","findOut":["aws"]}]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestParseRole(t *testing.T) {
	role, valid := parseRole("arn:aws-cn:iam::111122223333:role/team/App")
	if !valid || role.partition != "aws-cn" || role.account != "111122223333" || role.name != "App" {
		t.Errorf("%+v", role)
	}
}

func FuzzRoleARN(f *testing.F) {
	for _, seed := range []string{"arn:aws:iam::111122223333:role/App", "arn:aws:iam::1:role/", "arn:", "::::::", "arn:aws:sts::111122223333:assumed-role/a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		if role, valid := parseRole(arn); valid {
			if role.arn != arn || len(role.account) != 12 || !strings.HasSuffix(arn, role.name) {
				t.Errorf("%q: %+v", arn, role)
			}
			return
		}
		if aws.RoleARNProblem(arn) == "" {
			t.Errorf("nothing is said of %q", arn)
		}
	})
}

func TestTokenOnWindows(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", Audience: "a"}}},
	}}}}}}
	c := corev1.Container{VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount"}}}
	token, mistake := tokenAt(pod, c, aws.EnvTokenFile, `C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token`)
	if mistake != "" || token.Audience != "a" {
		t.Errorf("%v, %q", token, mistake)
	}
}

// With an emulator that was named by its URL, fixes lead there.
func TestMendsForAnEmulatorElsewhere(t *testing.T) {
	emu := startEmulator(t, story{Unpublished: true, Ahead: 2 * time.Hour}, read(t, "testdata/base-state.yaml"))
	api := newCluster(t, story{}, ago(time.Now(), read(t, "testdata/base.yaml")))
	client, err := kube.New(&rest.Config{Host: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Examine(t.Context(), Config{
		API: client, Cluster: "test", Namespace: "demo", ServiceAccount: "app", Kubectl: "kubectl --context test",
		Emulator: &control.Client{URL: emu.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.FirstBroken != "keys" {
		t.Fatalf("%+v", report)
	}
	for _, l := range report.Links {
		if l.Name != "keys" {
			continue
		}
		want := `kubectl --context test get --raw /openid/v1/jwks | jq '{url: "` + issuer + `", jwks: .}' | curl -X PUT --data-binary @- ` + emu.URL + `/_emu/issuers`
		if len(l.Fix) != 1 || l.Fix[0] != want {
			t.Errorf("got  %s\nwant %s", l.Fix, want)
		}
	}
}

// Whether the emulator is away or wants its token is not the same mend.
func TestEmulatorThatDoesNotAnswer(t *testing.T) {
	api := newCluster(t, story{}, ago(time.Now(), read(t, "testdata/base.yaml")))
	client, err := kube.New(&rest.Config{Host: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error": "the bearer token is not the control token"}`))
	}))
	defer guarded.Close()
	for url, want := range map[string]string{guarded.URL: "--control-token", "http://127.0.0.1:1": "irsa-emu serve"} {
		report, err := Examine(t.Context(), Config{API: client, Namespace: "demo", ServiceAccount: "app", Emulator: &control.Client{URL: url}})
		if err != nil {
			t.Fatal(err)
		}
		if report.FirstBroken != "IAM" {
			t.Fatalf("%+v", report)
		}
		for _, l := range report.Links {
			if l.Name == "IAM" && (len(l.Fix) != 1 || !strings.Contains(l.Fix[0], want)) {
				t.Errorf("%s: %+v", url, l)
			}
			if l.Status == Broken && l.Name != "IAM" {
				t.Errorf("%s is called broken, but was not asked: %+v", l.Name, l)
			}
		}
	}
}

// The emulator of irsa-emu up is named by its URL where its environment is exported,
// and is the cluster's own all the same: what its webhook has seen is told.
func TestNamedEmulatorIsTheClusters(t *testing.T) {
	const secret = `
apiVersion: v1
kind: Secret
metadata: {name: irsa-emu, namespace: irsa-emu}
data: {control-token: dG9rZW4=}
`
	const list = `[{"namespace": "demo", "pod": "other", "serviceAccount": "other", "host": "sts.amazonaws.com", "count": 1, "last": "2026-01-01T00:00:00Z"}]`
	emu := startEmulator(t, story{}, read(t, "testdata/base-state.yaml"))
	api := newCluster(t, story{}, ago(time.Now(), read(t, "testdata/base.yaml")), secret)
	client, err := kube.New(&rest.Config{Host: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]bool{"token": true, "another": false} {
		report, err := Examine(t.Context(), Config{
			API: client, Cluster: "test", Namespace: "demo", ServiceAccount: "app", Emulator: &control.Client{URL: emu.URL, Token: token},
			Forward: func(_ context.Context, _, pod string, _ int) (string, error) {
				if pod != "pod-identity-webhook-1" {
					t.Errorf("the emulator was named, and %s is asked for", pod)
				}
				return handshakes(t, list), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := slices.ContainsFunc(report.Links, func(l Link) bool { return l.Name == "handshakes" && l.Status == Warning })
		if !report.Whole || seen != want {
			t.Errorf("token %q: handshakes are told: %t, want %t; %+v", token, seen, want, report.Links)
		}
	}
}
