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

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
)

// Emulator is one emulator: it wires the parts that answer and ends them. Each
// part has what it needs and no more.
type Emulator struct {
	config Config
	store  *state.Store
	clock  *Clock

	services  *registry
	sts       *sts.Service
	calls     *dispatcher
	issuers   *issuers
	minter    *minter
	documents *documents
	control   *controlAPI
	decisions *decision.Log
	faults    *faults
	metrics   *metrics

	server     *server
	storeWatch *storeWatch // nil where the store cannot be cut off
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
		config: config, store: store, clock: newClock(config.Now, store),
		decisions: decision.NewLog(config.Decisions), metrics: newMetrics(), faults: &faults{},
	}
	if err := e.begin(ctx); err != nil {
		e.services.stop()
		return nil, errors.Join(err, store.Close())
	}
	e.storeWatch = watchStore(store, config.Backend, config.Logger)
	return e, nil
}

// begin wires the parts and brings in what the emulator was given.
func (e *Emulator) begin(ctx context.Context) error {
	if err := e.wire(ctx); err != nil {
		return err
	}
	if err := e.documents.settle(ctx); err != nil {
		return err
	}
	if err := e.services.start(ctx); err != nil {
		return err
	}
	return e.documents.applyGiven(ctx)
}

// wire makes the parts, each of those that it calls.
func (e *Emulator) wire(ctx context.Context) error {
	c := &e.config
	given := c.Given
	c.Given = nil // the documents have it
	e.issuers = newIssuers(c, e.store, e.clock, e.metrics.fetchedKeys)
	keys := e.issuers.keys()
	authenticator, err := sts.New(ctx, sts.Config{
		Store: e.store, Keys: keys, Rand: c.Rand, AdminSecret: c.AdminSecret, Administrators: c.Administrators, DefaultAccount: c.Account, PropagationDelay: c.PropagationDelay, Now: e.clock.Now,
		SignOutbound: e.issuers.signOutbound,
	})
	if err != nil {
		return err
	}
	e.sts = authenticator
	environment := &Environment{
		Config: *c, Store: e.store, Clock: e.clock, STS: authenticator, Verifier: &oidc.Verifier{Keys: keys, Now: e.clock.Now},
		FetchThumbprint: e.issuers.fetchThumbprint,
		NewIssuer: func(ctx context.Context, issuerURL string) error {
			_, err := e.issuers.ensure(ctx, issuerURL)
			return err
		},
	}
	var services []api.Service
	for _, r := range c.registrations() {
		services = append(services, r.New(environment))
	}
	if e.services, err = newRegistry(services); err != nil {
		return fmt.Errorf("registering services: %w", err)
	}
	e.documents = &documents{store: e.store, clock: e.clock, services: e.services, account: c.Account, region: c.Region, given: given}
	e.minter = &minter{issuers: e.issuers, services: e.services, store: e.store, clock: e.clock, rand: c.Rand}
	e.server = &server{store: e.store, log: c.Logger, now: c.Now}
	e.control = &controlAPI{
		server:  e.server,
		account: c.Account, token: c.ControlToken, store: e.store, clock: e.clock, now: c.Now, log: c.Logger,
		documents: e.documents, issuers: e.issuers, minter: e.minter, faults: e.faults, decisions: e.decisions, mostDecisions: c.Decisions,
	}
	e.calls = e.newDispatcher(authenticator)
	e.server.handler = newFront(e)
	e.metrics.countLostLines(c.LogLinesLost)
	e.metrics.registry.MustRegister(stateCollector{store: e.store, clock: e.clock, remote: e.issuers.remote, server: e.server})
	e.store.Observe(e.metrics.storeObserver())
	return nil
}

// Handler answers everything that one address serves.
func (e *Emulator) Handler() http.Handler { return e.server }

// Serve answers on the configured addresses until the context ends, then lets
// requests under way finish.
func (e *Emulator) Serve(ctx context.Context, c ServeConfig) error { return e.server.serve(ctx, c) }

// Clock is the emulator's time, to be read and moved.
func (e *Emulator) Clock() *Clock { return e.clock }

// Reset brings the emulator back to how it started: what it was given and
// nothing else. Clock, faults and decisions are reset with it; credentials
// that were issued before stay good only while their role exists.
func (e *Emulator) Reset(ctx context.Context) error { return e.control.reset(ctx) }

// ResetAccount brings what one account holds back to what the emulator was
// given of it. Other accounts, the clock, faults and decisions stay. The
// account's clusters that were not given take their issuers with them.
func (e *Emulator) ResetAccount(ctx context.Context, account string) error {
	return e.documents.resetAccount(ctx, account)
}

// Close ends the emulator: its state is closed, everything acknowledged is kept.
func (e *Emulator) Close() error {
	e.storeWatch.stop()
	e.services.stop()
	return e.store.Close()
}
