package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
)

// throughConnect asks url as a client that is told of the proxy by HTTPS_PROXY.
func throughConnect(t *testing.T, proxy string, address string) (*http.Response, string) {
	t.Helper()
	client := &control.Client{URL: proxy}
	authority, err := client.Authority(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(authority.Certificate)) {
		t.Fatalf("no certificate in %q", authority.Certificate)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Proxy: func(r *http.Request) (*url.URL, error) { return r.URL.Parse(proxy) }}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get(address)
	if err != nil {
		return nil, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// The emulator is AWS's hosts to who reaches it through CONNECT, by TLS.
func TestConnect(t *testing.T) {
	emu := Start(t, Config{})
	const call = "/?Action=GetCallerIdentity&Version=2011-06-15"
	answer, body := throughConnect(t, emu.URL, "https://sts.us-west-2.amazonaws.com"+call)
	if answer == nil || answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "MissingAuthenticationToken") {
		t.Fatalf("the STS says %s", body)
	}
	answer, body = throughConnect(t, emu.URL, "https://some.bucket.s3.dualstack.us-west-2.amazonaws.com/key")
	if answer == nil || answer.StatusCode != http.StatusNotFound || !strings.Contains(body, "<BucketName>some.bucket</BucketName>") {
		t.Errorf("S3 says %s", body)
	}
	// The control API is not a site that AWS's host names lead to.
	if answer, body = throughConnect(t, emu.URL, "https://sts.amazonaws.com/_emu/info"); answer == nil || answer.StatusCode == http.StatusOK {
		t.Errorf("the control API by AWS's host says %s", body)
	}
	for _, host := range []string{"example.com:443", "sts.amazonaws.com:22", "sts.amazonaws.com.example.com:443", "127.0.0.1:443"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(emu.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "CONNECT "+host+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || got.StatusCode != http.StatusForbidden {
			t.Errorf("CONNECT %s: %v, %v", host, got, err)
		}
	}
}

// What is open on loopback alone does not open to who says CONNECT to another listener.
func TestConnectKeepsTheListener(t *testing.T) {
	e, err := New(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- e.Serve(ctx, ServeConfig{Listen: "0.0.0.0:0", Ready: func(url, _ string) error { ready <- url; return nil }})
	}()
	at := <-ready
	proxy, err := net.Dial("tcp", strings.TrimPrefix(at, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	if _, err := io.WriteString(proxy, "CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nHost: sts.amazonaws.com:443\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewReader(proxy)
	if got, err := http.ReadResponse(read, &http.Request{Method: http.MethodConnect}); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", got, err)
	}
	secured := tls.Client(proxy, &tls.Config{InsecureSkipVerify: true, ServerName: "sts.amazonaws.com"}) // who signed is TestConnect's question
	if _, err := io.WriteString(secured, "GET /_emu/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(secured), nil)
	if err != nil || got.StatusCode != http.StatusForbidden {
		t.Errorf("the control API beyond loopback: %v, %v", got, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
