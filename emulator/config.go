package emulator

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

// Config is all that an emulator needs; every field has a working default.
type Config struct {
	// Backend keeps the state. Default: memory, which forgets on exit. The
	// emulator closes it.
	Backend state.Backend
	// Given is the state to start from, merged into what the backend holds.
	Given []statefile.State
	// Account is the default account, twelve digits: the one that access key
	// id "test" administers. Default 111122223333.
	Account string
	// Region is where calls go whose signature names no region, and where new
	// clusters are. Default us-east-1.
	Region string
	// AdminSecret is the secret key of every account's administrator. Default "test".
	AdminSecret string
	// Administrators are further access keys of accounts' administrators, such as
	// those that a test suite written for another emulator signs with.
	Administrators []sts.Administrator
	// ControlToken guards /_emu on listeners beyond loopback; empty refuses them there.
	ControlToken string
	// Decisions is how many decisions are kept, at some 2 KB each. Default 1,000.
	Decisions int
	// MaxObjectSize bounds an S3 object in bytes. Default 5 GiB.
	MaxObjectSize int64
	// PropagationDelay is how long new roles and providers stay invisible to
	// the STS, as they do for seconds on AWS. Default none.
	PropagationDelay time.Duration
	// IssuerRoots are the authorities that remote issuers' certificates are
	// checked against. Default: those of the system.
	IssuerRoots *x509.CertPool
	// AllowPrivateIssuers are the loopback and private networks from which
	// keys may be fetched. Default none.
	AllowPrivateIssuers []netip.Prefix
	// CloudTrail takes a record of every call on a service that AWS CloudTrail
	// records, in the shape of its, one JSON object a line. Default: none.
	CloudTrail io.Writer
	// CloudTrailData records data events as well, such as S3's on objects, which
	// AWS does only where it was asked to.
	CloudTrailData bool
	// Services are further ones beside those that every emulator serves.
	Services []Registration
	// Logger takes one line a call. Default: discard.
	Logger *slog.Logger
	// LogLinesLost counts the lines that the Logger's handler has dropped, for the metrics; nil: none are.
	LogLinesLost func() uint64
	// Now is the real time, which signatures are held against; the emulator's
	// own clock starts from it. Default time.Now.
	Now func() time.Time
	// NewKey makes the signing keys of own issuers. Default [oidc.GenerateKey].
	// Test runs that start many emulators can hand out keys made before.
	NewKey func(alg string) (*oidc.SigningKey, error)
	// Rand makes keys and ids. Default crypto/rand.
	Rand io.Reader
}

// usualSecret is the administrators' secret that everybody knows.
const usualSecret = "test"

func (c Config) withDefaults() (Config, error) {
	if c.Account == "" {
		c.Account = aws.DefaultAccount
	}
	if !aws.IsAccount(c.Account) {
		return c, fmt.Errorf("account %q: an account id is twelve digits, such as 111122223333", c.Account)
	}
	if c.Region == "" {
		c.Region = aws.DefaultRegion
	}
	if !aws.IsRegion(c.Region) {
		return c, fmt.Errorf("region %q: write a region, such as us-west-2", c.Region)
	}
	if c.MaxObjectSize < 0 {
		return c, fmt.Errorf("max object size %d: write a number of bytes, or 0 for 5 GiB", c.MaxObjectSize)
	}
	if c.PropagationDelay < 0 {
		return c, fmt.Errorf("propagation delay %v: write 0 or more", c.PropagationDelay)
	}
	if c.AdminSecret == "" {
		c.AdminSecret = usualSecret
	}
	if c.Decisions == 0 {
		c.Decisions = 1_000
	}
	if c.Decisions < 0 {
		return c, errors.New("decisions: at least one must be kept")
	}
	if c.Backend == nil {
		c.Backend = state.NewMemory()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.LogLinesLost == nil {
		c.LogLinesLost = func() uint64 { return 0 }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.NewKey == nil {
		random := c.Rand // c itself would stay in memory, and with it Given
		c.NewKey = func(alg string) (*oidc.SigningKey, error) { return oidc.GenerateKey(alg, random) }
	}
	return c, nil
}
