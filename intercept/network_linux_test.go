package intercept

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A command with a network of its own reaches what listens on loopback here, and other hosts by its proxy.
func TestOwnNetwork(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("outside ")) }))
	defer site.Close()
	emulator, err := url.Parse(site.URL) // a stand-in that refuses CONNECT
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	trusted, err := newTrust(dir, certificate(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := &starter{Config: Config{Environ: []string{"INTERCEPT_TEST=1"}, Dir: dir, Helper: []string{os.Args[0], "enter"}}, emulator: emulator, trust: trusted}
	s.command = func(environ []string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], site.URL, "http://sts.amazonaws.com/", "http://another.example/")
		cmd.Env, cmd.Stdout, cmd.Stderr = environ, &out, &out
		return cmd
	}
	s.Environ = append(s.Environ, "http_proxy="+site.URL) // another.example is reached by it, outside
	running, err := s.start(t.Context(), byOwnNetwork)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("this machine gives a command no network of its own: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = running.Cmd.Wait()
	if stopped := running.Stop(); err != nil || stopped != nil {
		t.Errorf("%v, %v", err, stopped)
	}
	if got := strings.Count(out.String(), "200 outside"); got != 3 {
		t.Errorf("%d of three sites are reached:\n%s", got, &out)
	}
	if now, err := os.ReadFile(resolvFile); err != nil || bytes.Contains(now, []byte("nameserver 127.")) {
		t.Errorf("this machine's resolver has changed: %s, %v", now, err)
	}
}

func TestListening(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:12A4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0100A8C0:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   3: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   4: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1
`
	if got := strings.Join(listening(table), " "); got != "4772 5432 8081" {
		t.Errorf("ports %s", got)
	}
}
