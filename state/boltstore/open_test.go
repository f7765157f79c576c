package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/irsa-emu/irsa-emu/state"
)

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestNewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	mustOpen(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600: there are keys in it", info.Mode().Perm())
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Errorf("the folder has %v (%v), want the one file", names, err)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "absent", "state.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in a folder that is not there: %v", err)
	}
	folder := t.TempDir()
	if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("a folder as a state file: %v", err)
	}
}

const holdVariable = "IRSA_EMU_TEST_HOLD"

// TestInUse starts another process that has the file open.
func TestInUse(t *testing.T) {
	if path := os.Getenv(holdVariable); path != "" { // that process
		mustOpen(t, path)
		fmt.Println("open")
		os.Stdin.Read(make([]byte, 1)) // until the test is done with it
		return
	}
	path := filepath.Join(t.TempDir(), "state.db")
	other := exec.Command(os.Args[0], "-test.run=^TestInUse$")
	other.Env = append(os.Environ(), holdVariable+"="+path)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer stdin.Close()
	if _, err := stdout.Read(make([]byte, 4)); err != nil {
		t.Fatalf("the other process did not open the file: %v", err)
	}
	for what, open := range map[string]func() error{
		"Open":  func() error { _, err := Open(path); return err },
		"Check": func() error { _, err := Check(path); return err },
	} {
		err := open()
		var inUse *InUseError
		if !errors.As(err, &inUse) || inUse.Path != path {
			t.Fatalf("%s of a file in use: %v", what, err)
		}
		if runtime.GOOS != "linux" {
			continue
		}
		if want := fmt.Sprintf("state file %s is in use by another irsa-emu (pid %d)", path, other.Process.Pid); err.Error() != want {
			t.Errorf("%s: %q, want %q", what, err, want)
		}
	}
	stdin.Close()
	other.Wait()
	mustOpen(t, path)
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path)
	for i := range 3 {
		_, err := s.Commit(t.Context(), []state.Change{{Kind: "role", Key: fmt.Sprint(i), Value: []byte("{}")}, {Kind: "user", Key: fmt.Sprint(i), Value: []byte("{}")}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Commit(t.Context(), []state.Change{{Kind: "user", Key: "1", Revision: 2}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Check(path)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("{1 4 5 map[role:3 user:2] %d}", len(before))
	if got := fmt.Sprint(report); got != want {
		t.Errorf("Check = %s, want %s", got, want)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("Check changed the file (%v)", err)
	}
	if _, err := Check(path + ".absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check of a file that is not there: %v", err)
	}
}

func TestMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path)
	if _, err := s.Commit(t.Context(), []state.Change{{Kind: "rôle", Key: "a", Value: []byte(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	rename := func(tx *bolt.Tx, s *summary) error {
		encoded, sum := encodeRecord("role", "a", 1, []byte(`{"migrated":true}`))
		entities := tx.Bucket(entitiesBucket)
		if err := entities.DeleteBucket([]byte("rôle")); err != nil {
			return err
		}
		role, err := entities.CreateBucket([]byte("role"))
		if err != nil {
			return err
		}
		s.Entities, s.Sum = 1, uint64(sum)
		return role.Put([]byte("a"), encoded)
	}
	failing := func(*bolt.Tx, *summary) error { return errors.New("cannot") }

	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(path, []migration{rename, failing}); err == nil || !strings.Contains(err.Error(), "migrating it from format 2: cannot") {
		t.Fatalf("a migration that fails: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Fatalf("a migration that failed changed the file (%v)", err)
	}

	s, err = open(path, []migration{rename})
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Load(context.Background())
	if err != nil || len(records) != 1 || records[0].Kind != "role" || string(records[0].Value) != `{"migrated":true}` {
		t.Errorf("after the migration: %+v, %v", records, err)
	}
	s.Close()
	if s, err = open(path, []migration{rename}); err != nil {
		t.Fatalf("opening a migrated file again: %v", err)
	}
	s.Close()

	// It is now of a format that this version does not know.
	want := fmt.Sprintf("state file %s has format 2, written by a newer irsa-emu; this one reads formats up to 1", path)
	if _, err := Open(path); err == nil || err.Error() != want {
		t.Errorf("a newer format: %v, want %q", err, want)
	}
	if Format != len(migrations())+1 {
		t.Errorf("Format is %d with %d migrations", Format, len(migrations()))
	}
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path)
	first, err := s.Commit(t.Context(), []state.Change{{Kind: "item", Key: "a", Value: []byte(`{}`)}})
	if err != nil {
		t.Fatal(err)
	}
	s.db.MaxSize = 1 << 20
	_, err = s.Commit(t.Context(), []state.Change{{Kind: "item", Key: "large", Value: make([]byte, 2<<20)}, {Kind: "item", Key: "a", Revision: first}})
	if !errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrUncertain) || !strings.Contains(err.Error(), path) {
		t.Fatalf("a full disk: %v, want ErrUnavailable that names the file", err)
	}
	second, err := s.Commit(t.Context(), []state.Change{{Kind: "item", Key: "a", Value: []byte(`{"N":2}`), Revision: first}})
	if err != nil || second <= first {
		t.Fatalf("a small commit after one that did not fit: %d, %v", second, err)
	}
	s.Close()
	if records, err := mustOpen(t, path).Load(t.Context()); err != nil || len(records) != 1 || records[0].Revision != second {
		t.Errorf("kept: %+v, %v", records, err)
	}
}

// TestLostSync: the sync of the last page failed after the page was written.
func TestLostSync(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"))
	revision, err := s.Commit(t.Context(), []state.Change{{Kind: "item", Key: "a", Value: []byte(`{}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.failed(errors.New("input/output error"), revision); !errors.Is(err, state.ErrUncertain) {
		t.Errorf("the commit itself: %v, want ErrUncertain", err)
	}
	_, err = s.Commit(t.Context(), []state.Change{{Kind: "item", Key: "b", Value: []byte(`{}`)}})
	if !errors.Is(err, state.ErrUnavailable) || !strings.Contains(err.Error(), "input/output error") {
		t.Errorf("the next one: %v, want ErrUnavailable and why", err)
	}
}

// TestAnOlderRecord: every record is in order, but one is of before the last commit, or is one too many.
func TestAnOlderRecord(t *testing.T) {
	for name, change := range map[string]func(*bolt.Bucket) error{
		"older": func(b *bolt.Bucket) error {
			encoded, _ := encodeRecord("item", "a", 1, []byte(`{"N":1}`))
			return b.Put([]byte("a"), encoded)
		},
		"gone": func(b *bolt.Bucket) error { return b.Delete([]byte("a")) },
		"back": func(b *bolt.Bucket) error {
			encoded, _ := encodeRecord("item", "b", 1, []byte(`{}`))
			return b.Put([]byte("b"), encoded)
		},
		"elsewhere": func(b *bolt.Bucket) error { return b.Put([]byte("c"), b.Get([]byte("a"))) },
		"short":     func(b *bolt.Bucket) error { return b.Put([]byte("a"), []byte("short")) },
		"in a bucket": func(b *bolt.Bucket) error {
			_, err := b.CreateBucket([]byte("bucket"))
			if err != nil {
				return err
			}
			return b.Bucket([]byte("bucket")).Put([]byte("a"), []byte("a"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s := mustOpen(t, path)
			for _, c := range []state.Change{
				{Kind: "item", Key: "a", Value: []byte(`{"N":1}`)}, {Kind: "item", Key: "b", Value: []byte(`{}`)},
				{Kind: "item", Key: "a", Value: []byte(`{"N":2}`), Revision: 1}, {Kind: "item", Key: "b", Revision: 2},
			} {
				if _, err := s.Commit(t.Context(), []state.Change{c}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket(entitiesBucket).Bucket([]byte("item"))) }); err != nil {
				t.Fatal(err)
			}
			s.Close()
			var damaged *DamagedError
			if _, err := Open(path); !errors.As(err, &damaged) {
				t.Errorf("Open: %v, want a *DamagedError", err)
			}
		})
	}
}
