// Package storetest is what every state.Backend must pass: one suite, run by each backend's own test.
//
//	storetest.Run(t, storetest.Config{New: func(t *testing.T) func() (state.Backend, error) {
//		path := filepath.Join(t.TempDir(), "state.db")
//		return func() (state.Backend, error) { return boltstore.Open(path) }
//	}})
package storetest

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

// Config tells the suite about a backend.
type Config struct {
	// New makes a place to store in, empty, and returns what opens it. That is called again after Close, and must then find
	// what was kept; where Shared is set it is also called while others have it open.
	New func(t *testing.T) (open func() (state.Backend, error))
	// Forgets: the backend keeps nothing, and knows nothing of revisions. What needs either is skipped.
	Forgets bool
	// Shared: several may have the same place open at once, and each hears of the others' changes (state.Watcher).
	Shared bool
	// Largest is the size in bytes of an entity that must be taken. The default is 4 MiB.
	Largest int
	// TooLarge is the size of one that must be refused with state.ErrTooLarge. The default, zero, is that none is.
	TooLarge int
}

// Run runs the whole suite.
func Run(t *testing.T, config Config) {
	if config.Largest == 0 {
		config.Largest = 4 << 20
	}
	for _, test := range []struct {
		name   string
		keeps  bool // needs a backend that keeps
		shared bool // needs one that several can open
		run    func(*testing.T, *place)
	}{
		{"put, get, look up, list", false, false, testContents},
		{"snapshots never change", false, false, testSnapshots},
		{"a transaction sees its own writes", false, false, testOwnWrites},
		{"keys of any characters, in the order of bytes", false, false, testKeys},
		{"refused entities", false, false, testRefused},
		{"all or nothing", false, false, testAtomic},
		{"concurrent transactions", false, false, testConcurrent},
		{"conflicts are retried", false, false, testRetry},
		{"an ended context", false, false, testContext},
		{"large values", false, false, testLarge},
		{"ten thousand entities", false, false, testMany},
		{"a random history", false, false, testModel},
		{"blobs", false, false, testBlobs},
		{"closed", false, false, testClosed},
		{"reopened", true, false, testReopened},
		{"revisions", true, false, testRevisions},
		{"conflicts", true, false, testConflicts},
		{"seen by the others", false, true, testPropagation},
		{"nothing is missed after catching up", false, true, testCatchUp},
		{"increments from several stores", false, true, testSharedCounter},
		{"no write skew", false, true, testWriteSkew},
		{"no phantoms", false, true, testPhantoms},
		{"batches are seen whole", false, true, testWholeBatches},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.keeps && config.Forgets {
				t.Skip("this backend keeps nothing")
			}
			if test.shared && !config.Shared {
				t.Skip("this backend has one store at a time")
			}
			test.run(t, &place{Config: config, open: config.New(t)})
		})
	}
}

// place is where one test stores.
type place struct {
	Config
	open func() (state.Backend, error)
}

func (p *place) backend(t *testing.T) state.Backend {
	t.Helper()
	backend, err := p.open()
	if err != nil {
		t.Fatalf("opening the backend: %v", err)
	}
	t.Cleanup(func() { backend.Close() })
	return backend
}

func (p *place) store(t *testing.T) *state.Store {
	t.Helper()
	return openStore(t, p.backend(t))
}

// reopen closes the store and opens the place again; with a backend that forgets, it gives the store back.
func (p *place) reopen(t *testing.T, s *state.Store) *state.Store {
	t.Helper()
	if p.Forgets {
		return s
	}
	if err := s.Close(); err != nil {
		t.Fatalf("closing the store: %v", err)
	}
	return p.store(t)
}

func openStore(t *testing.T, backend state.Backend) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), backend, Kinds()...)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Item and Note are the entities of the suite. Items are found by Group, and by each of their Labels.
type Item struct {
	Key    string
	Group  string   `json:",omitempty"`
	Labels []string `json:",omitempty"`
	Text   string   `json:",omitempty"`
	N      int      `json:",omitempty"`
}

// Note has keys of its own, which may be those of Items.
type Note struct{ Key, Text string }

func (i *Item) StateKey() string { return i.Key }
func (n *Note) StateKey() string { return n.Key }

// Kinds is what a store of Items and Notes is opened with.
func Kinds() []state.Kind {
	return []state.Kind{
		{Name: "item", Type: (*Item)(nil), Indexes: map[string]func(state.Entity) []string{
			"group": func(e state.Entity) []string { return []string{e.(*Item).Group} },
			"label": func(e state.Entity) []string { return e.(*Item).Labels },
		}},
		{Name: "note", Type: (*Note)(nil)},
	}
}

func update(t *testing.T, s *state.Store, fn func(*state.Txn) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func put(t *testing.T, s *state.Store, entities ...state.Entity) {
	t.Helper()
	update(t, s, func(tx *state.Txn) error {
		for _, e := range entities {
			tx.Put(e)
		}
		return nil
	})
}

// keys lists the items under a prefix.
func keys(r state.Reader, prefix string) []string {
	list := []string{}
	for item := range state.All[*Item](r, prefix) {
		list = append(list, item.Key)
	}
	return list
}

func wantKeys(t *testing.T, r state.Reader, prefix string, want ...string) {
	t.Helper()
	if got := keys(r, prefix); !slices.Equal(got, want) {
		t.Errorf("items under %q: %q, want %q", prefix, got, want)
	}
}

// contents is everything that a reader sees.
func contents(r state.Reader) map[string]any {
	all := map[string]any{}
	for item := range state.All[*Item](r, "") {
		all["item "+item.Key] = *item
	}
	for note := range state.All[*Note](r, "") {
		all["note "+note.Key] = *note
	}
	return all
}

func wantContents(t *testing.T, r state.Reader, want map[string]any) {
	t.Helper()
	if got := contents(r); !reflect.DeepEqual(got, want) {
		t.Errorf("the state has %d entities %.200q, want %d %.200q", len(got), slices.Sorted(maps.Keys(got)), len(want), slices.Sorted(maps.Keys(want)))
	}
}
