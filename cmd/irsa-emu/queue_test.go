package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// paused is a reader that does not read until it is let go.
type paused struct {
	strings.Builder
	goOn chan struct{}
}

func (p *paused) Write(b []byte) (int, error) {
	<-p.goOn
	return p.Builder.Write(b)
}

func TestQueue(t *testing.T) {
	to := &paused{goOn: make(chan struct{})}
	q := newQueue(to)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	written, lost := 0, 0
	for range 2 * queueBytes / len(line) {
		if _, err := q.Write(line); err == nil {
			written++
		} else if lost++; !errors.Is(err, errBehind) {
			t.Fatal(err)
		}
	}
	if lost == 0 || int(q.lost.Load()) != lost || written*len(line) > queueBytes {
		t.Errorf("%d lines were taken and %d lost of %d bytes each, %d are counted", written, lost, len(line), q.lost.Load())
	}
	began := time.Now()
	q.close()
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the end waited %v for a reader that is paused", took)
	}
	close(to.goOn)
	<-q.done
	if to.Len() != written*len(line) {
		t.Errorf("%d bytes were written of the %d that were taken", to.Len(), written*len(line))
	}
}

// A reader that is gone is told to the one who writes next.
func TestQueueTellsOfErrors(t *testing.T) {
	read, write := io.Pipe()
	read.Close()
	q := newQueue(write)
	defer q.close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := q.Write([]byte("line\n")); errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it was never told")
		}
	}
}
