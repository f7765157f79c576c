package decision

import (
	"bytes"
	"iter"
	"math"
	"reflect"
	"sync"
)

// MaxLogBytes is how much memory a log takes at most: enough for 1,000 usual
// decisions of a kilobyte or two, and no more for unusual ones.
const MaxLogBytes = 128 << 20

// Log keeps the newest decisions, oldest dropped first, as bytes (see pack). It is
// safe for concurrent use, and bounded in number and in bytes: a run of a million
// calls costs no more memory than its capacity, whatever the calls say.
type Log struct {
	mu    sync.Mutex
	ring  []entry // grows to its capacity, then wraps at its end
	cap   int
	first int // the oldest
	count int
	added int // ever, those that were dropped among them
	bytes int
	most  int
}

type entry struct {
	outcome Outcome
	packed  []byte
}

// NewLog returns a log of the newest n decisions; n is at least one.
func NewLog(n int) *Log {
	return &Log{cap: max(n, 1), most: MaxLogBytes}
}

// Add records what d says now.
func (l *Log) Add(d *Decision) {
	var usual [2 << 10]byte
	packed := pack(usual[:0], reflect.ValueOf(d).Elem())
	l.mu.Lock()
	defer l.mu.Unlock()
	var room []byte
	for l.count == l.cap || l.count > 0 && l.bytes+len(packed) > l.most {
		room = l.drop()
	}
	if l.count == len(l.ring) {
		l.grow()
	}
	if cap(room) > 2*len(packed) {
		room = nil
	}
	added := entry{d.Outcome, append(room[:0], packed...)}
	l.ring[(l.first+l.count)%len(l.ring)] = added
	l.count++
	l.added++
	l.bytes += cap(added.packed)
}

// drop forgets the oldest and returns its bytes, to be used again.
func (l *Log) drop() []byte {
	oldest := &l.ring[l.first]
	packed := oldest.packed
	l.bytes -= cap(packed)
	*oldest = entry{}
	l.first = (l.first + 1) % len(l.ring)
	l.count--
	return packed
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
	head := packText(nil, requestID) // the first field
	text, _ := l.olderThan(math.MaxInt, func(e entry) bool { return bytes.HasPrefix(e.packed, head) })
	if text == "" {
		return nil, false
	}
	return unpacked(text), true
}

// Newest yields up to limit decisions, newest first; outcome "" takes all,
// and limit below one takes all that are kept. What is added meanwhile is not seen.
func (l *Log) Newest(limit int, outcome Outcome) iter.Seq[*Decision] {
	return func(yield func(*Decision) bool) {
		wanted := func(e entry) bool { return outcome == "" || e.outcome == outcome }
		for n, number := 0, math.MaxInt; limit < 1 || n < limit; n++ {
			var text string
			if text, number = l.olderThan(number, wanted); text == "" || !yield(unpacked(text)) {
				return
			}
		}
	}
}

// olderThan copies the newest that is wanted and was added before another, and says
// as which it was added; "" when there is none.
func (l *Log) olderThan(number int, wanted func(entry) bool) (string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.added - l.count
	for number = min(number, l.added) - 1; number >= oldest; number-- {
		if e := l.ring[(l.first+number-oldest)%len(l.ring)]; wanted(e) {
			return string(e.packed), number
		}
	}
	return "", 0
}

func unpacked(text string) *Decision {
	d := new(Decision)
	unpack(text, reflect.ValueOf(d).Elem())
	return d
}

// Clear forgets everything.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.first, l.count, l.bytes = nil, 0, 0, 0
}
