package services

import (
	"slices"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
)

// Public says whether a resource policy is public in AWS's sense: unless it
// grants to fixed principals, or to fixed values of the keys that say who or where
// the caller is, whatever other conditions it has. What cannot be followed is
// public: AWS assumes so until the contrary is shown.
func Public(d *policy.Document) bool { return verdicts.public(d, prove.Public) }

// PublicBucket is Public of a bucket's policy (S3 user guide, "Blocking public
// access to your Amazon S3 storage: The meaning of public").
func PublicBucket(d *policy.Document) bool { return bucketVerdicts.public(d, prove.PublicBucket) }

// verdicts are of the policies that were asked about last: a long one takes a
// third of a second, and strangers' calls on a restricted bucket ask each time.
var verdicts, bucketVerdicts memo

func (m *memo) public(d *policy.Document, reasons func(*policy.Document) ([]prove.Reason, error)) bool {
	if !slices.ContainsFunc(d.Statements, openToAll) {
		return false // as nearly all are, and calls ask for it
	}
	return m.of(d.Text(), func() bool {
		found, err := reasons(d)
		return err != nil || len(found) > 0
	})
}

type memo struct {
	mu    sync.Mutex
	known map[string]bool
}

const maxVerdicts = 128

func (m *memo) of(text string, find func() bool) bool {
	m.mu.Lock()
	verdict, ok := m.known[text]
	m.mu.Unlock()
	if ok {
		return verdict
	}
	verdict = find()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxVerdicts {
		m.known = map[string]bool{}
	}
	m.known[text] = verdict
	return verdict
}

// openToAll says whether a statement allows principals that it does not name,
// conditions aside.
func openToAll(st policy.Statement) bool {
	return st.Effect == "Allow" && (st.Principals.Not || slices.ContainsFunc(st.Principals.Values, func(p policy.NamedPrincipal) bool {
		return strings.HasPrefix(p.Value, "*")
	}))
}
