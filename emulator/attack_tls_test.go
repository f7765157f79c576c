package emulator

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Handshakes for a thousand names keep no thousand certificates, and a name that
// is none ends its own handshake only.
func TestAttackServerNames(t *testing.T) {
	ca, err := createCA(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		if _, err := ca.certificate(&tls.ClientHelloInfo{ServerName: fmt.Sprintf("n%d.example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(ca.leaves); n > maxLeaves {
		t.Errorf("%d certificates are kept", n)
	}
	for _, name := range []string{"\xff\x00", "é.example.com", strings.Repeat("x", 60_000), "a b", "*.*", "-", ".."} {
		leaf, err := ca.certificate(&tls.ClientHelloInfo{ServerName: name})
		if (leaf == nil) == (err == nil) {
			t.Errorf("%.20q: %v, %v", name, leaf, err)
		}
	}
	if _, err := ca.certificate(&tls.ClientHelloInfo{ServerName: "sts.us-west-2.amazonaws.com"}); err != nil {
		t.Error(err)
	}
}

// A State document that comes over the network names files of this machine.
func TestAttackStateThatNamesFiles(t *testing.T) {
	emu := Start(t, Config{})
	for _, path := range []string{"/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "/dev/zero"} {
		var answer struct{ Error string }
		body := `{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"secrets":[{"name":"s","value":{"file":"` + path + `"}}],
"policies":[{"name":"p","document":{"file":"` + path + `"}}]}},"issuers":[{"url":"https://i.example.com","jwks":{"file":"` + path + `"}}]}`
		if status := control(t, emu, http.MethodPost, "/_emu/state", body, &answer); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, status)
		}
		if !strings.Contains(answer.Error, "a file cannot be named here") || strings.Contains(answer.Error, "root:") {
			t.Errorf("%s: %s", path, answer.Error)
		}
	}
}
