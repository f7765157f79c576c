package incluster

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/irsa-emu/irsa-emu/tunnel"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// A client that trusts the authority is carried; one that does not is noted with
// the host that it wanted, in both versions of TLS.
func TestBrokenHandshakes(t *testing.T) {
	secret, err := NewSecret(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const host = "sts.us-west-2.amazonaws.com"
	certificate, err := serverCertificate(secret, time.Now(), host)
	if err != nil {
		t.Fatal(err)
	}
	trusting := x509.NewCertPool()
	trusting.AppendCertsFromPEM(secret[SecretCA])
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		for _, trusts := range []bool{true, false} {
			from, client := pair(t)
			to, emulator := pair(t)
			broken := make(chan *tunnel.BrokenOff, 1)
			ended := make(chan struct{})
			go func() {
				tunnel.Join(t.Context(), from, to, time.Second, func(b *tunnel.BrokenOff) { broken <- b })
				close(ended)
			}()
			go func() { // answers a line with another
				server := tls.Server(emulator, &tls.Config{Certificates: []tls.Certificate{*certificate}})
				line := make([]byte, 6)
				if _, err := io.ReadFull(server, line); err == nil {
					_, _ = io.WriteString(server, "well\n")
				}
				_ = server.Close()
			}()
			roots := x509.NewCertPool()
			if trusts {
				roots = trusting
			}
			c := tls.Client(client, &tls.Config{ServerName: host, RootCAs: roots, MinVersion: version, MaxVersion: version})
			_, err := io.WriteString(c, "hello\n")
			if trusts {
				if answer, _ := io.ReadAll(c); err != nil || string(answer) != "well\n" {
					t.Errorf("TLS %s: %q, %v", name, answer, err)
				}
			} else if err == nil {
				t.Errorf("TLS %s: an authority that nobody trusts is trusted", name)
			}
			_ = c.Close()
			<-ended
			select {
			case b := <-broken:
				if trusts || b.Host != host || !strings.Contains(b.Reason, "authority") && !strings.Contains(b.Reason, "bad certificate") {
					t.Errorf("TLS %s, trusting %t: %v", name, trusts, b)
				}
			default:
				if !trusts {
					t.Errorf("TLS %s: the broken handshake was not seen", name)
				}
			}
		}
	}
}

func TestHandshakesAreKept(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	h := &Handshakes{Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }}
	registry := prometheus.NewRegistry()
	h.Register(registry)
	eso := caller{namespace: "external-secrets", pod: "eso-1", serviceAccount: "eso"}
	for range 3 {
		h.note(eso, "sts.amazonaws.com", "tls: bad certificate")
		now = now.Add(time.Second)
	}
	h.note(caller{}, "s3.amazonaws.com", "tls: bad certificate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/handshakes", nil))
	var list []FailedHandshake
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Host != "s3.amazonaws.com" || list[1].Count != 3 || list[1].Pod != "eso-1" || list[1].ServiceAccount != "eso" {
		t.Errorf("%+v", list)
	}
	if n := strings.Count(log.String(), "pod=eso-1"); n != 1 || !strings.Contains(log.String(), webhook.EndpointsAnnotation) {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
	h.note(caller{namespace: "shop", pod: "deno", trusts: []string{"AWS_CA_BUNDLE", "SSL_CERT_DIR"}}, "s3.amazonaws.com", "")
	h.note(caller{namespace: "shop", pod: "bare", trusts: []string{}}, "s3.amazonaws.com", "")
	for _, want := range []string{webhook.AuthorityAnnotation + "=VARIABLES, of which its program reads one; it has AWS_CA_BUNDLE, SSL_CERT_DIR, and", "it has none, and"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in\n%s", want, log.String())
		}
	}
	if n := testutil.ToFloat64(h.counter.WithLabelValues("external-secrets")); n != 3 {
		t.Errorf("counted %v", n)
	}
	for i := range 3 * mostFailed {
		h.note(caller{pod: strings.Repeat("x", i)}, "s3.amazonaws.com", "")
	}
	if len(h.List()) > mostFailed {
		t.Error("kept without bound")
	}
}
