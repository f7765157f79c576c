package state

import (
	"context"
	"errors"
)

// Backend keeps the encoded entities. One Store uses it at a time, though several processes may share what is behind it.
type Backend interface {
	// Load gives everything that is kept, in any order. A Store calls it when it opens, and again when a Watch was lost or
	// a commit met a conflict that no Watch explains.
	Load(ctx context.Context) ([]Record, error)
	// Commit makes all changes at once or none of them, and returns the revision that they all now have: a positive number
	// greater than any before. It returns only when what it did survives a crash. Errors:
	//   - ErrConflict: an entity no longer has the revision that the change names; nothing was written.
	//   - ErrUncertain: the outcome is not known (the connection broke, or the disk failed, while it was being written).
	//   - anything else: nothing was written, and nothing will be.
	// A context that ends while the commit is under way does not make it uncertain: the backend finds out what happened.
	Commit(ctx context.Context, changes []Change) (int64, error)
	// Blobs are beside the entities; always the same.
	Blobs() Blobs
	// Close releases what the backend holds; every later call answers ErrClosed.
	Close() error
}

// Watcher is a Backend that others write to as well.
type Watcher interface {
	// Watch tells of every change made since the last Load, in the order of revisions, those of one commit in one call,
	// until the context ends. It may repeat a change, and may tell of the store's own. Revision in these changes is that of
	// the change itself. When it returns before the context ends, changes may have been missed: the Store then calls Load
	// and Watch again.
	Watch(ctx context.Context, apply func([]Change)) error
}

// Syncer is a Watcher that can find out whether it is behind.
type Syncer interface {
	// Sync returns nil when everything that had been committed before the call was told, by Load or Watch. It bounds itself:
	// an error that is ErrUnavailable says that what is behind the backend does not answer, or that the Watch lags too far.
	Sync(ctx context.Context) error
}

// Faulter is a Backend that can tell that it is cut off from what is behind it, and why; nil while it is not.
type Faulter interface{ Fault() error }

// Record is one entity as a Backend keeps it. Revision is that of the commit that wrote it last.
type Record struct {
	Kind, Key string
	Value     []byte
	Revision  int64
}

// Change is one entity's part in a commit.
type Change struct {
	Kind, Key string
	// Value is the entity as JSON; nil deletes it.
	Value []byte
	// Revision is the one that was read: the commit is refused with ErrConflict when the entity has another. Zero means that
	// there must be no such entity.
	Revision int64
	// Read means that nothing is written, and only the revision is compared. With an empty Key the whole kind was read: it
	// must not have been written to since what the backend last told the store (by Load, Watch or the store's own commits).
	// A backend that nobody else can write to need not look at changes of this sort.
	Read bool
}

var (
	// ErrConflict: something that a transaction read has changed since. Update runs it again, a bounded number of times.
	ErrConflict = errors.New("changed by another writer")
	// ErrUnavailable: the backend cannot be reached or cannot write now. Reads go on; the error's text says why.
	ErrUnavailable = errors.New("the store cannot be written now")
	// ErrUncertain: whether the changes were kept could not be found out. They are not visible; if they were kept after
	// all, they become so when the backend is heard again, or at the next start.
	ErrUncertain = errors.New("it is not known whether the change was kept")
	// ErrTooLarge: an entity, or all of a transaction, is more than the backend takes; the error's text has the limit.
	ErrTooLarge = errors.New("too large for the store")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// Unavailable tells the errors of an Update that are nobody's mistake, and after which a later try may do better.
func Unavailable(err error) bool {
	for _, is := range []error{ErrUnavailable, ErrUncertain, ErrConflict, ErrClosed} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}
