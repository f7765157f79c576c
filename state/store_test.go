package state_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct{ Key, Owner string }

func (t *thing) StateKey() string { return t.Key }

type other struct{ Key string }

func (o *other) StateKey() string { return o.Key }

type fraction struct{ Value float64 }

func (*fraction) StateKey() string { return "the only one" }

var (
	thingKind = state.Kind{Name: "thing", Type: (*thing)(nil), Indexes: map[string]func(state.Entity) []string{
		"owner": func(e state.Entity) []string { return []string{e.(*thing).Owner} },
	}}
	otherKind    = state.Kind{Name: "other", Type: (*other)(nil)}
	fractionKind = state.Kind{Name: "fraction", Type: (*fraction)(nil)}
)

func open(t testing.TB, backend state.Backend, kinds ...state.Kind) *state.Store {
	t.Helper()
	s, err := state.Open(context.Background(), backend, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOpenRefusesKinds(t *testing.T) {
	for name, test := range map[string]struct {
		kinds []state.Kind
		want  string
	}{
		"no name":        {[]state.Kind{{Type: (*thing)(nil)}}, `kind "": it has no name`},
		"no type":        {[]state.Kind{{Name: "thing"}}, "neither Type nor Decode"},
		"the same name":  {[]state.Kind{thingKind, {Name: "thing", Type: (*other)(nil)}}, `kind "thing" is given twice`},
		"the same type":  {[]state.Kind{thingKind, {Name: "other", Type: (*thing)(nil)}}, `kinds "thing" and "other" have the same type *state_test.thing`},
		"an untold type": {[]state.Kind{{Name: "thing", Decode: func([]byte) (state.Entity, error) { return nil, errors.New("no key") }}}, "no Type, and Decode cannot tell it by decoding {}: no key"},
	} {
		if _, err := state.Open(t.Context(), state.NewMemory(), test.kinds...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestTypeIsLearntFromDecode(t *testing.T) {
	s := open(t, state.NewMemory(), state.Kind{Name: "thing", Decode: func(b []byte) (state.Entity, error) {
		var thing thing
		return &thing, json.Unmarshal(b, &thing)
	}})
	if err := s.Update(t.Context(), func(tx *state.Txn) error { tx.Put(&thing{Key: "a"}); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, ok := state.Get[*thing](s.Snapshot(), "a"); !ok {
		t.Error("it is not found")
	}
}

func TestUnknownTypes(t *testing.T) {
	s := open(t, state.NewMemory(), thingKind)
	if _, ok := state.Get[*other](s.Snapshot(), "a"); ok {
		t.Error("a type of no kind is found")
	}
	for what, touch := range map[string]func(*state.Txn){
		"Get":       func(tx *state.Txn) { state.Get[*other](tx, "a") },
		"Lookup":    func(tx *state.Txn) { state.Lookup[*other](tx, "owner", "a") },
		"DeleteAll": func(tx *state.Txn) { state.DeleteAll[*other](tx, "a") },
		"Delete":    func(tx *state.Txn) { tx.Delete(&other{"a"}) },
		"Put":       func(tx *state.Txn) { tx.Put(&other{"a"}) },
	} {
		err := s.Update(t.Context(), func(tx *state.Txn) error { touch(tx); return nil })
		if err == nil || !strings.Contains(err.Error(), "*state_test.other is of no kind") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if thing, ok := state.Lookup[*thing](s.Snapshot(), "no such index", "a"); ok {
		t.Errorf("an index that is not there has %+v", thing)
	}
}

func TestUnencodable(t *testing.T) {
	s := open(t, newFile(t), thingKind, fractionKind)
	err := s.Update(t.Context(), func(tx *state.Txn) error {
		tx.Put(&thing{Key: "a"})
		tx.Put(&fraction{math.NaN()})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), `encoding fraction "the only one": json: unsupported value: NaN`) {
		t.Errorf("an entity without a JSON: %v", err)
	}
	if _, ok := state.Get[*thing](s.Snapshot(), "a"); ok {
		t.Error("what went with it was kept")
	}
}

func TestRecordsThatCannotBeUsed(t *testing.T) {
	for want, record := range map[string]state.Record{
		`kind "tihng" is not known (was the state written by a newer version?)`: {Kind: "tihng", Key: "a", Value: []byte(`{}`), Revision: 1},
		`decoding thing "a": unexpected end of JSON input`:                      {Kind: "thing", Key: "a", Value: []byte(`{`), Revision: 1},
		`decoding thing "a": the entity says its key is "b"`:                    {Kind: "thing", Key: "a", Value: []byte(`{"Key":"b"}`), Revision: 1},
		`decoding thing "a": Key: a number where text is wanted`:                {Kind: "thing", Key: "a", Value: []byte(`{"Key":1}`), Revision: 1},
	} {
		_, err := state.Open(t.Context(), &scripted{records: []state.Record{record}}, thingKind)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// conflicting is a backend to which another writer was always faster.
type conflicting struct {
	state.Backend
	commits int
}

func (c *conflicting) Commit(context.Context, []state.Change) (int64, error) {
	c.commits++
	return 0, fmt.Errorf("too late: %w", state.ErrConflict)
}

func TestRetriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &conflicting{Backend: state.NewMemory()}
		s := open(t, backend, thingKind)
		began := time.Now()
		err := s.Update(context.Background(), func(tx *state.Txn) error { tx.Put(&thing{Key: "a"}); return nil })
		if !errors.Is(err, state.ErrConflict) || !strings.Contains(err.Error(), "given up after 100 runs") {
			t.Errorf("endless conflicts: %v", err)
		}
		if took := time.Since(began); backend.commits != 100 || took < 5*time.Second || took > 40*time.Second {
			t.Errorf("%d runs in %v, want 100 in some ten to thirty seconds", backend.commits, took)
		}

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began = time.Now()
		err = s.Update(ctx, func(tx *state.Txn) error { tx.Put(&thing{Key: "a"}); return nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("endless conflicts with a second's time: %v after %v", err, time.Since(began))
		}
	})
}
