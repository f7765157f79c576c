// Package servicetest lets the tests of the services call them with the AWS SDK
// for Go: a server that does what the dispatcher does, without its routing, and
// callers with the policies that a test gives them. It is for tests only.
package servicetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/api"
	ours "github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Accounts and region of the tests.
const (
	Account = ours.DefaultAccount
	Other   = "444455556666"
	Region  = "us-west-2"
)

const secret = "test-secret"

// Server is one service behind HTTP.
type Server struct {
	URL   string
	Store *state.Store

	t       testing.TB
	service api.Service
	http    *httptest.Server

	mu      sync.Mutex
	now     time.Time
	callers map[string]*api.Principal // by access key id
	last    *decision.Decision
}

// Start serves what build makes of a store that was opened with the kinds. With
// TLS it speaks HTTPS, over which the SDK sends bodies in chunks.
func Start(t testing.TB, kinds []state.Kind, tls bool, build func(*state.Store) api.Service) *Server {
	t.Helper()
	return StartOn(t, state.NewMemory(), kinds, tls, build)
}

// StartOn is Start with the backend that keeps the store.
func StartOn(t testing.TB, backend state.Backend, kinds []state.Kind, tls bool, build func(*state.Store) api.Service) *Server {
	t.Helper()
	store, err := state.Open(t.Context(), backend, append(iam.Kinds(), kinds...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s := &Server{Store: store, t: t, service: build(store), callers: map[string]*api.Principal{}, now: time.Now().UTC().Truncate(time.Millisecond)}
	if starter, ok := s.service.(api.Starter); ok {
		if err := starter.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(starter.Stop)
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if tls {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	t.Cleanup(s.http.Close)
	s.URL = s.http.URL
	return s
}

// Client is an HTTP client that trusts the server.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Service is what is served.
func (s *Server) Service() api.Service { return s.service }

// Advance moves the services' clock.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Now is the services' time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Last is the decision of the newest call.
func (s *Server) Last() *decision.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Root gives the configuration of an account's administrator.
func (s *Server) Root(account string) aws.Config {
	return s.caller(account, &api.Principal{
		Type: api.RootUser, Account: account, ARN: iam.RootARN(s.Store.Snapshot(), account), UserID: account, AccessKeyID: account,
	})
}

// Role makes a role with inline policies and gives the configuration of a
// session of it, arn:aws:sts::ACCOUNT:assumed-role/NAME/test.
func (s *Server) Role(account, name string, policies ...string) aws.Config {
	s.t.Helper()
	role := &iam.Role{Account: account, Path: "/", Name: name, ID: "AROA" + strings.ToUpper(name) + account[:4], Created: s.Now(), MaxSessionDuration: 3600}
	role.Trust = s.document(name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole"}]}`)
	for i, text := range policies {
		role.Inline = append(role.Inline, iam.InlinePolicy{Name: fmt.Sprintf("policy-%d", i+1), Document: s.document(name, text)})
	}
	err := s.Store.Update(context.Background(), func(tx *state.Txn) error { tx.Put(role); return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Session(account, name)
}

// Session gives the configuration of a session of a role that exists.
func (s *Server) Session(account, name string) aws.Config {
	s.t.Helper()
	role, ok := iam.RoleByName(s.Store.Snapshot(), account, name)
	if !ok {
		s.t.Fatalf("there is no role %s", name)
	}
	key := "AKIA" + strings.ToUpper(name) + account
	return s.caller(key, &api.Principal{
		Type: api.AssumedRole, Account: account, ARN: role.SessionARN("test"),
		UserID: role.ID + ":test", AccessKeyID: key, RoleName: name, RoleID: role.ID, RoleARN: role.ARN(),
		Temporary: true, Issued: s.Now(), Expires: s.Now().Add(time.Hour),
	})
}

// Trust replaces the trust policy of a role, which trusts its own account at first.
func (s *Server) Trust(account, name, text string) {
	s.t.Helper()
	err := s.Store.Update(context.Background(), func(tx *state.Txn) error {
		role, ok := iam.RoleByName(tx, account, name)
		if !ok {
			return fmt.Errorf("there is no role %s", name)
		}
		changed := *role
		changed.Trust = s.document(name, text)
		tx.Put(&changed)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) document(role, text string) iam.Document {
	s.t.Helper()
	parsed, err := policy.Parse([]byte(text))
	if err != nil {
		s.t.Fatalf("policy of role %s: %v", role, err)
	}
	return iam.NewDocument(parsed)
}

func (s *Server) caller(key string, p *api.Principal) aws.Config {
	s.mu.Lock()
	s.callers[key] = p
	s.mu.Unlock()
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
		// What config.LoadDefaultConfig sets.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	call := &wire.Call{ID: wire.NewRequestID(), HTTP: r, Region: Region}
	req := &api.Request{Call: call, State: s.Store.Snapshot(), Now: s.Now(), PoliciesOf: iam.PoliciesOf, OrganizationOf: iam.OrganizationOf, Decision: &decision.Decision{RequestID: call.ID}}
	if err := s.authenticate(req); err != nil {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "test server: %v", err)
		return
	}
	req.Decision.Service, req.Decision.Action = req.Service, req.Action
	if r := api.Answer(s.service, w, req); r != nil && r.Cause != nil {
		s.t.Logf("%s failed: %v", req.Action, r.Cause)
	}
	s.mu.Lock()
	s.last = req.Decision
	s.mu.Unlock()
}

func (s *Server) authenticate(req *api.Request) error {
	sig, err := wire.ParseSignature(req.HTTP)
	if err != nil {
		return err
	}
	if sig == nil {
		return nil
	}
	req.Service, req.Region = sig.Service, sig.Region
	protocol := s.service.Describe().Protocol
	stream, streams := protocol.(wire.StreamProtocol)
	if !streams {
		if req.Body, err = io.ReadAll(req.HTTP.Body); err != nil {
			return err
		}
	}
	if err := protocol.Read(req.Call); err != nil {
		return err
	}
	if err := sig.Verify(req.HTTP, secret, time.Now(), wire.VerifyOptions{Service: sig.Service, S3: streams, Body: req.Body}); err != nil {
		return err
	}
	if streams {
		if err := stream.OpenBody(req.HTTP, sig); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, known := s.callers[sig.AccessKeyID]
	if !known {
		return fmt.Errorf("no caller has the access key %s", sig.AccessKeyID)
	}
	req.Principal = p
	return nil
}

// Allow is an identity policy with one statement.
func Allow(resource string, actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"` + resource + `"}]}`
}
