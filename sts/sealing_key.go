package sts

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// SealingKey is a secret from which session tokens and secret access keys are
// made. All replicas share the keys through the state.
type SealingKey struct {
	// ID is eight hex digits; tokens carry it.
	ID      string    `json:"id"`
	Secret  []byte    `json:"secret"` // 32 bytes
	Created time.Time `json:"created"`
	// Active is when sealing with this key begins. Every replica can open tokens
	// of the key before that, so that none meets a token it does not know.
	Active time.Time `json:"active"`
}

// StateKey is the key's id.
func (k *SealingKey) StateKey() string { return k.ID }

// Check implements [state.Checked].
func (k *SealingKey) Check() error {
	_, err := newSealer(k)
	return err
}

// Kinds are the tables that the STS keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{{Name: "sealing-key", Type: (*SealingKey)(nil)}}
}

const (
	// longestSession is that of GetSessionToken and GetFederationToken.
	longestSession = aws.LongestUserSession * time.Second
	// RotationOverlap is how long a new sealing key is only opened with: long
	// enough for every replica to learn of it.
	RotationOverlap = time.Minute
)

// ensure makes the first sealing key, if there is none. Replicas that start at
// once agree on one.
func ensure(ctx context.Context, store *state.Store, now time.Time, rand io.Reader) error {
	err := store.Update(ctx, func(tx *state.Txn) error {
		for range state.All[*SealingKey](tx, "") {
			return nil
		}
		key, err := newSealingKey(now, now, rand)
		if err != nil {
			return err
		}
		tx.Put(key)
		return nil
	})
	if err != nil {
		return fmt.Errorf("making the sealing key of session tokens: %w", err)
	}
	return nil
}

// Rotate adds a sealing key that takes over after [RotationOverlap], and drops
// the keys under which no session can be alive any more.
func Rotate(ctx context.Context, store *state.Store, now time.Time, rand io.Reader) error {
	err := store.Update(ctx, func(tx *state.Txn) error {
		keys := slices.SortedFunc(state.All[*SealingKey](tx, ""), byActivation)
		for i := 1; i < len(keys); i++ {
			if now.Sub(keys[i].Active) > longestSession {
				tx.Delete(keys[i-1])
			}
		}
		next, err := newSealingKey(now, now.Add(RotationOverlap), rand)
		if err != nil {
			return err
		}
		tx.Put(next)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotating the sealing key of session tokens: %w", err)
	}
	return nil
}

func byActivation(a, b *SealingKey) int {
	if c := a.Active.Compare(b.Active); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

func newSealingKey(now, active time.Time, rand io.Reader) (*SealingKey, error) {
	random := make([]byte, 4+32)
	if _, err := io.ReadFull(rand, random); err != nil {
		return nil, err
	}
	return &SealingKey{
		ID: hex.EncodeToString(random[:4]), Secret: random[4:], Created: now.UTC(), Active: active.UTC(),
	}, nil
}

// keyring is the sealing keys of one state, ready for use, in the order of their activation.
type keyring struct {
	version uint64
	sealers []*Sealer
}

// keyring reads the sealing keys; those of the newest snapshot are kept parsed.
func (s *Service) keyring(r state.Reader) (*keyring, error) {
	snapshot, isSnapshot := r.(*state.Snapshot)
	cached := s.rings.Load()
	if isSnapshot && cached != nil && cached.version == snapshot.Version() {
		return cached, nil
	}
	ring := &keyring{}
	for _, key := range slices.SortedFunc(state.All[*SealingKey](r, ""), byActivation) {
		sealer := cached.sealer(key.ID)
		if sealer == nil || !sealer.madeOf(key) {
			var err error
			if sealer, err = newSealer(key); err != nil {
				return nil, err
			}
		}
		ring.sealers = append(ring.sealers, sealer)
	}
	if isSnapshot {
		ring.version = snapshot.Version()
		s.rings.Store(ring)
	}
	return ring, nil
}

// sealer is the one with that id, or nil.
func (k *keyring) sealer(id string) *Sealer {
	if k == nil {
		return nil
	}
	for _, sealer := range k.sealers {
		if sealer.key.ID == id {
			return sealer
		}
	}
	return nil
}

// current is the sealer that new sessions get: the newest that is active, or
// the oldest if the clock was set before all of them. Nil when there is none.
func (k *keyring) current(now time.Time) *Sealer {
	for _, sealer := range slices.Backward(k.sealers) {
		if !sealer.key.Active.After(now) {
			return sealer
		}
	}
	if len(k.sealers) > 0 {
		return k.sealers[0]
	}
	return nil
}

// sealerFor is the sealer for a new session. A state that was emptied while the
// service runs has no key; then one is made.
func (s *Service) sealerFor(ctx context.Context, r state.Reader, now time.Time) (*Sealer, error) {
	ring, err := s.keyring(r)
	if err != nil {
		return nil, err
	}
	if sealer := ring.current(now); sealer != nil {
		return sealer, nil
	}
	if err := ensure(ctx, s.config.Store, now, s.config.Rand); err != nil {
		return nil, err
	}
	if ring, err = s.keyring(s.config.Store.Snapshot()); err != nil {
		return nil, err
	}
	return ring.current(now), nil
}
