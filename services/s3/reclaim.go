package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/state"
)

// contents knows which blobs have no owner yet or no longer, and removes them.
// What this process does not come to, because it is killed or the store does
// not take it, sweep finds: at the start, and again and again where other
// processes write to the store as well.
type contents struct {
	store *state.Store
	rand  io.Reader
	log   *slog.Logger

	mu      sync.Mutex
	unowned map[string]bool      // being written, or written for an owner to come
	readers map[string]int       // how many read it
	doomed  map[string]time.Time // nothing owns it: to be removed from then on, when nobody reads it
	timer   *time.Timer          // runs while there are doomed ones
	sweeps  *time.Timer
	stopped bool
}

const (
	// linger is how long content outlives its owner, for those who have just
	// looked the owner up and are about to read; lingerShared, where they may be
	// other processes that hear of it late.
	linger       = 2 * time.Second
	lingerShared = time.Minute
	// retryRemoval is after how long a removal is tried again that failed.
	retryRemoval = 10 * time.Second
	// sweepEvery is how often ownerless blobs are looked for in a store that
	// others write to, and sweepAge how old one must be: longer than any upload takes.
	sweepEvery = 10 * time.Minute
	sweepAge   = time.Hour
)

func newContents(store *state.Store, rand io.Reader, log *slog.Logger) *contents {
	return &contents{store: store, rand: rand, log: log, unowned: map[string]bool{}, readers: map[string]int{}, doomed: map[string]time.Time{}}
}

func (k *contents) claim(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unowned[id] = true
}

func (k *contents) pin(pieces []Piece) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range pieces {
		if p.Blob != "" {
			k.readers[p.Blob]++
		}
	}
}

func (k *contents) unpin(pieces []Piece) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range pieces {
		if p.Blob == "" {
			continue
		}
		if k.readers[p.Blob]--; k.readers[p.Blob] == 0 {
			delete(k.readers, p.Blob)
		}
	}
}

// settle says what became of the transaction that was to give content an owner:
// err is nil when it has one, and the content is removed when it has none. Where
// that is not known, the content stays, until the process that starts next knows.
func (k *contents) settle(ctx context.Context, pieces []Piece, err error) error {
	switch {
	case err == nil:
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, p := range pieces {
			delete(k.unowned, p.Blob)
		}
	case !errors.Is(err, state.ErrUncertain):
		k.discard(ctx, pieces)
	}
	return err
}

// discard removes content that never had an owner.
func (k *contents) discard(ctx context.Context, pieces []Piece) {
	for _, p := range pieces {
		if p.Blob != "" {
			k.remove(context.WithoutCancel(ctx), p.Blob)
		}
	}
}

// disown has content removed once the transaction is kept that takes its owner away.
func (k *contents) disown(tx *state.Txn, pieces []Piece) {
	if len(pieces) == 0 {
		return
	}
	tx.After(func(err error) {
		if err != nil {
			return
		}
		after := linger
		if k.store.Shared() {
			after = lingerShared
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, p := range pieces {
			if p.Blob != "" {
				k.doomed[p.Blob] = time.Now().Add(after)
			}
		}
		k.schedule(after)
	})
}

// schedule looks after the doomed ones in a while. The caller has the lock.
func (k *contents) schedule(after time.Duration) {
	if k.timer == nil && !k.stopped && len(k.doomed) > 0 {
		k.timer = time.AfterFunc(after, k.removeDue)
	}
}

// removeDue removes the doomed ones whose time has come.
func (k *contents) removeDue() {
	var due []string
	k.mu.Lock()
	for id, at := range k.doomed {
		if !time.Now().Before(at) && k.readers[id] == 0 {
			due = append(due, id)
		}
	}
	k.mu.Unlock()
	for _, id := range due {
		k.remove(context.Background(), id)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer = nil
	k.schedule(time.Second)
}

// remove removes a blob, or notes that it is to be tried again.
func (k *contents) remove(ctx context.Context, id string) {
	err := k.store.Blobs().Remove(ctx, id)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.unowned, id)
	if err == nil {
		delete(k.doomed, id)
		return
	}
	if _, again := k.doomed[id]; !again {
		k.log.Warn("s3: content that nothing refers to could not be removed; it is tried again", "id", id, "err", err)
	}
	k.doomed[id] = time.Now().Add(retryRemoval)
	k.schedule(retryRemoval)
}

// start brings the store in order before the first call.
func (k *contents) start(ctx context.Context) error {
	if err := moveBlobs(ctx, k.store); err != nil {
		return fmt.Errorf("moving the content of objects to where it is kept now: %w", err)
	}
	if k.store.Shared() {
		k.sweepLater()
		return nil
	}
	return k.sweep(ctx)
}

// stop ends all that goes on. Where nobody else uses the store, what is doomed is removed now.
func (k *contents) stop() {
	k.mu.Lock()
	k.stopped = true
	for _, t := range []*time.Timer{k.timer, k.sweeps} {
		if t != nil {
			t.Stop()
		}
	}
	var left []string
	for id := range k.doomed {
		if k.readers[id] == 0 && !k.store.Shared() {
			left = append(left, id)
		}
	}
	k.mu.Unlock()
	for _, id := range left {
		k.remove(context.Background(), id)
	}
}

func (k *contents) sweepLater() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	k.sweeps = time.AfterFunc(sweepEvery, func() {
		if err := k.sweep(context.Background()); err != nil {
			k.log.Warn("s3: looking for content that nothing refers to", "err", err)
		}
		k.sweepLater()
	})
}

// sweep removes the blobs that nothing owns. Where other processes write to the
// store too, young ones may be theirs and are left alone; where none does, a blob
// that is owned and not there is an error.
func (k *contents) sweep(ctx context.Context) error {
	orphans, missing, err := k.orphans(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 && !k.store.Shared() {
		return missingContent(missing)
	}
	for _, id := range orphans {
		k.remove(ctx, id)
	}
	if len(orphans) > 0 {
		k.log.Info("s3: removed content that nothing refers to", "blobs", len(orphans))
	}
	return nil
}

// orphans gives the blobs that nothing owns, and owners whose blob is not there.
func (k *contents) orphans(ctx context.Context) (ids []string, missing []owned, err error) {
	there, err := k.store.Blobs().List(ctx)
	if err != nil {
		return nil, nil, err
	}
	// In this order: what is owned when it is listed is so in the snapshot, or it was unowned a moment ago.
	k.mu.Lock()
	busy := make(map[string]bool, len(k.unowned)+len(k.doomed))
	for id := range k.unowned {
		busy[id] = true
	}
	for id := range k.doomed {
		busy[id] = true
	}
	k.mu.Unlock()
	if err := k.store.CatchUp(ctx); err != nil {
		return nil, nil, err
	}
	owners := ownersOf(k.store.Snapshot())
	for _, id := range there {
		if _, ok := owners[id]; ok {
			delete(owners, id)
		} else if !busy[id] && !(k.store.Shared() && young(id)) {
			ids = append(ids, id)
		}
	}
	for _, o := range owners {
		missing = append(missing, o)
	}
	return ids, missing, nil
}

// young is whether a blob may be part of an upload that is under way: its id has the time in it.
func young(id string) bool {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 {
		return false
	}
	seconds, nanoseconds := parsed.Time().UnixTime()
	return time.Since(time.Unix(seconds, nanoseconds)) < sweepAge
}
