package oidc

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"time"
)

var errUnbuilt = errors.New("oidc: not built yet")

type members []struct {
	name  string
	value []byte
}

type SigningKey struct {
	KID     string
	Alg     string
	Private crypto.Signer
	Created time.Time
	// NotAfter: when the key stops being published; zero = no end.
	NotAfter time.Time
}

func GenerateKey(alg string, rand io.Reader) (*SigningKey, error) { return nil, errUnbuilt }
func ParseKey(pem []byte) (*SigningKey, error)                    { return nil, errUnbuilt }
func (k *SigningKey) MarshalPEM() ([]byte, error)                 { return nil, errUnbuilt }
func (k *SigningKey) MarshalJSON() ([]byte, error)                { return nil, errUnbuilt }
func (k *SigningKey) UnmarshalJSON([]byte) error                  { return errUnbuilt }

type Issuer struct {
	URL  string        `json:"url"`
	Keys []*SigningKey `json:"keys"`
}

// Page is a document with its HTTP headers.
type Page struct {
	Body         []byte
	ContentType  string
	CacheControl string
}

const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// Page gives what the issuer serves at a path below its URL.
func (i *Issuer) Page(path string) (Page, bool) { return Page{}, false }
func (i *Issuer) Discovery() []byte             { return nil }
func (i *Issuer) JWKS() []byte                  { return nil }
func (i *Issuer) KeySet() *KeySet               { return nil }

// SignOptions: Type is the typ header ("" for Kubernetes, "JWT" for CI profiles).
type SignOptions struct{ Type string }

func (i *Issuer) Sign(claims map[string]any, o SignOptions) (string, error) { return "", errUnbuilt }

// Rotate returns a copy of the issuer that signs with next; the old keys stay published for overlap.
func (i *Issuer) Rotate(next *SigningKey, now time.Time, overlap time.Duration) *Issuer { return nil }

// KubernetesToken describes a projected service-account token.
type KubernetesToken struct {
	Issuer, Namespace, ServiceAccount string
	UID                               string // default ServiceAccountUID(issuer, ns, sa)
	Pod, PodUID, Node, NodeUID        string
	Audience                          []string // default sts.amazonaws.com
	IssuedAt, Expires                 time.Time
	Rand                              io.Reader
}

func KubernetesClaims(t KubernetesToken) (map[string]any, error) { return nil, errUnbuilt }
func ServiceAccountUID(issuerURL, namespace, name string) string { return "" }

// ProfileInput: what a claims profile is built from.
type ProfileInput struct {
	Issuer    string // default the profile's
	Audience  []string
	IssuedAt  time.Time
	Lifetime  time.Duration // default the profile's
	Rand      io.Reader
	Overrides map[string]any // claims to set; derived claims (sub, …) follow them
}
type Profile struct {
	Name, Issuer, Description string
	Sign                      SignOptions
	Claims                    func(ProfileInput) (map[string]any, error)
}

func ProfileNamed(name string) (Profile, error)                  { return Profile{}, errUnbuilt }
func Profiles() []Profile                                        { return nil }
func ParseOverrides(keyValues []string) (map[string]any, error)  { return nil, errUnbuilt }
func GitHubClaims(in ProfileInput) (map[string]any, error)       { return nil, errUnbuilt }
func GitLabClaims(in ProfileInput) (map[string]any, error)       { return nil, errUnbuilt }
func HCPTerraformClaims(in ProfileInput) (map[string]any, error) { return nil, errUnbuilt }

// KeySet is an issuer's public keys, parsed once.
type KeySet struct{}

func ParseJWKS(src []byte) (*KeySet, error) { return nil, errUnbuilt }
func (s *KeySet) KIDs() []string            { return nil }

// ErrUnknownIssuer: the source does not have this issuer; Sources asks the next.
var ErrUnknownIssuer = errors.New("oidc: unknown issuer")

type KeySource interface {
	Keys(ctx context.Context, p Provider) (*KeySet, error)
}

// Refresher is a KeySource that can look again for a kid it did not have.
type Refresher interface {
	Refresh(ctx context.Context, p Provider, had *KeySet) (*KeySet, error)
}
type Sources []KeySource

func (s Sources) Keys(ctx context.Context, p Provider) (*KeySet, error) { return nil, errUnbuilt }

// KeysFunc: own or published keys by issuer URL; false = not known here.
type KeysFunc func(issuerURL string) (*KeySet, bool)

func (f KeysFunc) Keys(ctx context.Context, p Provider) (*KeySet, error) { return nil, errUnbuilt }

type RemoteConfig struct {
	Roots           *x509.CertPool
	Timeout         time.Duration // default 5s
	MaxBytes        int64         // default 1 MiB
	MaxRedirects    int           // default 3
	CacheFor        time.Duration // default 10m
	RefreshInterval time.Duration // default 10s
	AllowPrivate    []netip.Prefix
	Now             func() time.Time
}
type Remote struct{}

func NewRemote(c RemoteConfig) *Remote                                  { return &Remote{} }
func (r *Remote) Keys(ctx context.Context, p Provider) (*KeySet, error) { return nil, errUnbuilt }
func (r *Remote) Close()                                                {}

type Header struct {
	Algorithm, KeyID, Type string
}
type Token struct{ Header Header }

func ParseUnverified(token string) (*Token, error)              { return nil, errUnbuilt }
func (t *Token) Issuer() string                                 { return "" }
func (t *Token) Subject() string                                { return "" }
func (t *Token) Payload() json.RawMessage                       { return nil }
func (t *Token) CheckClaims() error                             { return errUnbuilt }
func NoProvider(issuer string, registered []string) *TokenError { return nil }

type Verifier struct {
	Keys KeySource
	Now  func() time.Time
}

func (v *Verifier) Verify(ctx context.Context, p Provider, t *Token) (*Claims, error) {
	return nil, errUnbuilt
}

// ReadClaims reads claims that nobody signed, for offline checks.
func ReadClaims(payload []byte) (*Claims, error) { return nil, errUnbuilt }
func (c *Claims) Map() map[string]any            { return nil }
func (c *Claims) AuthorizeRole(arn string) error { return errUnbuilt }

type ConditionKey struct {
	Values  []string
	Multi   bool // multivalued: needs a set operator
	Session bool // stays available in the session (aud, sub, amr)
}

func ConditionKeys(issuerURL string, c *Claims) map[string]ConditionKey { return nil }

func Thumbprint(chain []*x509.Certificate) (string, error) { return "", errUnbuilt }

type IssuerDocuments struct {
	URL             string
	Discovery, JWKS []byte
	Chain           []*x509.Certificate // of the jwks_uri's host, as presented
	Trusted         bool
	Elapsed         time.Duration
	Err             error
}
type Finding struct {
	Rule, Found, Mend string
	OK                bool
}

func FetchIssuer(ctx context.Context, c RemoteConfig, url string) IssuerDocuments {
	return IssuerDocuments{}
}
func CheckIssuer(d IssuerDocuments) []Finding { return nil }
