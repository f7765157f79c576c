package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
)

// Txn is one run of a function given to [Store.Update]. It sees the newest state and its own writes, and is good only
// until that function returns. It is not safe for use by several goroutines.
type Txn struct {
	kinds   *kinds
	draft   *draft
	touched map[place]*touch
	order   []*touch       // touched, in the order of first touch
	reads   map[*Kind]int  // single entities read, by kind
	scanned map[*Kind]bool // kinds of which a range or an index was read
	err     error          // the first misuse; Update returns it
	after   []func(error)
}

// After has a function called when this run of the transaction has ended, outside of it: with nil when it was kept and is
// visible, else with why not, of which ErrUncertain leaves open whether it was. A function that runs again gives its own.
func (tx *Txn) After(fn func(err error)) { tx.after = append(tx.after, fn) }

// errUndone is what After's functions get when the transaction wrote nothing, or failed by itself.
var errUndone = errors.New("the transaction was not carried out")

func (tx *Txn) ended(outcome outcome, err error) {
	if outcome == undone && err == nil {
		err = errUndone
	}
	for _, fn := range tx.after {
		fn(err)
	}
}

type place struct {
	kind *Kind
	key  string
}

// touch is an entity that the outcome depends on.
type touch struct {
	place
	before  *row // nil when there was none
	after   *row // nil when deleted; meaningless unless written
	written bool
}

// manyReads is how many single reads of one kind are checked one by one at the commit; of more, the whole kind is.
const manyReads = 32

func newTxn(kinds *kinds, draft *draft) *Txn {
	return &Txn{kinds: kinds, draft: draft, touched: map[place]*touch{}, reads: map[*Kind]int{}, scanned: map[*Kind]bool{}}
}

// Put adds the entity, or replaces the one of its key. An entity that cannot be put (a type or a key that the store does
// not take) makes Update fail.
func (tx *Txn) Put(entity Entity) {
	kind := tx.kind(reflect.TypeOf(entity))
	if kind == nil {
		return
	}
	key := entity.StateKey()
	if err := checkKey(key); err != nil {
		tx.fail(fmt.Errorf("state: putting a %s: %w", kind.Name, err))
		return
	}
	t := tx.touch(kind, key, nil, false)
	t.written, t.after = true, &row{key: key, entity: entity}
	tx.draft.change(kind).put(t.after)
}

// Delete removes the entity that has the kind and key of the one given, if there is one.
func (tx *Txn) Delete(entity Entity) {
	kind := tx.kind(reflect.TypeOf(entity))
	if kind == nil {
		return
	}
	tx.delete(kind, entity.StateKey())
}

// DeleteAll removes every entity of the type whose key begins with the prefix, and tells how many.
func DeleteAll[T Entity](tx *Txn, prefix string) int {
	count := 0
	for entity := range All[T](tx, prefix) {
		tx.Delete(entity)
		count++
	}
	return count
}

// Clear removes every entity of every kind.
func (tx *Txn) Clear() {
	for _, kind := range tx.kinds.byName {
		tx.sawKind(kind)
		t := tx.draft.tables[kind]
		for found := range tx.each(func(yield func(*row) bool) { t.under("", yield) }) {
			tx.delete(kind, found.key)
		}
	}
}

func (tx *Txn) delete(kind *Kind, key string) {
	t := tx.touch(kind, key, nil, false)
	current := t.before
	if t.written {
		current = t.after
	}
	if current == nil {
		return
	}
	t.written, t.after = true, nil
	tx.draft.change(kind).delete(key)
}

func (tx *Txn) table(t reflect.Type) *table { return tx.draft.tables[tx.kind(t)] }

// each collects what is found first: the transaction may change it while it ranges.
func (tx *Txn) each(found func(yield func(*row) bool)) iter.Seq[*row] {
	return slices.Values(slices.Collect(iter.Seq[*row](found)))
}

func (tx *Txn) kind(t reflect.Type) *Kind {
	kind := tx.kinds.byType[t]
	if kind == nil {
		tx.fail(fmt.Errorf("state: type %v is of no kind that the store was opened with", t))
	}
	return kind
}

func (tx *Txn) sawKey(kind *Kind, key string, found *row) {
	if tx.scanned[kind] {
		return
	}
	if _, known := tx.touched[place{kind, key}]; known {
		return
	}
	if tx.reads[kind]++; tx.reads[kind] > manyReads {
		tx.scanned[kind] = true
		return
	}
	tx.touch(kind, key, found, true)
}

func (tx *Txn) sawKind(kind *Kind) { tx.scanned[kind] = true }

// touch gives what is noted of an entity, noting it first if need be; found is the row as read, if it was read.
func (tx *Txn) touch(kind *Kind, key string, found *row, read bool) *touch {
	at := place{kind, key}
	if t := tx.touched[at]; t != nil {
		return t
	}
	if !read {
		found = tx.draft.tables[kind].get(key)
	}
	t := &touch{place: at, before: found}
	tx.touched[at] = t
	tx.order = append(tx.order, t)
	return t
}

func (tx *Txn) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// changes is what was written, followed by what was only read; nil when nothing was written. Entities are encoded unless
// the backend keeps nothing.
func (tx *Txn) changes(encode bool) ([]Change, error) {
	var writes, reads []Change
	for _, t := range tx.order {
		change := Change{Kind: t.kind.Name, Key: t.key}
		if t.before != nil {
			change.Revision = t.before.revision
		}
		switch {
		case !t.written, t.before == nil && t.after == nil:
			if !tx.scanned[t.kind] {
				change.Read = true
				reads = append(reads, change)
			}
			continue
		case t.after != nil && encode:
			value, err := json.Marshal(t.after.entity)
			if err != nil {
				return nil, fmt.Errorf("state: encoding %s %q: %w", t.kind.Name, t.key, err)
			}
			change.Value = value
		}
		writes = append(writes, change)
	}
	if len(writes) == 0 {
		return nil, nil
	}
	for kind := range tx.scanned {
		reads = append(reads, Change{Kind: kind.Name, Read: true})
	}
	return append(writes, reads...), nil
}

// setRevision completes the rows that were written, before anyone else can see them.
func (tx *Txn) setRevision(revision int64) {
	for _, t := range tx.order {
		if t.written && t.after != nil {
			t.after.revision = revision
		}
	}
}
