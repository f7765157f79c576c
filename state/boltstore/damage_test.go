package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

// written makes a state file with all that there can be: branch pages, values over several pages, buckets in place, free
// pages; and gives its contents.
func written(t testing.TB) (path string, file []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.db")
	s := openStore(t, path)
	for round := range 3 {
		err := s.Update(context.Background(), func(tx *state.Txn) error {
			for i := range 300 {
				tx.Put(&storetest.Item{Key: fmt.Sprintf("%d/%04d", round, i), Text: strings.Repeat("text ", i%40)})
			}
			tx.Put(&storetest.Item{Key: "large", Text: strings.Repeat("large ", 5000)})
			tx.Put(&storetest.Note{Key: "the only one", Text: fmt.Sprint(round)})
			state.DeleteAll[*storetest.Item](tx, fmt.Sprintf("%d/00", round-1))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, file
}

func openStore(t testing.TB, path string) *state.Store {
	t.Helper()
	backend, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.Open(context.Background(), backend, storetest.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// records reads a file by way of a copy. Opening must not change what it refuses.
func records(t testing.TB, file []byte) (map[string]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	backend, err := boltstore.Open(path)
	if err != nil {
		if left, readErr := os.ReadFile(path); readErr != nil || !bytes.Equal(left, file) {
			t.Errorf("the file was changed although it was refused: %v", readErr)
		}
		return nil, err
	}
	defer backend.Close()
	list, err := backend.Load(context.Background())
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, r := range list {
		found[r.Kind+" "+r.Key] = fmt.Sprintf("%d %s", r.Revision, r.Value)
	}
	return found, nil
}

func TestDamagedFileIsRefusedAndLeft(t *testing.T) {
	_, file := written(t)
	damage := func(change func([]byte) []byte) []byte { return change(bytes.Clone(file)) }
	text := bytes.Index(file, []byte("text text text"))
	for _, test := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "it is empty", nil},
		{"cut off", "it was cut off", file[:len(file)/2]},
		{"cut off in the first page", "it ends within its meta page 0", file[:50]},
		{"cut off in the second page", "it ends within its meta page 1", file[:4100]},
		{"something else", "it is not a state file", []byte(strings.Repeat("apiVersion: irsa-emu.dev/v1\n", 500))},
		{"zeroes", "it is not a state file", make([]byte, len(file))},
		{"a bit of the first meta page", "its meta page 0 is damaged", damage(func(b []byte) []byte { b[40] ^= 1; return b })},
		{"a bit of the second meta page", "its meta page 1 is damaged", damage(func(b []byte) []byte { b[4096+40] ^= 1; return b })},
		{"a letter of a value", "checksum", damage(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("text text text"), []byte("text test text")) })},
		{"a number's bit in a value", "checksum", damage(func(b []byte) []byte {
			for i := 0; i < len(b)-14; i++ { // in every copy, the free pages' too
				if bytes.HasPrefix(b[i:], file[text:text+14]) {
					b[i] ^= 4
				}
			}
			return b
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := records(t, test.file)
			var damaged *boltstore.DamagedError
			if !errors.As(err, &damaged) {
				t.Fatalf("opening gave %d records and %v, want a *DamagedError", len(found), err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), damaged.Path) {
				t.Errorf("the error is %q, want %q and the path in it", err, test.want)
			}
			path := filepath.Join(t.TempDir(), "copy.db")
			if err := os.WriteFile(path, test.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := boltstore.Check(path); !errors.As(err, &damaged) {
				t.Errorf("Check gave %v, want a *DamagedError", err)
			}
		})
	}
}

// TestDamageAnywhere alters a byte, or overwrites a stretch, at places all over the file. Each is refused, or is where
// nothing is kept: then everything must be there.
func TestDamageAnywhere(t *testing.T) {
	_, file := written(t)
	want, err := records(t, file)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	refused := 0
	const tries = 200
	for range tries {
		damaged := bytes.Clone(file)
		at := random.IntN(len(file))
		switch random.IntN(4) {
		case 0: // the header of a page
			at = at/4096*4096 + random.IntN(64)
			fallthrough
		case 1:
			damaged[at] ^= 1 << random.IntN(8)
		case 2: // a sector
			clear(damaged[at/512*512 : at/512*512+512])
		case 3: // a page in the place of another
			from := random.IntN(len(file)) / 4096 * 4096
			copy(damaged[at/4096*4096:][:4096], file[from:])
		}
		checkDamaged(t, damaged, want, &refused)
	}
	t.Logf("%d of %d were refused, the others had lost nothing", refused, tries)
	if refused < tries/4 {
		t.Error("too few to be true")
	}
}

func checkDamaged(t *testing.T, file []byte, want map[string]string, refused *int) {
	t.Helper()
	got, err := records(t, file)
	var damaged *boltstore.DamagedError
	switch {
	case errors.As(err, &damaged):
		*refused++
	case err != nil:
		t.Errorf("opening gave %v, want a *DamagedError", err)
	case fmt.Sprint(got) != fmt.Sprint(want):
		t.Errorf("a damaged file was opened, with %d records that are not the %d that were written", len(got), len(want))
	}
}

// FuzzOpen alters a stretch of the file as the fuzzer likes: nothing may panic, and nothing wrong may be taken for right.
func FuzzOpen(f *testing.F) {
	_, file := written(f)
	want, err := records(f, file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{1})
	f.Add(uint32(8), []byte{0xff, 0xff})
	f.Add(uint32(4096*3+8), []byte{1, 0, 0xff, 0xff})
	f.Add(uint32(4096*5), make([]byte, 512))
	f.Add(uint32(len(file)-1), []byte("tail"))
	f.Fuzz(func(t *testing.T, at uint32, bytesThere []byte) {
		damaged := bytes.Clone(file)
		copy(damaged[int(at)%len(damaged):], bytesThere)
		refused := 0
		checkDamaged(t, damaged, want, &refused)
	})
}
