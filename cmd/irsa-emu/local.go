package main

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// keyPool makes each signing key once for all emulators of a run: the n-th
// key of one emulator is the n-th of every other. Scenarios never meet, so
// none can tell, and an RSA key costs as much as ten scenarios.
type keyPool struct {
	mu   sync.Mutex
	keys map[string][]*oidc.SigningKey
}

func newKeyPool() *keyPool { return &keyPool{keys: map[string][]*oidc.SigningKey{}} }

// forOne gives the source of keys of one emulator.
func (p *keyPool) forOne() func(alg string) (*oidc.SigningKey, error) {
	var mu sync.Mutex
	used := map[string]int{}
	return func(alg string) (*oidc.SigningKey, error) {
		mu.Lock()
		n := used[alg]
		used[alg]++
		mu.Unlock()
		return p.key(alg, n)
	}
}

func (p *keyPool) key(alg string, n int) (*oidc.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.keys[alg]) <= n {
		key, err := oidc.GenerateKey(alg, rand.Reader)
		if err != nil {
			return nil, err
		}
		p.keys[alg] = append(p.keys[alg], key)
	}
	copied := *p.keys[alg][n]
	return &copied, nil
}

// embedded is an emulator inside this process.
type embedded struct {
	running *emulator.Running
	stop    func() error
}

func (e *embedded) URL() string  { return e.running.URL }
func (e *embedded) Close() error { return e.stop() }

// takes gives a state to an emulator of its own, so that what no emulator takes is
// found before anything is played.
func (p *keyPool) takes(ctx context.Context, given statefile.State) error {
	e, err := emulator.New(ctx, emulator.Config{NewKey: p.forOne(), Given: []statefile.State{given}})
	if err != nil {
		return err
	}
	return e.Close()
}

// startEmbedded starts emulators for the scenarios of a run.
func startEmbedded(keys *keyPool) harness.StartEmulator {
	return func(ctx context.Context) (harness.Emulator, error) {
		running, stop, err := emulator.StartBackground(ctx, emulator.Config{NewKey: keys.forOne()})
		if err != nil {
			return nil, err
		}
		return &embedded{running, stop}, nil
	}
}
