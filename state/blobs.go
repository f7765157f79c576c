package state

import (
	"context"
	"errors"
	"io"
)

// Blobs keeps long stretches of bytes beside the entities, which refer to them by their ids: they are neither held in
// memory nor part of a transaction. A blob is made before the transaction that puts its owner, and removed after the one
// that took its last owner away; what is left without an owner when a process dies, the one that owns finds by List.
//
// An id is 1 to 64 letters, digits and hyphens. All methods may be used by many goroutines. Errors that are nobody's
// mistake are [ErrUnavailable], as those of a Commit.
type Blobs interface {
	// Create begins a blob, in place of one that has the id.
	Create(ctx context.Context, id string) (BlobWriter, error)
	// Open reads a blob from an offset on. Without such a blob the error is ErrNoBlob, here or of the first Read.
	Open(ctx context.Context, id string, offset int64) (io.ReadCloser, error)
	// Remove deletes a blob, or what is there of one that was never finished. There need be none.
	Remove(ctx context.Context, id string) error
	// List gives the ids of all there are, those that were never finished among them.
	List(ctx context.Context) ([]string, error)
}

// BlobWriter is a blob that is being made. It ends with one of Commit and Abort.
type BlobWriter interface {
	io.Writer
	// Commit returns when what was written survives what a Commit of the Backend survives.
	Commit() error
	// Abort leaves nothing.
	Abort()
}

// ErrNoBlob: there is no blob of that id.
var ErrNoBlob = errors.New("there is no such blob")

// Blobs are those of the backend.
func (s *Store) Blobs() Blobs { return s.backend.Blobs() }
