// Package emulator is irsa-emu itself: it wires issuers, STS, IAM and the
// services that enforce a role's permissions to one HTTP handler, and serves it.
//
// Programs use [New] for the handler and [Emulator.Serve] for the listeners, or
// [StartBackground] for one on loopback; Go tests use package emulatortest.
//
// The package knows nothing of Kubernetes clusters: where one is involved,
// package harness publishes its keys here. It reads no flags and no
// environment.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/services/eksauth"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/secretsmanager"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Emulator is one emulator: its state and the handler that answers for it.
type Emulator struct {
	config    Config
	store     *state.Store
	clock     *Clock
	sts       *sts.Service
	services  map[string]api.Service
	decisions *decision.Log
	faults    faults
	metrics   *metrics
	trail     *trail // nil without records
	// remoteKeys fetches the keys of issuers that nobody published.
	remoteKeys *oidc.Remote
	// signingKeys caches what SigV4 derives from a secret, a day and a region.
	signingKeys *wire.KeyCache
	// largeBodies has an item for each large body in memory.
	largeBodies chan struct{}
	handler     http.Handler

	draining   atomic.Bool  // from the end of Serve's context on
	underWay   atomic.Int64 // requests that are being answered
	storeWatch *storeWatch  // nil where the store cannot be cut off

	making sync.Mutex // held while a signing key is made
}

// signingKeyCache is how many derived keys are kept, each under a hundred bytes.
const signingKeyCache = 4096

// New opens the state and wires the services. The emulator answers through
// [Emulator.Handler] at once; [Emulator.Close] ends it.
func New(ctx context.Context, config Config) (*Emulator, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	store, err := state.Open(ctx, config.Backend, Kinds()...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the state: %w", err), config.Backend.Close())
	}
	e := &Emulator{
		config: config, store: store, clock: newClock(config.Now, store), decisions: decision.NewLog(config.Decisions), metrics: newMetrics(),
		signingKeys: wire.NewKeyCache(signingKeyCache), largeBodies: make(chan struct{}, mostLargeBodies),
	}
	if config.CloudTrail != nil {
		e.trail = e.newTrail()
	}
	if err := e.wire(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	for _, given := range config.Given {
		if err := e.apply(ctx, given); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	e.storeWatch = e.watchStore()
	return e, nil
}

// Kinds are all that an emulator keeps in its store.
func Kinds() []state.Kind {
	return slices.Concat(iam.Kinds(), sts.Kinds(), secretsmanager.Kinds(), s3.Kinds(), eks.Kinds(), []state.Kind{issuerKind(), clockKind()})
}

func (e *Emulator) wire(ctx context.Context) error {
	c := e.config
	remote := e.remoteConfig()
	remote.Fetched = e.metrics.fetchedKeys
	e.remoteKeys = oidc.NewRemote(remote)
	keys := oidc.Sources{oidc.KeysFunc(e.publicKeys), e.remoteKeys}
	var err error
	e.sts, err = sts.New(ctx, sts.Config{
		Store: e.store, Keys: keys, Rand: c.Rand, AdminSecret: c.AdminSecret, DefaultAccount: c.Account, PropagationDelay: c.PropagationDelay, Now: e.clock.Now,
		SignOutbound: e.signOutbound,
	})
	if err != nil {
		return err
	}
	e.services = map[string]api.Service{
		serviceSTS:            e.sts,
		serviceIAM:            iam.New(iam.Config{Store: e.store, Rand: c.Rand, FetchThumbprint: e.fetchThumbprint}),
		serviceSecretsManager: secretsmanager.New(secretsmanager.Config{Store: e.store, Rand: c.Rand, Log: c.Logger}),
		serviceS3:             s3.New(s3.Config{Store: e.store, Rand: c.Rand, Region: c.Region, Log: c.Logger}),
		serviceEKS:            eks.New(eks.Config{Store: e.store, Rand: c.Rand, Log: c.Logger, NewIssuer: e.newIssuer}),
		serviceEKSAuth:        eksauth.New(eksauth.Config{STS: e.sts, Verifier: &oidc.Verifier{Keys: keys, Now: e.clock.Now}, Log: c.Logger}),
	}
	e.metrics.hasAction = e.hasAction
	e.metrics.registry.MustRegister(stateCollector{e})
	e.store.Observe(e.metrics.storeObserver())
	e.handler = e.routes()
	return nil
}

// hasAction tells the actions that a service has, or knows and refuses, from
// what a client made up. Those of S3 and EKS are never a client's own words:
// their requests name them by method and path.
func (e *Emulator) hasAction(service, action string) bool {
	if s, ok := e.services[service].(interface{ HasAction(string) bool }); ok {
		return s.HasAction(action)
	}
	return action != ""
}

// Handler answers everything that one address serves.
func (e *Emulator) Handler() http.Handler { return e.handler }

// Clock is the emulator's time, to be read and moved.
func (e *Emulator) Clock() *Clock { return e.clock }

// Close ends the emulator: its state is closed, everything acknowledged is kept.
func (e *Emulator) Close() error {
	e.storeWatch.stop()
	return e.store.Close()
}

// newIssuer gives a new cluster its issuer.
func (e *Emulator) newIssuer(ctx context.Context, issuerURL string) error {
	_, err := e.ensureIssuer(ctx, issuerURL)
	return err
}

// eksThumbprint is what IAM stores for EKS issuers that are registered without
// a thumbprint: the root above oidc.eks.*.amazonaws.com (EKS user guide).
const eksThumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

// fetchThumbprint does what IAM does when a provider is created without
// thumbprints. Issuers that the emulator stands in for are not on the network.
func (e *Emulator) fetchThumbprint(ctx context.Context, issuerURL string) (string, error) {
	if e.standsIn(issuerURL) {
		return eksThumbprint, nil
	}
	docs := oidc.FetchIssuer(ctx, e.remoteConfig(), issuerURL)
	if len(docs.Chain) == 0 {
		return "", docs.Err
	}
	return oidc.Thumbprint(docs.Chain)
}

// standsIn is whether the emulator plays an issuer, or would if it were asked
// for a token: those of EKS and of the profiles.
func (e *Emulator) standsIn(issuerURL string) bool {
	if _, known := state.Get[*Issuer](e.store.Snapshot(), issuerURL); known || aws.IssuerOf(issuerURL).Kind == aws.EKS {
		return true
	}
	return slices.ContainsFunc(oidc.Profiles(), func(p oidc.Profile) bool { return p.Issuer == issuerURL })
}

func (e *Emulator) remoteConfig() oidc.RemoteConfig {
	return oidc.RemoteConfig{Roots: e.config.IssuerRoots, AllowPrivate: e.config.AllowPrivateIssuers, Now: e.config.Now}
}
