package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulatortest"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// eventually waits for what another goroutine does in its own time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// sidecar runs irsa-emu token --write against an address until stop is called,
// which gives its exit code.
func sidecar(t *testing.T, url, file string, args ...string) (log *lockedBuffer, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = &lockedBuffer{}
	code := make(chan int, 1)
	args = append([]string{"token", "--url", url, "--service-account", "shop/api", "--write", file}, args...)
	go func() { code <- run(ctx, args, os.LookupEnv, nil, log, log) }()
	return log, sync.OnceValue(func() int { cancel(); return <-code })
}

func TestTokenSidecar(t *testing.T) {
	t.Parallel()
	emu := emulatortest.Start(t)
	var up atomic.Bool // the emulator is not there at first
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.Error(w, `{"error": "not yet"}`, http.StatusServiceUnavailable)
			return
		}
		r.Host = strings.TrimPrefix(emu.URL, "http://")
		emu.Handler().ServeHTTP(w, r)
	}))
	defer front.Close()
	file := filepath.Join(t.TempDir(), "new", "folder", "token")
	log, stop := sidecar(t, front.URL, file)
	defer stop()
	eventually(t, "it says that it waits", func() bool {
		return strings.Contains(log.String(), "waiting for the emulator at "+front.URL+": not yet")
	})
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file before there is a token")
	}
	up.Store(true)
	read := func() string {
		content, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		if _, err := oidc.ParseUnverified(string(content)); err != nil {
			t.Fatalf("%s: %v", content, err)
		}
		return string(content)
	}
	eventually(t, "a token", func() bool { return read() != "" })
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, change := range []struct {
		make func(*control.Client) error
		want string
	}{
		{func(c *control.Client) error {
			day := control.Duration(20 * time.Hour)
			_, err := c.MoveClock(t.Context(), control.ClockChange{Advance: &day})
			return err
		}, "anew, since four fifths of its life are over: system:serviceaccount:shop:api of https://"},
		{func(c *control.Client) error { return c.Reset(t.Context(), control.StateReset{}) }, "anew, since the issuer signs with another key"},
		{func(c *control.Client) error { _, err := c.Rotate(t.Context(), control.Rotation{}); return err }, "anew, since the issuer signs with another key"},
	} {
		before, said := read(), strings.Count(log.String(), change.want)
		if err := change.make(emu.Control()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another token", func() bool { return read() != before })
		eventually(t, change.want, func() bool { return strings.Count(log.String(), change.want) > said })
	}
	health := func() (int, string) {
		out := &lockedBuffer{}
		return run(t.Context(), []string{"health", "--url", front.URL, "--token-file", file}, os.LookupEnv, nil, out, out), out.String()
	}
	if code, out := health(); code != exitOK || out != "ready\n" {
		t.Errorf("health: %d, %s", code, out)
	}
	up.Store(false)
	eventually(t, "it says what fails", func() bool {
		return strings.Contains(log.String(), "is good so far: requesting") || strings.Contains(log.String(), "is good so far: not yet")
	})
	if code := stop(); code != exitOK || !strings.Contains(log.String(), "told to end") {
		t.Errorf("exit code %d: %s", code, log)
	}
	if read() == "" {
		t.Error("the token is gone with the sidecar")
	}
	up.Store(true)
	if err := emu.Clock().Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if code, out := health(); code != exitFailed || !strings.Contains(out, "not ready: the token in "+file+" expired at ") {
		t.Errorf("health of an expired token: %d, %s", code, out)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
}

func TestTokenSidecarIsToldToEndWhileItWaits(t *testing.T) {
	for once, want := range map[string]int{"--once=false": exitOK, "--once": exitFailed} {
		log, stop := sidecar(t, "http://127.0.0.1:1", filepath.Join(t.TempDir(), "token"), once)
		eventually(t, "it waits", func() bool { return strings.Contains(log.String(), "waiting for the emulator") })
		if code := stop(); code != want {
			t.Errorf("%s: exit code %d: %s", once, code, log)
		}
	}
}

// What is refused does not go by itself.
func TestTokenSidecarIsRefused(t *testing.T) {
	emu := emulatortest.Start(t)
	for args, want := range map[string]string{
		"--issuer=no-url":                        "issuer",
		"--wait=200ms --url=http://[::1]:1":      "no token within 200ms from the emulator at http://[::1]:1; --wait waits longer",
		"--service-account= --subject=x --pod=p": "pod",
	} {
		file := filepath.Join(t.TempDir(), "token")
		log := &lockedBuffer{}
		line := append([]string{"token", "--url", emu.URL, "--service-account", "shop/api", "--write", file}, strings.Fields(args)...)
		if code := run(t.Context(), line, os.LookupEnv, nil, log, log); code != exitFailed || !strings.Contains(log.String(), want) {
			t.Errorf("%s: exit code %d: %s", args, code, log)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: there is a file", args)
		}
	}
}

// A reader never finds half of a token, or none.
func TestTokenIsWrittenWhole(t *testing.T) {
	f := tokenFile{path: filepath.Join(t.TempDir(), "token"), permissions: 0o600}
	tokens := map[string]bool{strings.Repeat("a", 4000): true, strings.Repeat("b", 9000): true}
	write := func() {
		for token := range tokens {
			if err := f.write(token); err != nil {
				t.Error(err)
			}
		}
	}
	write()
	var writing sync.WaitGroup
	writing.Go(func() {
		for range 300 {
			write()
		}
	})
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	for {
		content, err := os.ReadFile(f.path)
		if err != nil || !tokens[string(content)] {
			t.Fatalf("read %d bytes, %v", len(content), err)
		}
		select {
		case <-done:
			if info, err := os.Stat(f.path); err != nil || info.Mode() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			return
		default:
		}
	}
}
