package sts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Version and Namespace are those of the STS API.
const (
	Version   = "2011-06-15"
	Namespace = wire.STSNamespace
)

// Config is what the STS needs.
type Config struct {
	// Store holds the roles, users and providers of package iam and the kinds of
	// this package; see [Kinds]. Required.
	Store *state.Store
	// Keys finds the keys of tokens' issuers. Nil: AssumeRoleWithWebIdentity finds none.
	Keys oidc.KeySource
	// AdminSecret is the secret key of every account's administrator. Empty: there
	// are no administrators.
	AdminSecret string
	// DefaultAccount, twelve digits, is the account that the access key id "test" administers.
	DefaultAccount string
	// Administrators are further keys of accounts' administrators. One whose id is
	// an administrator's at any rate takes the place of that one.
	Administrators []Administrator
	// SignOutbound signs the payload of a web identity token of an account's own
	// issuer, with RS256 or ES384. Nil: the account's tokens cannot be made.
	SignOutbound func(ctx context.Context, issuer, alg string, payload []byte) (string, error)
	// PropagationDelay is how long a new role or provider stays unseen, as it does
	// for some seconds on AWS (recorded: the first two or three calls are
	// AccessDenied). Zero: not at all.
	PropagationDelay time.Duration
	// Now is when the first sealing key is made; calls carry their own time.
	// Default time.Now.
	Now func() time.Time
	// Rand makes access key ids and nonces; it must be safe for concurrent use.
	// Default crypto/rand.
	Rand io.Reader
}

// Service is the STS of all accounts. It is safe for concurrent use.
type Service struct {
	config      Config
	description *api.Description
	// administrators are those of the configuration, by access key id.
	administrators map[string]Administrator
	// rings caches the parsed sealing keys of the newest state that was seen.
	rings atomic.Pointer[keyring]
}

// New makes the service, and the sealing key of its sessions if the store has none.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Store == nil {
		return nil, errors.New("sts: Config.Store is required")
	}
	if c.DefaultAccount != "" && !aws.IsAccount(c.DefaultAccount) {
		return nil, fmt.Errorf("sts: Config.DefaultAccount is %q, not twelve digits", c.DefaultAccount)
	}
	named, err := administrators(&c)
	if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Keys == nil {
		c.Keys = oidc.Sources{}
	}
	if err := ensure(ctx, c.Store, c.Now(), c.Rand); err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	return &Service{config: c, description: Description(), administrators: named}, nil
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: "sts", Title: "STS", Protocol: wire.Query{Namespace: Namespace}, Version: Version, Hosts: []string{"sts", "sts-fips"},
		Actions: api.ActionNames(actions, unsupported...),
		// One that is sent is not looked at.
		Unsigned: []string{"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"},
		Records:  records,
	}
}

// Serve answers one call.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	refused := sessionMayCall(req)
	if refused == nil {
		var result any
		if result, refused = actions[req.Action](s, req); refused == nil {
			wire.WriteQuery(w, req.Call, Namespace, result)
			return nil
		}
	}
	return refused
}

// actions are AWS's, by name.
var actions = map[string]func(*Service, *api.Request) (any, *api.Refusal){
	"AssumeRole":                 (*Service).assumeRole,
	"AssumeRoleWithWebIdentity":  (*Service).assumeRoleWithWebIdentity,
	"DecodeAuthorizationMessage": (*Service).decodeAuthorizationMessage,
	"GetAccessKeyInfo":           (*Service).getAccessKeyInfo,
	"GetCallerIdentity":          (*Service).getCallerIdentity,
	"GetFederationToken":         (*Service).getFederationToken,
	"GetSessionToken":            (*Service).getSessionToken,
	"GetWebIdentityToken":        (*Service).getWebIdentityToken,
}

// unsupported are the actions that AWS has and the emulator has not.
var unsupported = []string{"AssumeRoleWithSAML", "AssumeRoot", "GetDelegatedAccessToken"}
