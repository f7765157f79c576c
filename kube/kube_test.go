package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/kube"
)

// server answers as an API server does, and notes what it is asked.
func server(t *testing.T, answers map[string]string) (*kube.Client, *[]string) {
	t.Helper()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body)))
		answer, ok := answers[r.Method+" "+r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonNotFound,
				Code: 404, Message: `pods "web" not found`,
			})
		case strings.HasPrefix(answer, "403 "):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, answer[4:])
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(s.Close)
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c, &asked
}

func TestGet(t *testing.T) {
	c, asked := server(t, map[string]string{
		"GET /api/v1/namespaces/default/pods": `{"items": [{"metadata": {"name": "web"}}]}`,
		"GET /api/v1/nodes":                   `403 {"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"nodes is forbidden"}`,
	})
	var list corev1.PodList
	if err := c.Get(context.Background(), kube.Path("pods", "default", "")+"?labelSelector=app%3Dweb", &list); err != nil || len(list.Items) != 1 || list.Items[0].Name != "web" {
		t.Errorf("%v, %+v", err, list)
	}
	if got := (*asked)[0]; got != "GET /api/v1/namespaces/default/pods?labelSelector=app%3Dweb" {
		t.Error(got)
	}
	if err := c.Get(context.Background(), kube.Path("pods", "default", "web"), new(corev1.Pod)); !apierrors.IsNotFound(err) {
		t.Errorf("a pod that is not there: %v", err)
	}
	if err := c.Get(context.Background(), kube.Path("nodes", "", ""), new(corev1.NodeList)); !apierrors.IsForbidden(err) {
		t.Errorf("what RBAC refuses: %v", err)
	}
}

func TestApply(t *testing.T) {
	c, asked := server(t, map[string]string{
		"GET /apis/apps/v1": `{"resources": [{"name": "deployments/status", "kind": "Deployment", "namespaced": true}, {"name": "deployments", "kind": "Deployment", "namespaced": true}]}`,
		"GET /api/v1":       `{"resources": [{"name": "namespaces", "kind": "Namespace"}]}`,
		"PATCH /apis/apps/v1/namespaces/default/deployments/web": `{}`,
		"PATCH /api/v1/namespaces/shop":                          `{}`,
		"GET /apis/apps/v1/namespaces/default/deployments/web":   `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"readyReplicas": 1}}`,
	})
	objects, err := kube.Objects([]byte("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"shop\"}}\n---\n"))
	if err != nil || len(objects) != 2 {
		t.Fatalf("%v, %v", err, objects)
	}
	for i := range objects {
		if err := c.Apply(context.Background(), &objects[i], "somebody"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"GET /apis/apps/v1",
		`PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=somebody&force=true application/apply-patch+yaml {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default"}}`,
		"GET /api/v1",
		`PATCH /api/v1/namespaces/shop?fieldManager=somebody&force=true application/apply-patch+yaml {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`,
	}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Error(diff)
	}
	got, err := c.GetObject(context.Background(), &objects[0])
	if err != nil {
		t.Fatal(err)
	}
	if status, ok := got.Object["status"].(map[string]any); !ok || status["readyReplicas"] != int64(1) {
		t.Errorf("numbers are read as %T", status["readyReplicas"])
	}
}

// The API server serves its keys under a media type of their own, and answers
// 406 to who takes no other than application/json.
func TestKeySetIsTaken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); !strings.Contains(accept, "*/*") && !strings.Contains(accept, "application/jwk-set+json") {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = io.WriteString(w, `{"keys":[]}`)
	}))
	defer s.Close()
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	var jwks json.RawMessage
	if err := c.Get(context.Background(), "/openid/v1/jwks", &jwks); err != nil || string(jwks) != `{"keys":[]}` {
		t.Errorf("%s, %v", jwks, err)
	}
	if raw, err := c.Raw(context.Background(), "/openid/v1/jwks"); err != nil || string(raw) != `{"keys":[]}` {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestUnknownKind(t *testing.T) {
	c, _ := server(t, nil)
	objects, err := kube.Objects([]byte("apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Apply(context.Background(), &objects[0], "somebody")
	if err == nil || !strings.Contains(err.Error(), "Thing a: the cluster has no kind Thing in apiVersion example.com/v1") {
		t.Error(err)
	}
}

func TestObjectsRefused(t *testing.T) {
	for manifests, want := range map[string]string{
		"kind: Pod":                   "manifest 1: apiVersion or kind is missing",
		"apiVersion: v1":              "manifest 1",
		"a: b: c":                     "manifest 1",
		"apiVersion: v1\nkind: List":  "",
		"---\n---\n":                  "",
		"{\"kind\": [\"not a name\"]": "manifest 1",
	} {
		_, err := kube.Objects([]byte(manifests))
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", manifests, err)
		}
	}
}

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: one
contexts:
  - {name: one, context: {cluster: c, user: u, namespace: shop}}
  - {name: two, context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
`

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]kube.Context{"": {Name: "one", Namespace: "shop"}, "two": {Name: "two", Namespace: "default"}} {
		c, where, err := kube.Open(file, name)
		if err != nil || where != want || c.Host() != "https://127.0.0.1:1" {
			t.Errorf("context %q: %v, %+v", name, err, where)
		}
	}
	if _, _, err := kube.Open(file, "three"); err == nil || !strings.Contains(err.Error(), `no context "three"`) {
		t.Error(err)
	}
	if _, _, err := kube.Open(filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("a file that is not there")
	}
	saved := filepath.Join(t.TempDir(), "saved")
	if err := kube.Save(file, "two", saved); err != nil {
		t.Fatal(err)
	}
	if _, where, err := kube.Open(saved, ""); err != nil || where.Name != "two" {
		t.Errorf("what was saved: %v, %+v", err, where)
	}
}

func TestTransient(t *testing.T) {
	c, err := kube.New(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(context.Background(), "/version", nil); !kube.Transient(err) {
		t.Errorf("a server that does not listen: %v", err)
	}
	if kube.Transient(errors.New("no")) || kube.Transient(apierrors.NewBadRequest("no")) {
		t.Error("a refusal is not transient")
	}
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]"))
	f.Add([]byte(`{"apiVersion": "v1", "kind": "Namespace"}`))
	f.Fuzz(func(t *testing.T, manifests []byte) {
		objects, err := kube.Objects(manifests)
		if err != nil && objects != nil {
			t.Errorf("objects beside the error %v", err)
		}
		for i := range objects {
			if kube.Title(&objects[i]) == "" {
				t.Errorf("object %d has no title", i)
			}
		}
	})
}
