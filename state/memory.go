package state

import (
	"context"
	"errors"
	"sync"
)

// NewMemory is the Backend that keeps nothing: the state lives as long as the Store. It serves one Store, once.
func NewMemory() Backend { return &memory{blobs: newMemoryBlobs()} }

type memory struct {
	mu       sync.Mutex
	revision int64
	closed   bool
	blobs    *memoryBlobs
}

func (m *memory) Blobs() Blobs { return m.blobs }

func (m *memory) Load(context.Context) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil, ErrClosed
	case m.revision > 0:
		return nil, errors.New("state: the memory backend has kept nothing that could be loaded")
	}
	return nil, nil
}

func (m *memory) Commit(ctx context.Context, changes []Change) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.revision++
	return m.revision, nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return m.blobs.close()
}
