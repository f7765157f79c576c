package intercept

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/irsa-emu/irsa-emu/emulator"
	_ "github.com/irsa-emu/irsa-emu/golden" // -update
	"github.com/irsa-emu/irsa-emu/tunnel"
)

var served = regexp.MustCompile(emulator.HostPattern())

// The proxy is its command's alone, and no site that a browser could open.
func TestProxyIsGuarded(t *testing.T) {
	emulator := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // nothing listens
	user := url.UserPassword("u", "p")
	p := newProxy(t.Context(), &starter{emulator: emulator, Config: Config{Served: served}}, user)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.serve(l)
	defer p.stop()
	for _, test := range []struct {
		user   *url.Userinfo
		target string
		want   string
	}{
		{nil, "sts.amazonaws.com:443", "407 Proxy Authentication Required"},
		{url.UserPassword("u", "q"), "sts.amazonaws.com:443", "407 Proxy Authentication Required"},
		{user, "sts.amazonaws.com:443", "502 Bad Gateway: irsa-emu exec --intercept: sts.amazonaws.com:443: "},
		{user, "127.0.0.1:1", "502 Bad Gateway: irsa-emu exec --intercept: 127.0.0.1:1: "},
	} {
		_, err := through(t.Context(), &url.URL{Scheme: "http", Host: l.Addr().String(), User: test.user}, test.target)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%v %s: %v; want %s", test.user, test.target, err, test.want)
		}
	}
	answer, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("as a site it says %v, %v", answer, err)
	}
	answer.Body.Close()
}

// Both directions of a tunnel end by themselves, and an answer may come after its question has ended.
func TestJoinHalfClosed(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // until its end comes
		_, _ = conn.Write(bytes.ToUpper(all))
	}()
	p := newProxy(t.Context(), &starter{emulator: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Config: Config{Served: served}}, url.UserPassword("u", "p"))
	server := httptest.NewServer(p)
	defer server.Close()
	at, _ := url.Parse(server.URL)
	at.User = url.UserPassword("u", "p")
	conn, err := through(t.Context(), at, echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := tunnel.CloseWrite(conn); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "HELLO" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// AWS's names are the given address, others what the servers before say, by UDP and by TCP.
func TestNames(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := serve(t, newNames(ctx, netip.MustParseAddr("127.9.9.9"), served, nil)) // who knows of AWS's hosts alone stands for the one before
	ours := newNames(ctx, netip.MustParseAddr("127.1.2.3"), served, []string{before})
	at := serve(t, ours)
	for _, network := range []string{"udp", "tcp"} {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at)
		}}
		if got, err := resolver.LookupNetIP(ctx, "ip4", "never-seen.s3.us-west-2.amazonaws.com."); err != nil || len(got) != 1 || got[0].String() != "127.1.2.3" {
			t.Errorf("%s: %v, %v", network, got, err)
		}
		if got, err := resolver.LookupNetIP(ctx, "ip6", "sts.amazonaws.com."); err == nil {
			t.Errorf("%s: %v has an address of IPv6", network, got)
		}
		if got, err := resolver.LookupNetIP(ctx, "ip4", "www.example.com."); err == nil {
			t.Errorf("%s: no server before knows www.example.com, yet it is %v", network, got)
		}
	}
	question := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("sts.amazonaws.com."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	packed, err := question.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ours.ask("udp", before, packed); err != nil || !bytes.Contains(got, []byte{127, 9, 9, 9}) {
		t.Errorf("a question handed on: %x, %v", got, err)
	}
}

// serve starts a DNS server on one port of both protocols.
func serve(t *testing.T, n *names) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n.open.Go(func() { n.servePackets(conn) })
	n.open.Go(func() { n.serveStreams(l) })
	t.Cleanup(func() { l.Close(); conn.Close(); n.open.Wait() })
	return l.Addr().String()
}

func FuzzNames(f *testing.F) {
	f.Add([]byte{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 's', 't', 's', 9, 'a', 'm', 'a', 'z', 'o', 'n', 'a', 'w', 's', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1})
	n := newNames(f.Context(), netip.MustParseAddr("127.1.2.3"), served, nil)
	f.Fuzz(func(t *testing.T, packet []byte) {
		answer := n.answer(packet, "udp")
		if answer == nil {
			return
		}
		var parsed dnsmessage.Message
		if err := parsed.Unpack(answer); err != nil || !parsed.Response || parsed.ID != uint16(packet[0])<<8|uint16(packet[1]) {
			t.Errorf("%x is answered %x: %v", packet, answer, err)
		}
	})
}

func TestResolverFiles(t *testing.T) {
	text, servers := resolvConf("# made by hand\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nsearch example.com\noptions ndots:5", netip.MustParseAddr("127.1.2.3"))
	if want := "nameserver 127.1.2.3\n# made by hand\nsearch example.com\noptions ndots:5\n"; text != want || !slices.Equal(servers, []string{"10.0.0.2:53", "[fe80::1%eth0]:53"}) {
		t.Errorf("%q, %q", text, servers)
	}
	if _, servers := resolvConf("", netip.MustParseAddr("127.1.2.3")); !slices.Equal(servers, []string{"127.0.0.1:53"}) {
		t.Errorf("of nothing: %q", servers)
	}
	for before, want := range map[string]string{
		"passwd: files\nhosts: files dns\n": "", "": "", "hosts:\n": "",
		"passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n": "passwd: files\nhosts: mymachines files myhostname dns\n",
		"hosts:      files resolve [!UNAVAIL=return]\n":                                     "hosts: files dns\n",
		"hosts: resolve [NOTFOUND=continue] [TRYAGAIN=return]":                              "hosts: dns\n",
		"hosts: resolve [ !UNAVAIL=return  TRYAGAIN=continue ] files":                       "hosts: files dns\n",
		"hosts: files resolve dns resolve [!UNAVAIL=return]\n":                              "hosts: files dns\n",
	} {
		if got := nsswitchConf(before); got != want {
			t.Errorf("%q becomes %q, want %q", before, got, want)
		}
	}
}

func FuzzResolverFiles(f *testing.F) {
	f.Add("hosts: files resolve [!UNAVAIL=return] dns\n")
	f.Add("nameserver 10.0.0.2\noptions ndots:5\n")
	f.Add("hosts: files resolve [! resolve [!UNAVA")
	f.Fuzz(func(t *testing.T, text string) {
		if again := nsswitchConf(nsswitchConf(text)); again != "" && strings.Count(text, "hosts") < 2 {
			t.Errorf("%q: what was changed is changed again: %q", text, again)
		}
		if _, servers := resolvConf(text, netip.MustParseAddr("127.1.2.3")); len(servers) == 0 {
			t.Errorf("%q has no server", text)
		}
	})
}

// What the shell trusts, the command goes on to trust, and the authority beside it, in every form.
func TestTrust(t *testing.T) {
	authority, companys := certificate(t), certificate(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "company.pem")
	if err := os.WriteFile(file, bytes.TrimSpace(companys), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"SSL_CERT_FILE=" + file, "NODE_EXTRA_CA_CERTS=" + file, "JAVA_TOOL_OPTIONS=-Xmx1g"}
	trust, err := newTrust(dir, authority, environ)
	if err != nil {
		t.Fatal(err)
	}
	env := trust.variables(environ)
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		content, err := os.ReadFile(lookup(env, name))
		if got := certificates(content); err != nil || len(got) != 2 {
			t.Errorf("%s has %d certificates, %v:\n%s", name, len(got), err, content)
		}
	}
	java := lookup(env, "JAVA_TOOL_OPTIONS")
	if !strings.HasPrefix(java, "-Xmx1g -Djavax.net.ssl.trustStore=") {
		t.Errorf("Java's options are %q", java)
	}
	store, err := os.ReadFile(filepath.Join(dir, "authorities.p12"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pkcs12.DecodeTrustStore(store, storePassword); err != nil || len(got) != 2 {
		t.Errorf("the store of Java has %d certificates, %v", len(got), err)
	}
	if _, err := newTrust(dir, authority, []string{"SSL_CERT_FILE=/no/such/file"}); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("a bundle that is not there: %v", err)
	}
}

// certificate is a PEM one of a throw-away server.
func certificate(t *testing.T) []byte {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func certificates(bundle []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	return all
}
