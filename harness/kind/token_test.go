package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// podServer is an API server that has service accounts and pods, makes each
// name once, and binds tokens to pods of the token's own account alone.
type podServer struct {
	mu       sync.Mutex
	accounts map[string]bool
	pods     map[string]*corev1.Pod // by path
	made     int
	looked   func(path string) // called after a pod was looked up and before that is answered
}

func (p *podServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, answer := p.answer(r)
	if r.Method == http.MethodGet && p.looked != nil {
		p.looked(r.URL.Path)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}

func refusal(code int32, reason metav1.StatusReason, message string) (int, any) {
	return int(code), metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: reason, Code: code, Message: message}
}

func (p *podServer) answer(r *http.Request) (int, any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := r.URL.Path
	switch {
	case r.Method == http.MethodGet:
		if pod := p.pods[path]; pod != nil {
			return http.StatusOK, pod
		}
		return refusal(404, metav1.StatusReasonNotFound, "not found")
	case strings.HasSuffix(path, "/token"):
		var asked authenticationv1.TokenRequest
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			return refusal(400, metav1.StatusReasonBadRequest, err.Error())
		}
		bound := asked.Spec.BoundObjectRef
		pods, rest, _ := strings.Cut(path, "/serviceaccounts/")
		pod := p.pods[pods+"/pods/"+bound.Name]
		account, _, _ := strings.Cut(rest, "/")
		switch {
		case pod == nil || pod.UID != bound.UID:
			return refusal(409, metav1.StatusReasonConflict, "the UID in the bound object reference does not match the UID in record")
		case pod.Spec.ServiceAccountName != account:
			return refusal(422, metav1.StatusReasonInvalid, "cannot bind token for serviceaccount to pod running with different serviceaccount name")
		}
		asked.Status.Token = string(pod.UID)
		return http.StatusCreated, asked
	case strings.HasSuffix(path, "/serviceaccounts"):
		var account corev1.ServiceAccount
		_ = json.NewDecoder(r.Body).Decode(&account)
		if p.accounts[account.Name] {
			return refusal(409, metav1.StatusReasonAlreadyExists, fmt.Sprintf("serviceaccounts %q already exists", account.Name))
		}
		p.accounts[account.Name] = true
		return http.StatusCreated, account
	case strings.HasSuffix(path, "/pods"):
		pod := new(corev1.Pod)
		_ = json.NewDecoder(r.Body).Decode(pod)
		if p.pods[path+"/"+pod.Name] != nil {
			return refusal(409, metav1.StatusReasonAlreadyExists, fmt.Sprintf("pods %q already exists", pod.Name))
		}
		p.made++
		pod.UID = types.UID(fmt.Sprintf("uid-%d", p.made))
		p.pods[path+"/"+pod.Name] = pod
		return http.StatusCreated, pod
	}
	return refusal(405, metav1.StatusReasonMethodNotAllowed, r.Method+" "+path)
}

const podApp = "/api/v1/namespaces/team/pods/app"

func newPodServer(t *testing.T) (*podServer, func() *share) {
	t.Helper()
	p := &podServer{accounts: map[string]bool{}, pods: map[string]*corev1.Pod{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Client: client, name: "test"}
	return p, func() *share { return &share{running: r, known: map[string]bool{"team": true}} }
}

func podOf(uid types.UID, account string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "app", UID: uid}, Spec: corev1.PodSpec{ServiceAccountName: account}}
}

func standInFor(account string) harness.TokenRequest {
	return harness.TokenRequest{ServiceAccount: "team/" + account, Pod: "app", StandIn: true, Audience: []string{"pods.eks.amazonaws.com"}}
}

// Two scenarios that only request tokens share a namespace. Both look for the
// pod before either has made it, and both then have a token of the same pod.
func TestStandInsMadeAtOnce(t *testing.T) {
	p, newShare := newPodServer(t)
	var both sync.WaitGroup
	both.Add(2)
	p.looked = func(path string) {
		p.mu.Lock()
		early := path == podApp && p.made == 0
		p.mu.Unlock()
		if early {
			both.Done()
			both.Wait()
		}
	}
	tokens := make(chan string, 2)
	var done sync.WaitGroup
	for range 2 {
		s := newShare()
		done.Go(func() {
			token, err := s.Token(context.Background(), standInFor("app"))
			if err != nil {
				t.Error(err)
			}
			tokens <- token
		})
	}
	done.Wait()
	if a, b := <-tokens, <-tokens; a != "uid-1" || b != a {
		t.Errorf("tokens of %q and %q", a, b)
	}
	if len(p.pods) != 1 {
		t.Errorf("%d pods", len(p.pods))
	}
}

func TestStandInBesideOtherPods(t *testing.T) {
	t.Run("of another account", func(t *testing.T) {
		p, newShare := newPodServer(t)
		p.pods[podApp] = podOf("other's", "other")
		for range 2 { // the second finds what the first made
			if token, err := newShare().Token(context.Background(), standInFor("app")); err != nil || token != "uid-1" {
				t.Errorf("%q, %v", token, err)
			}
		}
		if p.pods[podApp].UID != "other's" || p.pods[podApp+"-1"] == nil {
			t.Error("the other account's pod was touched, or none made beside it")
		}
	})
	t.Run("that is ending", func(t *testing.T) {
		p, newShare := newPodServer(t)
		ending := podOf("old", "app")
		ending.DeletionTimestamp = &metav1.Time{Time: time.Now()}
		p.pods[podApp] = ending
		looked := 0
		p.looked = func(string) {
			if looked++; looked == 2 {
				p.mu.Lock()
				delete(p.pods, podApp)
				p.mu.Unlock()
			}
		}
		if token, err := newShare().Token(context.Background(), standInFor("app")); err != nil || token != "uid-1" {
			t.Errorf("%q, %v", token, err)
		}
	})
	t.Run("in somebody's namespace", func(t *testing.T) {
		_, newShare := newPodServer(t)
		s := newShare()
		s.known = nil
		t2 := standInFor("app")
		var unfit *harness.UnfitError
		if _, err := s.boundPod(context.Background(), "team", "app", &t2); !errors.As(err, &unfit) {
			t.Error(err)
		}
	})
	t.Run("that the scenario names", func(t *testing.T) {
		p, newShare := newPodServer(t)
		p.pods[podApp] = podOf("other's", "other")
		named := standInFor("app")
		named.StandIn = false
		if _, err := newShare().Token(context.Background(), named); err == nil || !strings.Contains(err.Error(), "different serviceaccount name") {
			t.Errorf("a token bound to another account's pod: %v", err)
		}
	})
}

// Two scenarios apply the namespace that they share at the same moment.
func TestApplyBesideAnother(t *testing.T) {
	for name, c := range map[string]struct {
		reason metav1.StatusReason
		uid    types.UID // in what is applied
		tries  int
		ok     bool
	}{
		"made meanwhile":      {metav1.StatusReasonAlreadyExists, "", 2, true},
		"changed meanwhile":   {metav1.StatusReasonConflict, "", 2, true},
		"of another identity": {metav1.StatusReasonConflict, "0f0e7b4c", 1, false},
		"not allowed":         {metav1.StatusReasonForbidden, "", 1, false},
	} {
		tries := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch {
			case r.Method == http.MethodGet: // the kinds that there are
				_ = json.NewEncoder(w).Encode(metav1.APIResourceList{APIResources: []metav1.APIResource{{Name: "namespaces", Kind: "Namespace"}}})
			case tries == 0:
				tries++
				w.WriteHeader(http.StatusConflict)
				_, answer := refusal(409, c.reason, "no")
				_ = json.NewEncoder(w).Encode(answer)
			default:
				tries++
				_, _ = w.Write([]byte("{}"))
			}
		}))
		client, err := kube.New(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		o := namespaceObject("team")
		o.SetUID(c.uid)
		err = (&running{Client: client}).apply(context.Background(), &o)
		if (err == nil) != c.ok || tries != c.tries {
			t.Errorf("%s: %d tries, %v", name, tries, err)
		}
		server.Close()
	}
}
