package main

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queueBytes is how much may wait for a reader that is slow, or paused.
	queueBytes = 4 << 20
	// queueFlush is how long the end waits for such a reader.
	queueFlush = 3 * time.Second
)

// errBehind: what was written was dropped, since whoever reads is too far behind.
var errBehind = errors.New("nobody reads it: more than 4 MiB wait to be written")

// queue writes lines to where a reader may pause, such as a pipe: calls and
// the end of the process do not wait for it. What it has no room for is dropped.
type queue struct {
	to   io.Writer
	lost atomic.Uint64

	mu      sync.Mutex
	some    sync.Cond // waiting is not empty, or closed
	waiting [][]byte
	bytes   int
	failed  error // of an earlier write
	closed  bool
	done    chan struct{}
}

func newQueue(to io.Writer) *queue {
	q := &queue{to: to, done: make(chan struct{})}
	q.some.L = &q.mu
	go q.run()
	return q
}

// Write takes a line. The error may be of one before.
func (q *queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.failed; err != nil {
		q.failed = nil
		q.lost.Add(1)
		return 0, err
	}
	if q.closed || q.bytes+len(line) > queueBytes {
		q.lost.Add(1)
		return 0, errBehind
	}
	q.waiting = append(q.waiting, append([]byte(nil), line...))
	q.bytes += len(line)
	q.some.Signal()
	return len(line), nil
}

func (q *queue) run() {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.waiting) == 0 && !q.closed {
			q.some.Wait()
		}
		lines := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		if len(lines) == 0 {
			return
		}
		for _, line := range lines {
			_, err := q.to.Write(line)
			q.mu.Lock()
			q.bytes -= len(line)
			if err != nil {
				q.failed = err
			}
			q.mu.Unlock()
		}
	}
}

// flush waits until what was taken so far is written, but not for long.
func (q *queue) flush() {
	for deadline := time.Now().Add(queueFlush); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		q.mu.Lock()
		empty := q.bytes == 0
		q.mu.Unlock()
		if empty {
			return
		}
	}
}

// close waits until all is written, but not for long.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.some.Signal()
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-time.After(queueFlush):
	}
}
