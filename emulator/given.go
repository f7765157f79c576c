package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// givenDigest is of what the store was given last at a start. A store that
// keeps its state is given a document once: what was changed since, and deleted,
// stays so at the next start, until the document is another.
type givenDigest struct {
	SHA256 string `json:"sha256"`
}

const givenKey = "given"

func (*givenDigest) StateKey() string { return givenKey }

func givenKind() state.Kind { return state.Kind{Name: "given", Type: (*givenDigest)(nil)} }

// applyGiven brings in what the emulator was given, unless the store has it already.
func (d *documents) applyGiven(ctx context.Context) error {
	if len(d.given) == 0 {
		return nil
	}
	now := d.clock.Now()
	if !d.store.Keeps() { // it has nothing yet
		return d.store.Update(ctx, func(tx *state.Txn) error { return d.applyAll(tx, now) })
	}
	text, err := json.Marshal(d.given)
	if err != nil {
		return fmt.Errorf("reading what was given: %w", err)
	}
	sum := sha256.Sum256(text)
	digest := &givenDigest{hex.EncodeToString(sum[:])}
	return d.store.Update(ctx, func(tx *state.Txn) error {
		if last, ok := state.Get[*givenDigest](tx, givenKey); ok && *last == *digest {
			return nil
		}
		tx.Put(digest)
		return d.applyAll(tx, now)
	})
}

func (d *documents) applyAll(tx *state.Txn, now time.Time) error {
	for _, given := range d.given {
		if err := d.applyTo(tx, given, now); err != nil {
			return err
		}
	}
	return nil
}
