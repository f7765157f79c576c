package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

// The tests of this file use the Backend itself, without a Store in between.

func testReopened(t *testing.T, p *place) {
	backend := p.backend(t)
	records, err := backend.Load(context.Background())
	if err != nil || len(records) != 0 {
		t.Fatalf("Load of a new place: %v, %v", records, err)
	}
	first := commit(t, backend, state.Change{Kind: "item", Key: "a", Value: []byte(`{"Key":"a"}`)},
		state.Change{Kind: "item", Key: "b", Value: []byte(`{"Key":"b"}`)}, state.Change{Kind: "note", Key: "a", Value: []byte(`{}`)})
	second := commit(t, backend, state.Change{Kind: "item", Key: "a", Value: []byte(`{"Key":"a","N":2}`), Revision: first},
		state.Change{Kind: "item", Key: "b", Revision: first})
	want := []string{
		fmt.Sprintf(`item a {"Key":"a","N":2} %d`, second),
		fmt.Sprintf(`note a {} %d`, first),
	}
	for range 2 {
		wantRecords(t, backend, want...)
		if err := backend.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		backend = p.backend(t)
	}
	third := commit(t, backend, state.Change{Kind: "note", Key: "a", Revision: first})
	if third <= second {
		t.Errorf("revision %d after %d, before the restart", third, second)
	}
	wantRecords(t, backend, want[0])
}

func testRevisions(t *testing.T, p *place) {
	backend := p.backend(t)
	load(t, backend)
	last, read := int64(0), int64(0)
	for i := range 5 {
		read = commit(t, backend, state.Change{Kind: "item", Key: "a", Value: fmt.Appendf(nil, `{"N":%d}`, i), Revision: read})
		if read <= last {
			t.Fatalf("revision %d after %d", read, last)
		}
		last = read
		wantRecords(t, backend, fmt.Sprintf(`item a {"N":%d} %d`, i, read))
	}
}

func testConflicts(t *testing.T, p *place) {
	backend := p.backend(t)
	load(t, backend)
	a := commit(t, backend, state.Change{Kind: "item", Key: "a", Value: []byte(`1`)}, state.Change{Kind: "item", Key: "gone", Value: []byte(`1`)})
	b := commit(t, backend, state.Change{Kind: "item", Key: "b", Value: []byte(`1`)}, state.Change{Kind: "item", Key: "gone", Revision: a})
	want := []string{fmt.Sprintf("item a 1 %d", a), fmt.Sprintf("item b 1 %d", b)}
	fresh := state.Change{Kind: "item", Key: "fresh", Value: []byte(`1`)}
	for name, change := range map[string]state.Change{
		"put at an older revision":             {Kind: "item", Key: "b", Value: []byte(`2`), Revision: a},
		"put at a newer revision":              {Kind: "item", Key: "a", Value: []byte(`2`), Revision: b},
		"put of what should be new":            {Kind: "item", Key: "a", Value: []byte(`2`)},
		"put of what is gone":                  {Kind: "item", Key: "gone", Value: []byte(`2`), Revision: a},
		"put of what never was":                {Kind: "item", Key: "never", Value: []byte(`2`), Revision: a},
		"deletion at an older revision":        {Kind: "item", Key: "b", Revision: a},
		"deletion of what is gone":             {Kind: "item", Key: "gone", Revision: a},
		"read at an older revision":            {Kind: "item", Key: "b", Revision: a, Read: true},
		"read of what is gone":                 {Kind: "item", Key: "gone", Revision: a, Read: true},
		"read of nothing, where there is some": {Kind: "item", Key: "a", Read: true},
		"read of a kind that never was":        {Kind: "note", Key: "a", Revision: a, Read: true},
	} {
		for _, changes := range [][]state.Change{{change, fresh}, {fresh, change}} {
			if _, err := backend.Commit(context.Background(), changes); !errors.Is(err, state.ErrConflict) {
				t.Errorf("%s: %v, want ErrConflict", name, err)
			}
			wantRecords(t, backend, want...)
		}
	}
	c := commit(t, backend, fresh, state.Change{Kind: "item", Key: "a", Revision: a, Read: true}, state.Change{Kind: "item", Key: "gone", Read: true},
		state.Change{Kind: "item", Read: true}, state.Change{Kind: "note", Read: true})
	wantRecords(t, backend, append(want, fmt.Sprintf("item fresh 1 %d", c))...)
}

func commit(t *testing.T, backend state.Backend, changes ...state.Change) int64 {
	t.Helper()
	revision, err := backend.Commit(context.Background(), changes)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if revision <= 0 {
		t.Fatalf("Commit gave revision %d", revision)
	}
	return revision
}

func load(t *testing.T, backend state.Backend) []state.Record {
	t.Helper()
	records, err := backend.Load(context.Background())
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return records
}

func wantRecords(t *testing.T, backend state.Backend, want ...string) {
	t.Helper()
	got := []string{}
	for _, r := range load(t, backend) {
		got = append(got, fmt.Sprintf("%s %s %s %d", r.Kind, r.Key, r.Value, r.Revision))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the backend has\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
