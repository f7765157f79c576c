package intercept

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/irsa-emu/irsa-emu/aws"
)

// systemBundles are where systems keep the public authorities as one file: Debian
// and Alpine, Red Hat, SUSE, and OpenSSL's own place, which macOS has too.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem", "/etc/ssl/cert.pem",
}

// replacing are the variables that name a bundle in place of the one that a
// program has: OpenSSL, Go, .NET and Ruby; Python's requests, and botocore by it, pip,
// httplib2;
// curl; git; Perl; Cargo; what Nix builds.
//
// AWS_CA_BUNDLE is not among them where SSL_CERT_FILE reaches the same programs:
// AWS's SDKs for Go refuse to start with it beside an HTTP client of the program's
// own ("unable to add custom RootCAs HTTPClient").
var replacing = []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "HTTPLIB2_CA_CERTS", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PERL_LWP_SSL_CA_FILE", "CARGO_HTTP_CAINFO", "NIX_SSL_CERT_FILE"}

// adding are those that name authorities beside a program's own: Node and Deno.
var adding = []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT"}

const (
	sdksOwn     = aws.EnvCABundle
	javaOptions = "JAVA_TOOL_OPTIONS"
	// storePassword is that of Java's own store. There is nothing secret in it.
	storePassword = "changeit"
)

// trust is how a command finds the authority beside those that it trusts anyway.
type trust struct {
	env []string
	// bundle replaces the system's for a command that has a mount namespace.
	bundle string
	java   string // options
}

// newTrust writes the files of a command with an environment into a folder.
func newTrust(dir string, authority []byte, environ []string) (*trust, error) {
	public, err := publicAuthorities(environ)
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile(lookup(environ, adding[0]))
	if err != nil {
		own = nil // Node, too, goes on without
	}
	t := &trust{bundle: filepath.Join(dir, "authorities.pem")}
	added, store := filepath.Join(dir, "authority.pem"), filepath.Join(dir, "authorities.p12")
	everyone := slices.Concat(public, authority)
	encoded, err := javaStore(everyone)
	if err != nil {
		return nil, fmt.Errorf("a trust store for Java: %w", err)
	}
	for path, content := range map[string][]byte{t.bundle: everyone, added: slices.Concat(withNewline(own), authority), store: encoded} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return nil, fmt.Errorf("the authorities of the command: %w", err)
		}
	}
	// A bundle of ours alone takes the public authorities from programs that have them
	// from elsewhere, as on Windows.
	if len(public) > 0 || runtime.GOOS == "linux" {
		for _, name := range replacing {
			t.env = append(t.env, name+"="+t.bundle)
		}
		t.java = "-Djavax.net.ssl.trustStore=" + store + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + storePassword
	}
	for _, name := range adding {
		t.env = append(t.env, name+"="+added)
	}
	// On macOS and Windows, Go asks the system, and no variable but this one counts.
	if runtime.GOOS != "linux" || lookup(environ, sdksOwn) != "" {
		t.env = append(t.env, sdksOwn+"="+t.bundle)
	}
	return t, nil
}

func withNewline(pem []byte) []byte {
	if len(pem) > 0 && !bytes.HasSuffix(pem, []byte("\n")) {
		return append(slices.Clip(pem), '\n')
	}
	return pem
}

// publicAuthorities are those that the command trusts without us: what its
// variables name, a company's own authority often, or else the system's.
func publicAuthorities(environ []string) ([]byte, error) {
	var all []byte
	var seen []string
	take := func(path string) error {
		if path == "" || slices.Contains(seen, path) {
			return nil
		}
		seen = append(seen, path)
		content, err := os.ReadFile(path)
		all = append(all, withNewline(content)...)
		return err
	}
	for _, name := range append([]string{sdksOwn}, replacing...) {
		if err := take(lookup(environ, name)); err != nil {
			return nil, fmt.Errorf("%s of this shell: %w", name, err)
		}
	}
	if lookup(environ, "SSL_CERT_FILE") != "" {
		return all, nil
	}
	for _, path := range systemBundles {
		err := take(path)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the system's authorities: %w", err)
		}
	}
	return all, nil
}

// javaStore is a bundle as Java reads one. What cannot be parsed is left out, as
// OpenSSL does it: systems carry certificates that Go finds malformed.
func javaStore(bundle []byte) ([]byte, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, certificate)
		}
	}
	// The encryption hides nothing, since everybody knows the password, and every Java can read this one.
	return pkcs12.LegacyDES.EncodeTrustStore(all, storePassword)
}

// variables are what tells the command.
func (t *trust) variables(environ []string) []string {
	if t.java == "" {
		return slices.Clone(t.env)
	}
	return append(slices.Clip(t.env), javaOptions+"="+strings.TrimSpace(lookup(environ, javaOptions)+" "+t.java))
}
