package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
)

// inMemory is up to how many bytes of a blob stay in memory; a longer one is a temporary file.
const inMemory = 1 << 20

// memoryBlobs are the blobs of a Backend that keeps nothing. A long one is a file without a name, which is gone with the
// process however that ends.
type memoryBlobs struct {
	mu     sync.Mutex
	all    map[string]*memoryBlob
	closed bool
}

// memoryBlob does not change once it is in the map.
type memoryBlob struct {
	data []byte
	file *os.File // in place of data
	name string   // of the file, where one that is open cannot be removed
	size int64
}

func newMemoryBlobs() *memoryBlobs { return &memoryBlobs{all: map[string]*memoryBlob{}} }

type memoryWriter struct {
	blobs *memoryBlobs
	id    string
	memoryBlob
}

func (m *memoryBlobs) Create(_ context.Context, id string) (BlobWriter, error) {
	return &memoryWriter{blobs: m, id: id}, nil
}

func (w *memoryWriter) Write(b []byte) (int, error) {
	if w.file == nil && len(w.data)+len(b) <= inMemory {
		w.data = append(w.data, b...)
		w.size = int64(len(w.data))
		return len(b), nil
	}
	if w.file == nil {
		if err := w.spill(); err != nil {
			return 0, err
		}
	}
	n, err := w.file.Write(b)
	w.size += int64(n)
	if err != nil {
		return n, unavailable(fmt.Errorf("writing a temporary file: %w", err))
	}
	return n, nil
}

// spill goes over to a file.
func (w *memoryWriter) spill() error {
	file, err := os.CreateTemp("", "irsa-emu-*")
	if err != nil {
		return unavailable(fmt.Errorf("content of more than %d bytes needs a folder for temporary files, which TMPDIR names: %w", inMemory, err))
	}
	w.file = file
	if err := os.Remove(file.Name()); err != nil {
		w.name = file.Name()
	}
	_, err = file.Write(w.data)
	if w.data = nil; err != nil {
		return unavailable(fmt.Errorf("writing a temporary file: %w", err))
	}
	return nil
}

func (w *memoryWriter) Commit() error {
	w.data = bytes.Clone(w.data) // without the room to grow
	w.blobs.mu.Lock()
	defer w.blobs.mu.Unlock()
	if w.blobs.closed {
		return errors.Join(ErrClosed, w.end())
	}
	old := w.blobs.all[w.id]
	blob := w.memoryBlob
	w.blobs.all[w.id] = &blob
	return old.end()
}

func (w *memoryWriter) Abort() { _ = w.end() }

// end gives back what the blob holds.
func (b *memoryBlob) end() error {
	if b == nil || b.file == nil {
		return nil
	}
	err := b.file.Close()
	if b.name != "" {
		err = errors.Join(err, os.Remove(b.name))
	}
	return err
}

func (m *memoryBlobs) Open(_ context.Context, id string, offset int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blob := m.all[id]
	switch {
	case m.closed:
		return nil, ErrClosed
	case blob == nil:
		return nil, fmt.Errorf("%w: %s", ErrNoBlob, id)
	case blob.file != nil:
		return io.NopCloser(io.NewSectionReader(blob.file, offset, blob.size-offset)), nil
	}
	return io.NopCloser(bytes.NewReader(blob.data[min(offset, blob.size):])), nil
}

func (m *memoryBlobs) Remove(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	blob := m.all[id]
	delete(m.all, id)
	return blob.end()
}

func (m *memoryBlobs) List(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.all)), nil
}

func (m *memoryBlobs) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var errs []error
	for _, blob := range m.all {
		errs = append(errs, blob.end())
	}
	m.all = nil
	return errors.Join(errs...)
}
