package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

func testContents(t *testing.T, p *place) {
	s := p.store(t)
	put(t, s, &Item{Key: "1/a", Group: "x", Labels: []string{"red", "round"}}, &Item{Key: "1/b", Group: "y", Labels: []string{"red"}},
		&Item{Key: "2/a", Group: "x"}, &Note{"1/a", "of the same key"})
	for range 2 {
		now := s.Snapshot()
		if item, ok := state.Get[*Item](now, "1/a"); !ok || item.Group != "x" {
			t.Errorf("Get(1/a) = %+v, %v", item, ok)
		}
		if note, ok := state.Get[*Note](now, "1/a"); !ok || note.Text != "of the same key" {
			t.Errorf("Get(1/a) = %+v, %v", note, ok)
		}
		for _, absent := range []string{"", "1/", "1/a/", "1/A", "3"} {
			if item, ok := state.Get[*Item](now, absent); ok {
				t.Errorf("Get(%q) = %+v, want nothing", absent, item)
			}
		}
		if item, ok := state.Lookup[*Item](now, "group", "y"); !ok || item.Key != "1/b" {
			t.Errorf("Lookup(y) = %+v, %v", item, ok)
		}
		if item, ok := state.Lookup[*Item](now, "group", "x"); !ok || item.Key != "1/a" {
			t.Errorf("Lookup(x) = %+v, %v, want that of the lowest key", item, ok)
		}
		for _, absent := range []string{"", "xx", "X", "round"} {
			if item, ok := state.Lookup[*Item](now, "group", absent); ok {
				t.Errorf("Lookup(%q) = %+v, want nothing", absent, item)
			}
		}
		wantLabel(t, now, "red", "1/a", "1/b")
		wantLabel(t, now, "round", "1/a")
		wantLabel(t, now, "r")
		wantKeys(t, now, "", "1/a", "1/b", "2/a")
		wantKeys(t, now, "1/", "1/a", "1/b")
		wantKeys(t, now, "3")
		s = p.reopen(t, s)
	}

	update(t, s, func(tx *state.Txn) error {
		tx.Put(&Item{Key: "1/a", Group: "z", Labels: []string{"round", "blue"}})
		tx.Delete(&Item{Key: "1/b"})
		tx.Delete(&Item{Key: "never was"})
		return nil
	})
	for range 2 {
		now := s.Snapshot()
		wantKeys(t, now, "", "1/a", "2/a")
		wantLabel(t, now, "red")
		wantLabel(t, now, "round", "1/a")
		wantLabel(t, now, "blue", "1/a")
		if item, ok := state.Lookup[*Item](now, "group", "x"); !ok || item.Key != "2/a" {
			t.Errorf("Lookup(x) = %+v, %v after 1/a left the group", item, ok)
		}
		if _, ok := state.Get[*Note](now, "1/a"); !ok {
			t.Error("the note is gone with an item of the same key")
		}
		s = p.reopen(t, s)
	}

	update(t, s, func(tx *state.Txn) error {
		if n := state.DeleteAll[*Item](tx, "1/"); n != 1 {
			t.Errorf("DeleteAll(1/) = %d, want 1", n)
		}
		return nil
	})
	s = p.reopen(t, s)
	wantKeys(t, s.Snapshot(), "", "2/a")

	update(t, s, func(tx *state.Txn) error {
		tx.Put(&Item{Key: "cleared as well"})
		tx.Clear()
		tx.Put(&Item{Key: "after"})
		return nil
	})
	s = p.reopen(t, s)
	wantContents(t, s.Snapshot(), map[string]any{"item after": Item{Key: "after"}})
}

func wantLabel(t *testing.T, r state.Reader, label string, want ...string) {
	t.Helper()
	var got []string
	for item := range state.LookupAll[*Item](r, "label", label) {
		got = append(got, item.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("labelled %q: %q, want %q", label, got, want)
	}
}

func testSnapshots(t *testing.T, p *place) {
	s := p.store(t)
	put(t, s, &Item{Key: "a", Group: "x"}, &Item{Key: "b", Group: "x"})
	before, version, changed := s.Snapshot(), s.Version(), s.Changed()
	select {
	case <-changed:
		t.Error("Changed is closed before a change")
	default:
	}
	update(t, s, func(tx *state.Txn) error {
		tx.Put(&Item{Key: "a", Group: "y"})
		tx.Delete(&Item{Key: "b"})
		tx.Put(&Item{Key: "c"})
		wantKeys(t, s.Snapshot(), "", "a", "b")
		return nil
	})
	select {
	case <-changed:
	default:
		t.Error("Changed is not closed after a change")
	}
	if s.Version() <= version || before.Version() != version {
		t.Errorf("versions: %d before, %d after, %d of the old snapshot", version, s.Version(), before.Version())
	}
	wantKeys(t, before, "", "a", "b")
	if item, ok := state.Lookup[*Item](before, "group", "y"); ok {
		t.Errorf("the old snapshot has %+v", item)
	}
	if item, _ := state.Get[*Item](before, "a"); item == nil || item.Group != "x" {
		t.Errorf("the old snapshot has %+v", item)
	}
	wantKeys(t, s.Snapshot(), "", "a", "c")
}

func testOwnWrites(t *testing.T, p *place) {
	s := p.store(t)
	put(t, s, &Item{Key: "a", Group: "x"})
	update(t, s, func(tx *state.Txn) error {
		tx.Put(&Item{Key: "b", Group: "y"})
		wantKeys(t, tx, "", "a", "b")
		if item, ok := state.Lookup[*Item](tx, "group", "y"); !ok || item.Key != "b" {
			t.Errorf("Lookup = %+v, %v", item, ok)
		}
		tx.Put(&Item{Key: "b", Group: "z"})
		if _, ok := state.Lookup[*Item](tx, "group", "y"); ok {
			t.Error("b is found by what it was")
		}
		tx.Delete(&Item{Key: "a"})
		if _, ok := state.Get[*Item](tx, "a"); ok {
			t.Error("a is there after its deletion")
		}
		tx.Put(&Item{Key: "a", N: 2})
		tx.Put(&Item{Key: "passing"})
		tx.Delete(&Item{Key: "passing"})
		for item := range state.All[*Item](tx, "") { // writing while ranging
			tx.Put(&Item{Key: item.Key + "+"})
			tx.Delete(item)
		}
		wantKeys(t, tx, "", "a+", "b+")
		return nil
	})
	wantKeys(t, p.reopen(t, s).Snapshot(), "", "a+", "b+")
}

func testKeys(t *testing.T, p *place) {
	want := []string{"\x00", "\x00\x00", " ", "a", "a\x00", "a\x00b", "a/", "a/b", "a/b/c", "a0", "aa", "b\n", `c"\`, "d%00", "é", "ÿ",
		"Ω", "日本", "日本語", "\uffff", "🔑", strings.Repeat("k", state.MaxKey)}
	slices.Sort(want)
	s := p.store(t)
	var shuffled []state.Entity
	for _, i := range rand.Perm(len(want)) {
		shuffled = append(shuffled, &Item{Key: want[i], Group: want[i], Text: want[i]})
	}
	put(t, s, shuffled...)
	for range 2 {
		now := s.Snapshot()
		wantKeys(t, now, "", want...)
		wantKeys(t, now, "a", "a", "a\x00", "a\x00b", "a/", "a/b", "a/b/c", "a0", "aa")
		wantKeys(t, now, "a/", "a/", "a/b", "a/b/c")
		wantKeys(t, now, "日", "日本", "日本語")
		wantKeys(t, now, "\xc3", "é", "ÿ")
		for _, key := range want {
			if item, ok := state.Get[*Item](now, key); !ok || item.Text != key {
				t.Errorf("Get(%.20q) = %+v, %v", key, item, ok)
			}
			if item, ok := state.Lookup[*Item](now, "group", key); !ok || item.Key != key {
				t.Errorf("Lookup(%.20q) = %+v, %v", key, item, ok)
			}
		}
		s = p.reopen(t, s)
	}
}

func testRefused(t *testing.T, p *place) {
	s := p.store(t)
	for name, entity := range map[string]state.Entity{
		"no key":             &Item{},
		"a key too long":     &Item{Key: strings.Repeat("k", state.MaxKey+1)},
		"a key not in UTF-8": &Item{Key: "\xff"},
		"a type of no kind":  &stranger{},
		"nil":                nil,
	} {
		err := s.Update(context.Background(), func(tx *state.Txn) error {
			tx.Put(&Item{Key: "along with it"})
			tx.Put(entity)
			return nil
		})
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	wantKeys(t, p.reopen(t, s).Snapshot(), "")
}

type stranger struct{}

func (*stranger) StateKey() string { return "stranger" }

func testLarge(t *testing.T, p *place) {
	s := p.store(t)
	room := p.Largest - len(`{"Key":"large","Text":""}`)
	text := strings.Repeat("x", room)
	put(t, s, &Item{Key: "large", Text: text}, &Item{Key: "small"})
	s = p.reopen(t, s)
	if item, ok := state.Get[*Item](s.Snapshot(), "large"); !ok || item.Text != text {
		t.Errorf("an entity of %d bytes did not come back", p.Largest)
	}
	if p.TooLarge == 0 {
		return
	}
	err := s.Update(context.Background(), func(tx *state.Txn) error {
		tx.Put(&Item{Key: "too large", Text: strings.Repeat("x", p.TooLarge)})
		tx.Delete(&Item{Key: "small"})
		return nil
	})
	if !errors.Is(err, state.ErrTooLarge) {
		t.Errorf("an entity of %d bytes: error %v, want ErrTooLarge", p.TooLarge, err)
	}
	wantKeys(t, s.Snapshot(), "", "large", "small")
	wantKeys(t, p.reopen(t, s).Snapshot(), "", "large", "small")
}

func testMany(t *testing.T, p *place) {
	const many = 10_000
	s := p.store(t)
	want := map[string]any{}
	update(t, s, func(tx *state.Txn) error {
		for i := range many {
			item := Item{Key: fmt.Sprintf("%d/%05d", i%10, i), Group: fmt.Sprint(i % 100), N: i}
			tx.Put(&item)
			want["item "+item.Key] = item
		}
		return nil
	})
	wantContents(t, s.Snapshot(), want)
	s = p.reopen(t, s)
	wantContents(t, s.Snapshot(), want)
	count := 0
	for item := range state.LookupAll[*Item](s.Snapshot(), "group", "42") {
		if item.N%100 != 42 {
			t.Fatalf("%+v is found in group 42", item)
		}
		count++
	}
	if count != many/100 {
		t.Errorf("%d in group 42, want %d", count, many/100)
	}
	update(t, s, func(tx *state.Txn) error {
		if n := state.DeleteAll[*Item](tx, "3/"); n != many/10 {
			t.Errorf("DeleteAll = %d, want %d", n, many/10)
		}
		tx.Put(&Item{Key: "4/00004", N: -1})
		return nil
	})
	for key := range want {
		if strings.HasPrefix(key, "item 3/") {
			delete(want, key)
		}
	}
	want["item 4/00004"] = Item{Key: "4/00004", N: -1}
	wantContents(t, s.Snapshot(), want)
	wantContents(t, p.reopen(t, s).Snapshot(), want)
}
