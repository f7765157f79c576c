package iam_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	account = "111122223333"
	other   = "444455556666"
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	read    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
)

var epoch = time.Date(2026, 9, 11, 10, 0, 0, 123_000_000, time.UTC)

// repeatable is a source of ids that is the same in every run.
type repeatable struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

func newRepeatable() *repeatable { return &repeatable{r: rand.NewChaCha8([32]byte{1})} }

func (r *repeatable) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(b)
}

// world is an IAM API on a store of its own, without the dispatcher: requests
// are not authenticated, the caller is who the test says.
type world struct {
	t       testing.TB
	store   *state.Store
	api     *iam.API
	rand    io.Reader
	mu      sync.Mutex // guards what follows
	calls   int
	last    *decision.Decision
	fetched []string
}

func newWorld(t testing.TB) *world {
	store, err := state.Open(context.Background(), state.NewMemory(), iam.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, store: store, rand: newRepeatable()}
	w.api = iam.New(iam.Config{Store: store, Rand: w.rand, FetchThumbprint: func(_ context.Context, url string) (string, error) {
		w.fetched = append(w.fetched, url)
		if strings.Contains(url, "unreachable") {
			return "", fmt.Errorf("no such host")
		}
		return strings.Repeat("f", 40), nil
	}})
	return w
}

func root(account string) *api.Principal {
	return &api.Principal{Type: api.RootUser, Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account}
}

// userPrincipal is a user of the store as the caller.
func (w *world) userPrincipal(name string) *api.Principal {
	u, ok := iam.UserByName(w.store.Snapshot(), account, name)
	if !ok {
		w.t.Fatalf("no user %s", name)
	}
	return &api.Principal{Type: api.IAMUser, Account: account, ARN: u.ARN(), UserID: u.ID, UserName: u.Name, Tags: u.Tags}
}

// sessionPrincipal is a session of a role of the store as the caller.
func (w *world) sessionPrincipal(name string) *api.Principal {
	r, ok := iam.RoleByName(w.store.Snapshot(), account, name)
	if !ok {
		w.t.Fatalf("no role %s", name)
	}
	return &api.Principal{
		Type: api.AssumedRole, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/" + r.Name + "/session",
		UserID: r.ID + ":session", RoleName: r.Name, RoleID: r.ID, RoleARN: r.ARN(), Tags: r.Tags, Temporary: true, Issued: epoch,
	}
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request, form url.Values, p *api.Principal) {
	w.mu.Lock()
	w.calls++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", w.calls)
	d := &decision.Decision{RequestID: id}
	w.last = d
	w.mu.Unlock()
	call := &wire.Call{
		ID: id, Service: "iam", Action: form.Get("Action"), Version: form.Get("Version"), Region: "us-east-1", HTTP: r, Form: form,
	}
	api.Answer(w.api, rw, &api.Request{Call: call, Principal: p, State: w.store.Snapshot(), Now: epoch, PoliciesOf: iam.PoliciesOf, Decision: d})
}

// do calls an action as p; pairs are parameters and their values.
func (w *world) do(p *api.Principal, action string, pairs ...string) (status int, body string) {
	form := url.Values{"Action": {action}, "Version": {iam.Version}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	rec := httptest.NewRecorder()
	w.serve(rec, httptest.NewRequest(http.MethodPost, "/", nil), form, p)
	return rec.Code, rec.Body.String()
}

// must calls an action as the administrator and fails unless it succeeds.
func (w *world) must(action string, pairs ...string) string {
	w.t.Helper()
	status, body := w.do(root(account), action, pairs...)
	if status != http.StatusOK {
		w.t.Fatalf("%s %v: %d\n%s", action, pairs, status, body)
	}
	return body
}

// refused calls an action as the administrator and compares its error.
func (w *world) refused(status int, code, message, action string, pairs ...string) {
	w.t.Helper()
	w.refusedTo(root(account), status, code, message, action, pairs...)
}

func (w *world) refusedTo(p *api.Principal, status int, code, message, action string, pairs ...string) {
	w.t.Helper()
	got, body := w.do(p, action, pairs...)
	gotCode, gotMessage := element(body, "Code"), element(body, "Message")
	if got != status || gotCode != code || gotMessage != message {
		w.t.Errorf("%s %v:\n got %d %s %q\nwant %d %s %q", action, pairs, got, gotCode, gotMessage, status, code, message)
	}
	if got != http.StatusOK && (w.last.Error == nil || w.last.Reason == nil || w.last.Reason.Kind == "") {
		w.t.Errorf("%s: the decision has no error or no reason: %+v", action, w.last)
	}
}

// element is the text of the first element of that name, unescaped.
func element(xml, name string) string {
	_, rest, found := strings.Cut(xml, "<"+name+">")
	if !found {
		return ""
	}
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(text)
}

// client is the SDK's client on a server in front of the API, which takes every
// caller for the administrator.
func (w *world) client() *sdk.Client {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Error(err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			w.t.Error(err)
		}
		w.serve(rw, r, form, root(account))
	}))
	w.t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	})
}
