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
	config Config
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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Keys == nil {
		c.Keys = oidc.Sources{}
	}
	if err := Ensure(ctx, c.Store, c.Now(), c.Rand); err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	return &Service{config: c}, nil
}

// ServeAWS answers one call. The caller has authenticated it unless the action
// is one that takes no signature.
func (s *Service) ServeAWS(w http.ResponseWriter, req *api.Request) {
	result, refused := s.answer(req)
	if refused != nil {
		refused.record(req)
		wire.WriteQueryError(w, req.Call, Namespace, refused.err)
		return
	}
	wire.WriteQuery(w, req.Call, Namespace, result)
}

func (s *Service) answer(req *api.Request) (any, *refusal) {
	if req.Action == "" {
		return nil, missingAction()
	}
	action := actions[req.Action]
	if action == nil || req.Version != Version {
		return nil, unknownAction(req.Action, req.Version)
	}
	if req.Principal == nil && !unsigned(req.Action) {
		return nil, notAuthenticated()
	}
	if refused := sessionMayCall(req); refused != nil {
		return nil, refused
	}
	return action(s, req)
}

// actions are AWS's, by name.
var actions = map[string]func(*Service, *api.Request) (any, *refusal){
	"AssumeRole":                 (*Service).assumeRole,
	"AssumeRoleWithSAML":         absent,
	"AssumeRoleWithWebIdentity":  (*Service).assumeRoleWithWebIdentity,
	"AssumeRoot":                 absent,
	"DecodeAuthorizationMessage": (*Service).decodeAuthorizationMessage,
	"GetAccessKeyInfo":           (*Service).getAccessKeyInfo,
	"GetCallerIdentity":          (*Service).getCallerIdentity,
	"GetDelegatedAccessToken":    absent,
	"GetFederationToken":         (*Service).getFederationToken,
	"GetSessionToken":            (*Service).getSessionToken,
	"GetWebIdentityToken":        (*Service).getWebIdentityToken,
}

func absent(_ *Service, req *api.Request) (any, *refusal) { return nil, notImplemented(req.Action) }

// HasAction says whether the STS has an action of that name.
func (s *Service) HasAction(name string) bool { return actions[name] != nil }

// unsigned says whether an action takes no signature. One that is sent is not looked at.
func unsigned(action string) bool {
	return action == "AssumeRoleWithWebIdentity" || action == "AssumeRoleWithSAML"
}
