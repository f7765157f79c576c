package emulator

import (
	"crypto/tls"
	"fmt"
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
