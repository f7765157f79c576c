package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/irsa-emu/irsa-emu/state"
)

// Store is the state.Backend of one file.
type Store struct {
	mu      sync.Mutex // one commit at a time
	db      *bolt.DB
	summary summary
	blobs   blobs
	broken  error // why nothing can be written any more
	closed  bool
}

// Open opens the state file, making it (readable by its owner alone) when there is none; its folder must exist. Errors a
// caller may want to tell apart are *InUseError and *DamagedError; whatever the error, the file was not changed.
func Open(path string) (*Store, error) { return open(path, migrations()) }

func open(path string, steps []migration) (*Store, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("making the state file %s: %w", path, err)
		}
		file, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the state file: %w", err)
	}
	if err := lock(file); err != nil {
		file.Close()
		return nil, err
	}
	summary, _, err := inspect(file, len(steps)+1)
	if err != nil {
		file.Close()
		return nil, err
	}
	// bbolt gets the file that is locked and was inspected, and closes it.
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:        lockTimeout,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
		OpenFile:       func(string, int, os.FileMode) (*os.File, error) { return file, nil },
	})
	if err != nil {
		file.Close()
		if errors.Is(err, bolterrors.ErrTimeout) {
			return nil, &InUseError{Path: path, PID: holder(file)}
		}
		return nil, &DamagedError{Path: path, Err: err}
	}
	if summary, err = migrate(db, summary, steps); err != nil {
		db.Close()
		return nil, &DamagedError{Path: path, Err: err}
	}
	return &Store{db: db, summary: summary, blobs: blobs{path + BlobsSuffix}}, nil
}

// String names the file.
func (s *Store) String() string { return "state file " + s.db.Path() }

// create makes an empty state file. It appears under its name complete or not at all, and never in place of another.
func create(path string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(temp.Name(), 0o600, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{metaBucket, entitiesBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return putSummary(tx, summary{Format: Format})
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) { // another process was faster; which of the two goes on, the lock decides
			return nil
		}
		// A file system without hard links.
		if err := os.Rename(temp.Name(), path); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Load gives all records.
func (s *Store) Load(context.Context) ([]state.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, state.ErrClosed
	}
	records := make([]state.Record, 0, s.summary.Entities)
	err := s.db.View(func(tx *bolt.Tx) error {
		entities := tx.Bucket(entitiesBucket)
		return entities.ForEachBucket(func(kind []byte) error {
			return entities.Bucket(kind).ForEach(func(key, encoded []byte) error {
				// The bytes are the file's, only lent.
				record, _, err := decodeRecord(string(kind), string(key), append([]byte(nil), encoded...))
				records = append(records, record)
				return err
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the state file %s: %w", s.db.Path(), err)
	}
	return records, nil
}

// Commit writes the changes in one transaction, and returns when they are on the disk. A context that has ended before is
// honoured; from then on the commit takes as long as the disk does.
func (s *Store) Commit(ctx context.Context, changes []state.Change) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, state.ErrClosed
	case s.broken != nil:
		return 0, s.broken
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	next := s.summary
	next.Revision++
	if err := s.write(changes, &next); err != nil {
		return 0, err
	}
	s.summary = next
	return next.Revision, nil
}

func (s *Store) write(changes []state.Change, next *summary) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return s.unavailable(err)
	}
	defer tx.Rollback() // does nothing after Commit
	for _, change := range changes {
		if change.Read && change.Key == "" {
			continue // nobody else writes: what the store knows of a kind is all there is
		}
		if err := apply(tx, change, next); err != nil {
			if errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrTooLarge) {
				return err
			}
			return s.unavailable(fmt.Errorf("%s %q: %w", change.Kind, change.Key, err))
		}
	}
	if err := putSummary(tx, *next); err != nil {
		return s.unavailable(err)
	}
	if err := tx.Commit(); err != nil {
		return s.failed(err, next.Revision)
	}
	return nil
}

func apply(tx *bolt.Tx, change state.Change, next *summary) error {
	entities := tx.Bucket(entitiesBucket)
	bucket, key := entities.Bucket([]byte(change.Kind)), []byte(change.Key)
	var current state.Record
	var currentSum uint32
	if bucket != nil {
		if encoded := bucket.Get(key); encoded != nil {
			var err error
			if current, currentSum, err = decodeRecord(change.Kind, change.Key, encoded); err != nil {
				return err
			}
		}
	}
	if current.Revision != change.Revision {
		return fmt.Errorf("%w: %s %q has revision %d, not %d", state.ErrConflict, change.Kind, change.Key, current.Revision, change.Revision)
	}
	if change.Read {
		return nil
	}
	if current.Revision != 0 {
		next.remove(currentSum)
	}
	if change.Value == nil {
		if current.Revision == 0 {
			return nil
		}
		return bucket.Delete(key)
	}
	if bucket == nil {
		var err error
		if bucket, err = entities.CreateBucket([]byte(change.Kind)); err != nil {
			return err
		}
	}
	encoded, sum := encodeRecord(change.Kind, change.Key, next.Revision, change.Value)
	next.add(sum)
	err := bucket.Put(key, encoded)
	if errors.Is(err, bolterrors.ErrValueTooLarge) || errors.Is(err, bolterrors.ErrKeyTooLarge) {
		return fmt.Errorf("%w: %s %q: %w", state.ErrTooLarge, change.Kind, change.Key, err)
	}
	return err
}

// failed tells what became of a transaction whose Commit failed. bbolt writes the pages first, which nothing refers to yet,
// and then the meta page that puts them in force. If that one can be read back, it was its sync that failed: it may or may
// not be on the disk, and to write on from either would be a guess.
func (s *Store) failed(cause error, revision int64) error {
	var seen summary
	err := s.db.View(func(tx *bolt.Tx) (err error) {
		seen, err = decodeSummary(tx.Bucket(metaBucket).Get(summaryKey))
		return err
	})
	if err == nil && seen.Revision < revision {
		return s.unavailable(cause)
	}
	s.broken = fmt.Errorf("%w: a write to %s failed half way, start again to see what it holds: %w", state.ErrUnavailable, s.db.Path(), cause)
	return fmt.Errorf("%w: writing %s: %w", state.ErrUncertain, s.db.Path(), cause)
}

func (s *Store) unavailable(cause error) error {
	return fmt.Errorf("%w: writing %s: %w", state.ErrUnavailable, s.db.Path(), cause)
}

// Close waits for a commit that is under way and gives up the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the state file: %w", err)
	}
	return nil
}

var _ state.Backend = (*Store)(nil)
