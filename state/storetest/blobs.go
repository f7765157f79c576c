package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

func makeBlob(t *testing.T, blobs state.Blobs, id string, content []byte) {
	t.Helper()
	w, err := blobs.Create(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(content, 100_000) {
		if n, err := w.Write(part); err != nil || n != len(part) {
			t.Fatalf("writing %d bytes: %d, %v", len(part), n, err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func readBlob(blobs state.Blobs, id string, offset int64) ([]byte, error) {
	r, err := blobs.Open(context.Background(), id, offset)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func wantBlobs(t *testing.T, blobs state.Blobs, want ...string) {
	t.Helper()
	ids, err := blobs.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		t.Errorf("blobs %q, want %q", ids, want)
	}
}

// testBlobs: what was written comes back from any offset, also by others and later, and is gone when it was removed.
func testBlobs(t *testing.T, p *place) {
	backend := p.backend(t)
	blobs := backend.Blobs()
	wantBlobs(t, blobs)
	contents := map[string][]byte{"empty": {}, "short": []byte("a"), "long-1": make([]byte, 3<<20+17), "even": make([]byte, 1<<20)}
	source := rand.NewChaCha8([32]byte{1})
	for id, content := range contents {
		if id != "short" {
			_, _ = source.Read(content)
		}
		makeBlob(t, blobs, id, []byte("of before"))
		makeBlob(t, blobs, id, content) // in place of the other
	}
	check := func(blobs state.Blobs) {
		t.Helper()
		for id, content := range contents {
			for _, offset := range []int{0, 1, len(content) / 2, len(content) - 1, len(content)} {
				if offset < 0 || offset > len(content) {
					continue
				}
				if got, err := readBlob(blobs, id, int64(offset)); err != nil || !bytes.Equal(got, content[offset:]) {
					t.Errorf("%s from %d on: %d bytes, %v", id, offset, len(got), err)
				}
			}
		}
	}
	check(blobs)
	w, err := blobs.Create(t.Context(), "given-up")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2<<20)); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	wantBlobs(t, blobs, "empty", "even", "long-1", "short")
	if p.Shared {
		check(p.backend(t).Blobs())
	}
	if !p.Forgets {
		if err := backend.Close(); err != nil {
			t.Fatal(err)
		}
		blobs = p.backend(t).Blobs()
		check(blobs)
	}
	var all sync.WaitGroup
	for id := range contents {
		all.Go(func() {
			if err := errors.Join(blobs.Remove(t.Context(), id), blobs.Remove(t.Context(), id)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantBlobs(t, blobs)
	if _, err := readBlob(blobs, "short", 0); !errors.Is(err, state.ErrNoBlob) {
		t.Errorf("reading what was removed: %v", err)
	}
}
