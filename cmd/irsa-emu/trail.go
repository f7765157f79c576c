package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// trailOutput is where --cloudtrail goes. Records on stdout wait for the ready
// line, which comes first; a script that reads it reads nothing else.
type trailOutput struct {
	to    io.Writer
	file  *os.File      // nil for stdout
	queue *queue        // stdout's; nil for a file
	ready chan struct{} // nil for a file
	once  sync.Once
}

func (p *program) openTrail(where string) (*trailOutput, error) {
	switch where {
	case "":
		return &trailOutput{}, nil
	case "-":
		q := newQueue(p.stdout)
		return &trailOutput{to: q, queue: q, ready: make(chan struct{})}, nil
	}
	// Appended to, so that a restart keeps what is there, and private: records say who called what.
	file, err := os.OpenFile(where, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Errorf("--cloudtrail: %w", err)}
	}
	return &trailOutput{to: file, file: file}, nil
}

// writer is nil without records.
func (t *trailOutput) writer() io.Writer {
	if t.to == nil {
		return nil
	}
	return t
}

func (t *trailOutput) Write(record []byte) (int, error) {
	if t.ready != nil {
		<-t.ready
	}
	return t.to.Write(record)
}

// begin lets records through.
func (t *trailOutput) begin() {
	if t.ready != nil {
		t.once.Do(func() { close(t.ready) })
	}
}

func (t *trailOutput) close() error {
	if t.queue != nil {
		t.queue.close()
	}
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
