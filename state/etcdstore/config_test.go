package etcdstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
)

func TestParse(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"etcd://127.0.0.1:2379/irsa":              "[127.0.0.1:2379] irsa  3s 1572864 128",
		"etcd://127.0.0.1:2379":                   "[127.0.0.1:2379] irsa-emu  3s 1572864 128",
		"etcd://127.0.0.1:2379/":                  "[127.0.0.1:2379] irsa-emu  3s 1572864 128",
		"etcd://a:2379,b:2380,[::1]:2381/team/a/": "[a:2379 b:2380 [::1]:2381] team/a  3s 1572864 128",
		"etcd://a:1/p?timeout=500ms&max-txn-ops=512&max-request-bytes=10485760": "[a:1] p  500ms 10485760 512",
		"etcd://a:1/p?username=root&password-file=" + url.QueryEscape(password): "[a:1] p root:s3cr3t 3s 1572864 128",
		"etcd://a:1/p?tls=true&server-name=etcd":                                "[a:1] p  3s 1572864 128 tls etcd",
		"http://a:1/p":                                                          `the address of an etcd store: an etcd store is written etcd://HOST:PORT[,HOST:PORT]/PREFIX`,
		"etcd://":                                                               `the address of an etcd store: "" is not HOST:PORT`,
		"etcd://a/p":                                                            `the address of an etcd store: "a" is not HOST:PORT`,
		"etcd://a:1,/p":                                                         `the address of an etcd store: "" is not HOST:PORT`,
		"etcd://root:s3cr3t@a:1/p":                                              "name and password do not go here; use ?username=NAME&password-file=FILE",
		"etcd://root:s3cr3t/p":                                                  "the port of root is not a number",
		"etcd://a:1/p?tmieout=3s":                                               "option tmieout: there is no such option",
		"etcd://a:1/p?timeout=3":                                                `option timeout: time: missing unit in duration "3"`,
		"etcd://a:1/p?timeout=-3s":                                              "a timeout of -3s",
		"etcd://a:1/p?max-txn-ops=1":                                            "max-txn-ops is 1, less than 16",
		"etcd://a:1/p?max-request-bytes=1":                                      "max-request-bytes is 1, less than 131072",
		"etcd://a:1/p?cert=x.pem":                                               "options cert and key go together",
		"etcd://a:1/p?cacert=" + url.QueryEscape(password):                      "option cacert: there is no certificate in " + password,
		"etcd://a:1/p?cacert=absent.pem":                                        "option cacert: open absent.pem: no such file or directory",
		"etcd://a:1/p?server-name=x":                                            "option server-name: it is of no use without TLS",
		"etcd://a:1/p?password-file=" + url.QueryEscape(password):               "a password without a username",
	} {
		c, err := etcdstore.Parse(address)
		got := fmt.Sprintf("%v %s %s %v %d %d", c.Endpoints, c.Prefix, c.Username, c.Timeout, c.MaxRequestBytes, c.MaxTxnOps)
		if c.Password != "" {
			got = strings.Replace(got, c.Username, c.Username+":"+c.Password, 1)
		}
		if c.TLS != nil {
			got += " tls " + c.TLS.ServerName
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.HasSuffix(got, ": "+want)) {
			t.Errorf("%s:\n\tgot  %s\n\twant %s", address, got, want)
		}
	}
}

// FuzzParse: nothing panics, and what is taken can be connected to.
func FuzzParse(f *testing.F) {
	for _, address := range []string{"etcd://127.0.0.1:2379/irsa", "etcd://a:1,[::1]:2/p/q?timeout=1s&tls=true", "etcd://@:/?%"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if strings.Contains(address, "file") || strings.Contains(address, "c") && strings.Contains(address, "?") || strings.Contains(address, "key") {
			return // it would read whatever the fuzzer names
		}
		c, err := etcdstore.Parse(address)
		if err == nil && (len(c.Endpoints) == 0 || c.Prefix == "" || c.Timeout <= 0) {
			t.Errorf("%q gives %+v", address, c)
		}
	})
}

// authority makes a CA, and certificates by it, as PEM files.
type authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{folder: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

func (a *authority) issue(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(a.path(name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// TestTLSAndPassword: a server that wants a client's certificate, and then a user and password with rights to one prefix.
func TestTLSAndPassword(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	ca.issue(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	other := newAuthority(t)
	m := &member{folder: filepath.Join(t.TempDir(), "etcd"), listen: "https://127.0.0.1:0", config: func(c *embed.Config) {
		c.ClientTLSInfo.CertFile, c.ClientTLSInfo.KeyFile = ca.path("server.pem"), ca.path("server.key")
		c.ClientTLSInfo.TrustedCAFile, c.ClientTLSInfo.ClientCertAuth = ca.path("ca.pem"), true
		c.BcryptCost = 4
	}}
	if err := m.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.stop)
	files := url.Values{"cacert": {ca.path("ca.pem")}, "cert": {ca.path("client.pem")}, "key": {ca.path("client.key")}, "timeout": {"10s"}}
	parse := func(prefix string, change url.Values) etcdstore.Config {
		t.Helper()
		options := url.Values{}
		for _, from := range []url.Values{files, change} {
			for name, values := range from {
				options[name] = values
			}
		}
		for name, values := range options {
			if values[0] == "" {
				delete(options, name)
			}
		}
		c, err := etcdstore.Parse("etcd://" + m.address() + "/" + prefix + "?" + options.Encode())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wantRefused := func(what string, c etcdstore.Config, text string) {
		t.Helper()
		_, err := etcdstore.Open(context.Background(), c)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %q", what, err, text)
		}
	}
	mustPut(t, openStore(t, parse("mine", nil)), item("a", 1))
	// What is said of it differs: the server's alert races with the end of the connection.
	wantRefused("without a client's certificate", parse("mine", url.Values{"cert": {""}, "key": {""}, "timeout": {"1s"}}), m.address())
	wantRefused("with another authority", parse("mine", url.Values{"cacert": {other.path("ca.pem")}}), "certificate signed by unknown authority")
	wantRefused("without TLS", etcdstore.Config{Endpoints: []string{m.address()}, Timeout: time.Second}, m.address())

	tls := parse("mine", nil).TLS
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{m.address()}, TLS: tls})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := t.Context()
	prefixEnd := clientv3.GetPrefixRangeEnd("mine/")
	for _, step := range []func() error{
		func() error { _, err := client.UserAdd(ctx, "root", "r00t"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := client.UserAdd(ctx, "emu", "s3cr3t"); return err },
		func() error { _, err := client.RoleAdd(ctx, "mine"); return err },
		func() error {
			_, err := client.RoleGrantPermission(ctx, "mine", "mine/", prefixEnd, clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := client.UserGrantRole(ctx, "emu", "mine"); return err },
		func() error { _, err := client.AuthEnable(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	password, wrong := ca.path("password"), ca.path("wrong")
	if err := errors.Join(os.WriteFile(password, []byte("s3cr3t\n"), 0o600), os.WriteFile(wrong, []byte("guess"), 0o600)); err != nil {
		t.Fatal(err)
	}
	user := url.Values{"username": {"emu"}, "password-file": {password}}
	a, b := openStore(t, parse("mine", user)), openStore(t, parse("mine", user))
	mustPut(t, a, item("a", 2))
	await(t, b, "a", 2)
	// A batch, which needs a lease as well.
	var many []state.Entity
	for i := range 300 {
		many = append(many, item(fmt.Sprint(i), 1))
	}
	mustPut(t, a, many...)
	await(t, b, "299", 1)
	wantRefused("a wrong password", parse("mine", url.Values{"username": {"emu"}, "password-file": {wrong}}), "authentication failed")
	wantRefused("no password", parse("mine", nil), "permission denied") // the certificate's name is taken for the user's
	wantRefused("a prefix that is not the user's", parse("theirs", user), "permission denied")
}
