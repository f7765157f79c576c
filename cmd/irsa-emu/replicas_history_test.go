//go:build replicas

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// history has every write that was made, with when and whether it was acknowledged, and every answer that was given; it
// holds each answer against what the state was.
type history struct {
	mu      sync.Mutex
	roles   map[string]*roleHistory
	recent  []string // names of roles that answers are asked about
	answers []answer
	windows []window
	phases  []*phase
}

// roleHistory is what was written of one role, by its one writer. A write of which it is not known whether it was kept is
// its last.
type roleHistory struct {
	versions  []roleVersion
	uncertain bool // the last version may or may not be
}

// roleVersion is what a role was from a write on.
type roleVersion struct {
	exists, allows bool
	tag            string    // what is in its description
	began, acked   time.Time // acked is zero while, or if, it is not known
}

// answer is what one call was answered, by whichever replica.
type answer struct {
	role        string
	session     bool // a call with a session of the role; otherwise it was assumed
	ok          bool
	began, came time.Time
	said        string // code and reason of a refusal
}

// window is a time in which some replica was cut off from etcd: what it answers may be as old as its beginning.
type window struct{ from, to time.Time }

// phase counts what happened between two moments.
type phase struct {
	name                        string
	began                       time.Time
	took                        time.Duration
	acked, refused, uncertain   int // writes
	answered, late, unconnected int // calls that write nothing: right ones, of these of a replica that was cut off, and without an answer
	wrong                       int
}

const staleFor = 2 * time.Second // how long an acknowledged write may go unseen by a replica that is not cut off

func newHistory() *history { return &history{roles: map[string]*roleHistory{}} }

func (h *history) begin(name string) *phase {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &phase{name: name, began: time.Now()}
	h.phases = append(h.phases, p)
	return p
}

func (h *history) now() *phase { return h.phases[len(h.phases)-1] }

// end closes the last phase.
func (h *history) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.now()
	p.took = time.Since(p.began)
}

func (h *history) cutOff(from time.Time) (over func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.windows = append(h.windows, window{from: from, to: from.Add(time.Hour)})
	i := len(h.windows) - 1
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.windows[i].to = time.Now()
	}
}

// write notes a write before it is made; the outcome is told to the function that it gives.
func (h *history) write(role string, v roleVersion) (outcome func(error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.roles[role]
	if r == nil {
		r = &roleHistory{}
		h.roles[role] = r
		h.recent = append(h.recent, role)
		if len(h.recent) > 12 {
			h.recent = h.recent[1:]
		}
	}
	v.began = time.Now()
	r.versions = append(r.versions, v)
	i := len(r.versions) - 1
	return func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch writeOutcome(err) {
		case kept:
			r.versions[i].acked = time.Now()
			h.now().acked++
		case notKept:
			r.versions = r.versions[:i]
			h.now().refused++
		default:
			r.uncertain = true
			h.now().uncertain++
		}
	}
}

func (h *history) answered(a answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, a)
	h.now().answered++
}

func (h *history) unconnected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now().unconnected++
}

// pick is a role to ask about.
func (h *history) pick() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.recent) == 0 {
		return "", false
	}
	return h.recent[rand.IntN(len(h.recent))], true
}

// last are the versions that a role may have when everything is quiet.
func (r *roleHistory) last() []roleVersion {
	n := len(r.versions)
	switch {
	case n == 0:
		return []roleVersion{{}}
	case r.uncertain && n == 1:
		return []roleVersion{{}, r.versions[0]}
	case r.uncertain:
		return r.versions[n-2:]
	}
	return r.versions[n-1:]
}

// agrees tells whether a role of that version is answered so.
func (a answer) agrees(v roleVersion) bool {
	if a.session {
		return a.ok == v.exists
	}
	return a.ok == (v.exists && v.allows)
}

// age is how old the state was that the answer agrees with, at the moment when the call began; zero for one that was in
// force at some time during the call. It is false when there never was such a state before the answer.
func (r *roleHistory) age(a answer) (age time.Duration, ok bool) {
	least := time.Duration(-1)
	consider := func(v roleVersion, until time.Time) {
		if !a.agrees(v) || v.began.After(a.came) {
			return
		}
		old := time.Duration(0)
		if !until.IsZero() && until.Before(a.began) {
			old = a.began.Sub(until)
		}
		if least < 0 || old < least {
			least = old
		}
	}
	ended := func(next int) time.Time { // when a version gave way: when the next one was acknowledged, if it was
		if next < len(r.versions) {
			return r.versions[next].acked
		}
		return time.Time{}
	}
	consider(roleVersion{}, ended(0))
	for i, v := range r.versions {
		consider(v, ended(i+1))
	}
	return least, least >= 0
}

// judge holds every answer against the writes, and gives the wrong ones.
func (h *history) judge() (wrong []string, oldest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.answers {
		age, possible := h.roles[a.role].age(a)
		p := h.phases[0]
		for _, next := range h.phases {
			if !next.began.After(a.began) {
				p = next
			}
		}
		limit := time.Duration(0) // a refusal is given by a replica that has caught up
		if a.ok {
			limit = staleFor
		}
		late := h.window(a)
		switch {
		case possible && age <= limit:
			oldest = max(oldest, age)
		case late >= 0 && a.unverified(), possible && late >= 0 && age <= a.began.Sub(h.windows[late].from)+staleFor:
			p.late++
		default:
			p.wrong++
			p.answered--
			wrong = append(wrong, fmt.Sprintf("%s: %s of %s (session: %v): ok is %v (%s), state %v old (possible: %v); versions %s",
				p.name, a.began.Format("05.000"), a.role, a.session, a.ok, a.said, age, possible, h.roles[a.role].text(a)))
		}
	}
	return wrong, oldest
}

// window is the time of a fault in which the answer was given; -1 when there was none.
func (h *history) window(a answer) int {
	return slices.IndexFunc(h.windows, func(w window) bool { return a.came.After(w.from) && a.began.Before(w.to) })
}

// unverified is whether a refusal says itself that the replica is cut off, and may not know of a key or a role.
func (a answer) unverified() bool { return !a.ok && strings.Contains(a.said, "as it knew it last") }

// cutOffSaid counts a refusal of a sort that only a replica which is cut off may give; it tells whether it was one.
func (h *history) cutOffSaid(a answer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !a.unverified() || h.window(a) < 0 {
		return false
	}
	h.now().answered++
	h.now().late++
	return true
}

func (r *roleHistory) text(a answer) (s string) {
	for _, v := range r.versions {
		acked := "?"
		if !v.acked.IsZero() {
			acked = v.acked.Sub(a.began).String()
		}
		s += fmt.Sprintf(" [%v..%s exists %v allows %v]", v.began.Sub(a.began), acked, v.exists, v.allows)
	}
	return s
}
