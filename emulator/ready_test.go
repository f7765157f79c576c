package emulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
)

func ready(e *Emulator) (int, string) {
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code, w.Body.String()
}

func TestReady(t *testing.T) {
	backend := &failingBackend{Backend: state.NewMemory()}
	emu := Start(t, Config{Backend: backend})
	if status, body := ready(emu.Emulator); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	backend.fail(errors.New("dial tcp 10.0.0.7:2379: connection refused"))
	status, body := ready(emu.Emulator)
	if status != http.StatusOK || !strings.Contains(body, "the store is cut off") || strings.Contains(body, "10.0.0.7") {
		t.Errorf("without the store: %d %q", status, body)
	}
	backend.fail(nil)
	emu.server.draining.Store(true)
	if status, body := ready(emu.Emulator); status != http.StatusServiceUnavailable || body != "not ready: shutting down\n" {
		t.Errorf("while it ends: %d %q", status, body)
	}
}

// Serve answers over HTTP and HTTPS, drains, and leaves nothing running (TestMain looks).
func TestServeEnds(t *testing.T) {
	e, err := New(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	dir := t.TempDir()
	urls := make(chan [2]string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- e.Serve(ctx, ServeConfig{Listen: "127.0.0.1:0", TLSListen: "127.0.0.1:0", DataDir: dir, Drain: time.Hour, // idle connections would hold it so long
			Ready: func(url, tlsURL string) error { urls <- [2]string{url, tlsURL}; return nil }})
	}()
	at := <-urls
	ca, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, url := range at {
		resp, err := client.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is kept, idle
		resp.Body.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
}

func TestLostStoreIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		var fault atomic.Pointer[error]
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			logFaults(ctx, func() error {
				if err := fault.Load(); err != nil {
					return *err
				}
				return nil
			}, textLogger(&log))
		}()
		time.Sleep(5*time.Second + storeWatchEvery/2)
		err := errors.New("no route to host")
		fault.Store(&err)
		time.Sleep(5 * time.Second)
		fault.Store(nil)
		time.Sleep(5 * time.Second)
		stop()
		<-done
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "no route to host") || !strings.Contains(lines[1], "after=5s") {
			t.Errorf("the log:\n%s", &log)
		}
	})
}

// panicking is a service with a mistake.
type panicking struct {
	api.Service
	early bool
}

func (p panicking) Serve(w http.ResponseWriter, _ *api.Request) error {
	if !p.early {
		w.WriteHeader(http.StatusOK)
	}
	panic("index out of range")
}

func TestPanicIsAnAnswer(t *testing.T) {
	var log logBuffer
	emu := startTutorialWith(t, Config{Logger: textLogger(&log)})
	for _, early := range []bool{true, false} {
		emu.services.byVersion["2011-06-15"] = panicking{emu.services.byName["sts"], early}
		resp, err := http.Post(emu.URL, "application/x-www-form-urlencoded", strings.NewReader("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"))
		if !early {
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Error("half an answer looked whole")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		id := resp.Header.Get("X-Amzn-Requestid")
		if resp.StatusCode != http.StatusInternalServerError || id == "" {
			t.Errorf("status %d, request id %q", resp.StatusCode, id)
		}
		if !strings.Contains(log.String(), "requestId="+id) || !strings.Contains(log.String(), "index out of range") {
			t.Errorf("the log:\n%s", &log)
		}
		if d, ok := emu.decisions.Get(id); !ok || d.Reason.Kind != decision.Internal {
			t.Errorf("decision %+v", d)
		}
	}
	if n := len(slices.Collect(emu.decisions.Newest(0, decision.Failed))); n != 2 {
		t.Errorf("%d decisions of failed calls, want 2", n)
	}
}
