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

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// Emulator is one emulator: its state and the handler that answers for it.
type Emulator struct {
	config    Config
	store     *state.Store
	clock     *Clock
	services  *registry
	calls     *dispatcher
	decisions *decision.Log
	faults    *faults
	metrics   *metrics
	// remoteKeys fetches the keys of issuers that nobody published.
	remoteKeys *oidc.Remote
	handler    http.Handler

	draining   atomic.Bool  // from the end of Serve's context on
	underWay   atomic.Int64 // requests that are being answered
	storeWatch *storeWatch  // nil where the store cannot be cut off

	making sync.Mutex // held while a signing key is made
}

// New opens the state and wires the services. The emulator answers through
// [Emulator.Handler] at once; [Emulator.Close] ends it.
func New(ctx context.Context, config Config) (*Emulator, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	store, err := state.Open(ctx, config.Backend, kindsOf(config.registrations())...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the state: %w", err), config.Backend.Close())
	}
	e := &Emulator{
		config: config, store: store, clock: newClock(config.Now, store), decisions: decision.NewLog(config.Decisions), metrics: newMetrics(), faults: &faults{},
	}
	if err := e.wire(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if err := e.settle(ctx); err != nil {
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
