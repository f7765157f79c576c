package decision

import "sync"

// Log keeps the newest decisions, oldest dropped first. It is safe for
// concurrent use, and bounded: a run of a million calls costs no more memory
// than its capacity.
type Log struct {
	mu   sync.Mutex
	ring []*Decision // grows to its capacity, then wraps at next
	cap  int
	next int
	byID map[string]*Decision
}

// NewLog returns a log of the newest n decisions; n is at least one.
func NewLog(n int) *Log {
	n = max(n, 1)
	return &Log{cap: n, byID: make(map[string]*Decision)}
}

// Add records d, which must not change afterwards.
func (l *Log) Add(d *Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byID[d.RequestID] = d
	if len(l.ring) < l.cap {
		l.ring = append(l.ring, d)
		return
	}
	if old := l.ring[l.next]; l.byID[old.RequestID] == old {
		delete(l.byID, old.RequestID)
	}
	l.ring[l.next] = d
	l.next = (l.next + 1) % l.cap
}

// Get returns the decision of a request, if it is still kept.
func (l *Log) Get(requestID string) (*Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.byID[requestID]
	return d, ok
}

// Newest returns up to limit decisions, newest first; outcome "" takes all,
// and limit below one takes all that are kept.
func (l *Log) Newest(limit int, outcome Outcome) []*Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit < 1 {
		limit = len(l.ring)
	}
	found := make([]*Decision, 0, min(limit, len(l.ring)))
	for i := range l.ring {
		// next is the oldest entry once the ring is full, and 0 before that.
		d := l.ring[(l.next+len(l.ring)-1-i)%len(l.ring)]
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
	l.ring, l.next, l.byID = nil, 0, make(map[string]*Decision)
}
