package emulator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// Clock is the emulator's time: the real one, moved. Tokens, sessions and
// policies see it; the dates of signatures do not, since clients sign with
// the time of the machine that they run on.
//
// How far it was moved is part of the state: replicas that share one agree on
// what has expired, and a restart does not bring expired sessions back.
type Clock struct {
	real  func() time.Time
	store *state.Store
	last  atomic.Pointer[clockReading]
}

// clockReading is the offset of one snapshot, so that it is looked up once.
type clockReading struct {
	snapshot *state.Snapshot
	offset   time.Duration
}

// clockOffset is what the state keeps of the clock. There is one or none.
type clockOffset struct {
	Offset time.Duration `json:"offset"`
}

const clockOffsetKey = "offset"

func (*clockOffset) StateKey() string { return clockOffsetKey }

func clockKind() state.Kind { return state.Kind{Name: "clock", Type: (*clockOffset)(nil)} }

func newClock(real func() time.Time, store *state.Store) *Clock {
	return &Clock{real: real, store: store}
}

// Now is the moved time.
func (c *Clock) Now() time.Time { return c.real().Add(c.Offset()) }

// Offset is how far the clock is ahead of the real time.
func (c *Clock) Offset() time.Duration {
	snapshot := c.store.Snapshot()
	if last := c.last.Load(); last != nil && last.snapshot == snapshot {
		return last.offset
	}
	reading := &clockReading{snapshot: snapshot}
	if moved, ok := state.Get[*clockOffset](snapshot, clockOffsetKey); ok {
		reading.offset = moved.Offset
	}
	c.last.Store(reading)
	return reading.offset
}

// errClockRange: the time is too far away to be kept as an offset.
var errClockRange = errors.New("the clock can be moved by up to 290 years from the real time")

const clockRange = 290 * 365 * 24 * time.Hour

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) error {
	return c.move(func(offset time.Duration) (time.Duration, error) {
		if d > 0 && offset > clockRange-d || d < 0 && offset < -clockRange-d {
			return 0, errClockRange
		}
		return offset + d, nil
	})
}

// Set moves the clock to t, from where it runs on.
func (c *Clock) Set(t time.Time) error {
	return c.move(func(time.Duration) (time.Duration, error) { return t.Sub(c.real()), nil })
}

// Reset goes back to the real time.
func (c *Clock) Reset() error {
	return c.move(func(time.Duration) (time.Duration, error) { return 0, nil })
}

func (c *Clock) move(to func(offset time.Duration) (time.Duration, error)) error {
	return c.store.Update(context.Background(), func(tx *state.Txn) error {
		var offset time.Duration
		if moved, ok := state.Get[*clockOffset](tx, clockOffsetKey); ok {
			offset = moved.Offset
		}
		offset, err := to(offset)
		if err == nil && (offset > clockRange || offset < -clockRange) {
			err = errClockRange
		}
		if err != nil {
			return err
		}
		tx.Put(&clockOffset{offset})
		return nil
	})
}
