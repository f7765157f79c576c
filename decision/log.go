package decision

import "sync"

// MaxLogBytes is about how much memory a log takes at most: enough for 1,000
// usual decisions of a few kilobytes, and no more for unusual ones.
const MaxLogBytes = 128 << 20

// Log keeps the newest decisions, oldest dropped first. It is safe for
// concurrent use, and bounded in number and in bytes: a run of a million calls
// costs no more memory than its capacity, whatever the calls say.
type Log struct {
	mu    sync.Mutex
	ring  []entry // grows to its capacity, then wraps at its end
	cap   int
	first int // the oldest
	count int
	bytes int
}

type entry struct {
	decision *Decision
	bytes    int
}

// NewLog returns a log of the newest n decisions; n is at least one.
func NewLog(n int) *Log {
	n = max(n, 1)
	return &Log{cap: n}
}

// Add records d, which must not change afterwards. held is what its texts keep
// in memory beside themselves: the form that they were cut out of.
func (l *Log) Add(d *Decision, held int) {
	added := entry{d, d.size() + held}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.count == l.cap || l.count > 0 && l.bytes+added.bytes > MaxLogBytes {
		l.drop()
	}
	if l.count == len(l.ring) {
		l.grow()
	}
	l.ring[(l.first+l.count)%len(l.ring)] = added
	l.count++
	l.bytes += added.bytes
}

func (l *Log) drop() {
	l.bytes -= l.ring[l.first].bytes
	l.ring[l.first] = entry{}
	l.first = (l.first + 1) % len(l.ring)
	l.count--
}

// grow doubles the ring, which is full, and puts its oldest entry first.
func (l *Log) grow() {
	ring := make([]entry, min(l.cap, max(64, 2*len(l.ring))))
	n := copy(ring, l.ring[l.first:])
	copy(ring[n:], l.ring[:l.first])
	l.ring, l.first = ring, 0
}

// Get returns the decision of a request, if it is still kept: the newest of
// several. It looks at one after the other, for it is asked for seldom, and an
// index would be kept at each call.
func (l *Log) Get(requestID string) (*Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.count {
		if d := l.newest(i); d.RequestID == requestID {
			return d, true
		}
	}
	return nil, false
}

// newest is the decision that i others are newer than.
func (l *Log) newest(i int) *Decision {
	return l.ring[(l.first+l.count-1-i)%len(l.ring)].decision
}

// Newest returns up to limit decisions, newest first; outcome "" takes all,
// and limit below one takes all that are kept.
func (l *Log) Newest(limit int, outcome Outcome) []*Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit < 1 {
		limit = l.count
	}
	found := make([]*Decision, 0, min(limit, l.count))
	for i := range l.count {
		d := l.newest(i)
		if outcome != "" && d.Outcome != outcome {
			continue
		}
		if found = append(found, d); len(found) == limit {
			break
		}
	}
	return found
}

// Clear forgets everything.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.first, l.count, l.bytes = nil, 0, 0, 0
}
