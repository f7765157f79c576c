package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/irsa-emu/irsa-emu/state"
)

// owned is a blob and what owns it.
type owned struct {
	piece Piece
	by    string // "object BUCKET/KEY"
}

// ownersOf gives all blobs that something owns, by id.
func ownersOf(r state.Reader) map[string]owned {
	owners := map[string]owned{}
	add := func(pieces []Piece, by string) {
		for _, p := range pieces {
			if p.Blob != "" {
				owners[p.Blob] = owned{p, by}
			}
		}
	}
	for o := range state.All[*Object](r, "") {
		add(o.Content, "object "+o.StateKey())
	}
	for v := range state.All[*Version](r, "") {
		add(v.Content, "version "+v.VersionID+" of object "+objectKey(v.Bucket, v.Key))
	}
	for p := range state.All[*Part](r, "") {
		add(p.Content, fmt.Sprintf("part %d of an upload to %s", p.Number, p.Bucket))
	}
	return owners
}

func missingContent(missing []owned) error {
	slices.SortFunc(missing, func(a, b owned) int { return cmp.Compare(a.by, b.by) })
	first := missing[0]
	return fmt.Errorf("%d blobs are missing, the first is %s of %s: was the state copied without its blobs? go back to a copy of both, or to an export",
		len(missing), first.piece.Blob, first.by)
}

// Blob is how content was kept by irsa-emu 1.0: as entities. At the start it is moved.
type Blob struct {
	ID   string `json:"id"`
	Data []byte `json:"data"`
}

// StateKey is the id.
func (b *Blob) StateKey() string { return b.ID }

// moveBlobs makes blobs of the entities that content was before. It may be
// interrupted anywhere, and others may do the same at the same time.
func moveBlobs(ctx context.Context, store *state.Store) error {
	for b := range state.All[*Blob](store.Snapshot(), "") {
		w, err := store.Blobs().Create(ctx, b.ID)
		if err != nil {
			return err
		}
		if _, err := w.Write(b.Data); err != nil {
			w.Abort()
			return err
		}
		if err := w.Commit(); err != nil {
			w.Abort()
			return err
		}
		if err := store.Update(ctx, func(tx *state.Txn) error { tx.Delete(b); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// Storage is what CheckStorage found.
type Storage struct {
	Blobs   int // that something owns
	Orphans int // that nothing owns
	Removed int // of the orphans
}

// CheckStorage reads the content of all that a store keeps, which no emulator may
// use at the time, and compares it with what was written. With fix it removes
// what nothing owns; where others may use the store, as etcd, that is what is
// older than any upload.
func CheckStorage(ctx context.Context, store *state.Store, fix bool) (found Storage, err error) {
	k := newContents(store, nil, discardLog)
	legacy := 0
	for range state.All[*Blob](store.Snapshot(), "") {
		legacy++
	}
	orphans, missing, err := k.orphans(ctx)
	if err != nil {
		return found, err
	}
	if len(missing) > 0 && legacy == 0 {
		return found, missingContent(missing)
	}
	found.Orphans = len(orphans)
	var wrong []error
	for _, o := range ownersOf(store.Snapshot()) {
		if legacy > 0 {
			break // it is checked once it was moved
		}
		found.Blobs++
		if err := k.verify(ctx, o.piece); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", o.by, err))
		}
	}
	if len(wrong) > 0 {
		return found, errors.Join(wrong...)
	}
	if !fix {
		return found, nil
	}
	for _, id := range orphans {
		if err := store.Blobs().Remove(ctx, id); err != nil {
			return found, err
		}
		found.Removed++
	}
	return found, nil
}

func (k *contents) verify(ctx context.Context, p Piece) error {
	r := k.open(ctx, []Piece{p}, 0)
	_, err := io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}
