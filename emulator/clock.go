package emulator

import (
	"sync"
	"time"
)

// Clock is the emulator's time: the real one, moved. Tokens, sessions and
// policies see it; the dates of signatures do not, since clients sign with
// the time of the machine that they run on.
type Clock struct {
	real func() time.Time

	mu     sync.RWMutex
	offset time.Duration
}

// NewClock returns a clock that runs with real.
func NewClock(real func() time.Time) *Clock { return &Clock{real: real} }

// Now is the moved time.
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.real().Add(c.offset)
}

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Set moves the clock to t, from where it runs on.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = t.Sub(c.real())
}

// Reset goes back to the real time.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = 0
}

// Offset is how far the clock is ahead of the real time.
func (c *Clock) Offset() time.Duration {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.offset
}
