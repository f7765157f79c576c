package emulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Files of the local CA in the data directory.
const (
	CAFile    = "ca.pem"
	caKeyFile = "ca-key.pem"
)

const (
	caLife   = 5 * 365 * 24 * time.Hour
	leafLife = 30 * 24 * time.Hour
	// maxLeaves bounds the certificates that are kept, one a host name.
	maxLeaves = 256
	// maxServerName is the longest host name that DNS has.
	maxServerName = 253
)

// localCA signs certificates for whatever name a client asks for, so that the
// emulator can answer as sts.us-west-2.amazonaws.com where DNS says so.
type localCA struct {
	cert *x509.Certificate
	key  crypto.Signer
	now  func() time.Time

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// keptCA is the CA of a data directory, which gets a new one if it has none.
func keptCA(dir string, now func() time.Time) (*localCA, error) {
	if dir == "" {
		return nil, errors.New("HTTPS needs a data directory for its certificate authority: --data-dir DIR")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory: %w", err)
	}
	ca, err := loadCA(dir, now)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = createCA(dir, now)
	}
	if err != nil {
		return nil, fmt.Errorf("the certificate authority in %s: %w", dir, err)
	}
	return ca, nil
}

func (ca *localCA) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: ca.certificate}
}

func loadCA(dir string, now func() time.Time) (*localCA, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CAFile), filepath.Join(dir, caKeyFile))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if now().After(cert.NotAfter) {
		return nil, fmt.Errorf("expired on %s; delete %s and %s to have a new one made", cert.NotAfter.Format(time.DateOnly), CAFile, caKeyFile)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !cert.IsCA {
		return nil, fmt.Errorf("%s is not a certificate authority", CAFile)
	}
	return &localCA{cert: cert, key: key, now: now, leaves: map[string]*tls.Certificate{}}, nil
}

// newCA makes one that ends with this process.
func newCA(now func() time.Time) (*localCA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "irsa-emu local CA"},
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &localCA{cert: cert, key: key, now: now, leaves: map[string]*tls.Certificate{}}, err
}

func createCA(dir string, now func() time.Time) (*localCA, error) {
	ca, err := newCA(now)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, err
	}
	// The key goes first: a certificate without its key would be trusted and useless.
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := os.WriteFile(filepath.Join(dir, caKeyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	return ca, os.WriteFile(filepath.Join(dir, CAFile), ca.pem(), 0o644)
}

// pem is the certificate that clients are to trust.
func (ca *localCA) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// certificate is the leaf for the name of a handshake, made when it is first
// asked for. A client that sends no name gets one for loopback.
func (ca *localCA) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if len(name) > maxServerName {
		return nil, fmt.Errorf("a server name of %d bytes, more than %d", len(name), maxServerName)
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if leaf, ok := ca.leaves[name]; ok && ca.now().Before(leaf.Leaf.NotAfter.Add(-time.Hour)) {
		return leaf, nil
	}
	if len(ca.leaves) >= maxLeaves {
		clear(ca.leaves)
	}
	leaf, err := ca.issue(name)
	if err != nil {
		return nil, err
	}
	ca.leaves[name] = leaf
	return leaf, nil
}

func (ca *localCA) issue(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "irsa-emu"},
		NotBefore: ca.now().Add(-time.Hour), NotAfter: ca.now().Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name != "" {
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, fmt.Errorf("a certificate for %q: %w", name, err)
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, err
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}
