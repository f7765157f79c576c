package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// cluster is an API server that serves given objects, signs tokens, and calls
// the webhook for pods that are tried.
type cluster struct {
	*httptest.Server
	t       *testing.T
	story   story
	objects map[string]*kube.Object // by path
}

// lists are the paths of lists, by kind; %s is the namespace.
var lists = map[string]string{
	"Namespace": "/api/v1/namespaces", "Pod": "/api/v1/namespaces/%s/pods", "ServiceAccount": "/api/v1/namespaces/%s/serviceaccounts",
	"Service": "/api/v1/namespaces/%s/services", "Secret": "/api/v1/namespaces/%s/secrets",
	"ConfigMap":     "/api/v1/namespaces/%s/configmaps",
	"DaemonSet":     "/apis/apps/v1/namespaces/%s/daemonsets",
	"EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices", "Deployment": "/apis/apps/v1/namespaces/%s/deployments",
	"MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
}

func newCluster(t *testing.T, s story, manifests ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, story: s, objects: map[string]*kube.Object{}}
	for i, m := range manifests {
		objects, err := kube.Objects([]byte(m))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if i == 0 && slices.Contains(s.Without, o.GetKind()+"/"+o.GetName()) {
				continue
			}
			list, known := lists[o.GetKind()]
			if !known {
				t.Fatalf("%s: %v", o.GetKind(), errUnknownKind)
			}
			if strings.Contains(list, "%s") {
				list = fmt.Sprintf(list, o.GetNamespace())
			}
			c.objects[list+"/"+o.GetName()] = &o
		}
	}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimSuffix(r.URL.Path, "/")
	if c.forbidden(w, r) {
		return
	}
	signer := &oidc.Issuer{URL: issuer, Keys: []*oidc.SigningKey{signingKey}}
	switch {
	case path == "/version":
		c.write(w, map[string]string{"gitVersion": "v1.34.4"})
	case path == "/.well-known/openid-configuration":
		c.write(w, map[string]string{"issuer": issuer})
	case path == "/openid/v1/jwks":
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(signer.JWKS())
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/token"):
		c.token(w, r, signer, strings.Split(path, "/"))
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/pods"):
		if r.URL.Query().Get("dryRun") != "All" {
			c.t.Errorf("a pod was created for real: %s", r.URL)
		}
		c.pod(w, r)
	case r.Method != http.MethodGet:
		c.t.Errorf("the doctor changes the cluster: %s %s", r.Method, r.URL)
		c.refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "only GET")
	case strings.HasSuffix(path, "/log"):
		log, has := c.story.Logs[strings.Split(path, "/")[6]+"/"+r.URL.Query().Get("container")]
		if !has || r.URL.Query().Get("previous") != "" {
			c.refuse(w, http.StatusBadRequest, "BadRequest", "the container is waiting to start")
			return
		}
		_, _ = io.WriteString(w, log)
	case c.objects[path] != nil:
		c.write(w, c.objects[path].Object)
	case path == "/api/v1/services": // of all namespaces
		items := []any{}
		for _, at := range sortedPaths(c.objects) {
			if strings.Contains(at, "/services/") {
				items = append(items, c.objects[at].Object)
			}
		}
		c.write(w, map[string]any{"items": items})
	case c.isList(path):
		c.list(w, r, path)
	default:
		c.refuse(w, http.StatusNotFound, "NotFound", path+" not found")
	}
}

func (c *cluster) isList(path string) bool {
	for _, list := range lists {
		prefix, suffix, _ := strings.Cut(list, "%s")
		if strings.HasPrefix(path, prefix) && strings.HasSuffix(path, suffix) && !strings.Contains(strings.TrimSuffix(strings.TrimPrefix(path, prefix), suffix), "/") {
			return true
		}
	}
	return false
}

func (c *cluster) list(w http.ResponseWriter, r *http.Request, path string) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		c.t.Fatal(err)
	}
	account, byAccount := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "spec.serviceAccountName=")
	node, byNode := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "spec.nodeName=")
	items := []any{}
	for _, at := range sortedPaths(c.objects) {
		o := c.objects[at]
		if !strings.HasPrefix(at, path+"/") || strings.Contains(at[len(path)+1:], "/") || !selector.Matches(labels.Set(o.GetLabels())) {
			continue
		}
		if byAccount && o.Object["spec"].(map[string]any)["serviceAccountName"] != account {
			continue
		}
		if byNode && o.Object["spec"].(map[string]any)["nodeName"] != node {
			continue
		}
		items = append(items, o.Object)
	}
	c.write(w, map[string]any{"items": items})
}

func sortedPaths(m map[string]*kube.Object) []string {
	var paths []string
	for p := range m {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// forbidden refuses in RBAC's own words.
func (c *cluster) forbidden(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	verb, resource := map[string]string{http.MethodGet: "get", http.MethodPost: "create"}[r.Method], path
	if strings.HasPrefix(path, "/api") {
		parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
		parts = parts[map[bool]int{true: 2, false: 3}[parts[0] == "api"]:]
		if parts[0] == "namespaces" && len(parts) > 2 {
			parts = parts[2:]
		}
		resource = parts[0]
		if len(parts) > 2 {
			resource += "/" + parts[2]
		}
		if len(parts) == 1 && verb == "get" {
			verb = "list"
		}
	}
	if !slices.Contains(c.story.Forbidden, verb+" "+resource) {
		return false
	}
	c.refuse(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(`%s is forbidden: User "jane" cannot %s resource %q in API group ""`, resource, verb, resource))
	return true
}

func (c *cluster) token(w http.ResponseWriter, r *http.Request, signer *oidc.Issuer, path []string) {
	var request authenticationv1.TokenRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		c.t.Error(err)
	}
	if *request.Spec.ExpirationSeconds < 600 {
		c.t.Errorf("the API server grants no less than ten minutes, not %d s", *request.Spec.ExpirationSeconds)
	}
	now := time.Now()
	spec := oidc.KubernetesToken{
		Issuer: issuer, Namespace: path[4], ServiceAccount: path[6], Audience: request.Spec.Audiences,
		IssuedAt: now, Expires: now.Add(time.Duration(*request.Spec.ExpirationSeconds) * time.Second),
	}
	if bound := request.Spec.BoundObjectRef; bound != nil {
		spec.Pod, spec.PodUID = bound.Name, string(bound.UID)
	}
	claims, err := oidc.KubernetesClaims(spec)
	if err != nil {
		c.t.Error(err)
	}
	if request.Status.Token, err = signer.Sign(claims, oidc.SignOptions{}); err != nil {
		c.t.Error(err)
	}
	c.write(w, request)
}

// pod is what becomes of a new pod: what the real webhook makes of it, if it is called.
func (c *cluster) pod(w http.ResponseWriter, r *http.Request) {
	if c.story.Refused != "" {
		c.refuse(w, http.StatusForbidden, "Forbidden", c.story.Refused)
		return
	}
	var pod corev1.Pod
	if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
		c.t.Error(err)
	}
	hook := c.objects[lists["MutatingWebhookConfiguration"]+"/pod-identity-webhook"]
	account := c.objects[fmt.Sprintf(lists["ServiceAccount"], "demo")+"/"+pod.Spec.ServiceAccountName]
	slice := c.objects[fmt.Sprintf(lists["EndpointSlice"], "irsa-emu")+"/pod-identity-webhook-1"]
	if hook == nil || account == nil || c.story.Deaf || slice == nil || slice.Object["endpoints"] == nil {
		c.write(w, pod)
		return
	}
	config := webhook.Config{Region: "us-west-2", Random: func(int64) int64 { return 0 }, Extra: webhook.Extra{Env: []corev1.EnvVar{{Name: "AWS_ENDPOINT_URL", Value: "http://10.96.0.10:4772"}}}}
	if c.objects[fmt.Sprintf(lists["Service"], "irsa-emu")+"/irsa-emu"] == nil {
		config.Extra = webhook.Extra{} // as on EKS
	}
	id, is := config.IdentityOf(account.GetAnnotations())
	if c.story.Association {
		id, is = config.PodIdentityOf(account.GetAnnotations()), true
	}
	if !is {
		c.write(w, pod)
		return
	}
	operations, err := json.Marshal(config.Mutate(&pod, id))
	if err != nil {
		c.t.Error(err)
	}
	patch, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		c.t.Error(err)
	}
	before, err := json.Marshal(pod)
	if err != nil {
		c.t.Error(err)
	}
	after, err := patch.Apply(before)
	if err != nil {
		c.t.Error(err)
	}
	_, _ = w.Write(after)
}

func (c *cluster) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.t.Error(err)
	}
}

func (c *cluster) refuse(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	c.write(w, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Code: int32(code), Reason: metav1.StatusReason(reason), Message: message,
	})
}
