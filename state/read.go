package state

import (
	"iter"
	"reflect"
)

// Reader is a *Snapshot or a *Txn.
//
// A type that was not given to [Open] is a programming error: reads find nothing, and an Update that touched it fails.
type Reader interface {
	// table gives the rows of the type's kind, nil if it has none.
	table(reflect.Type) *table
	// each gives the rows that a range finds; they stay the same while it is read.
	each(found func(yield func(*row) bool)) iter.Seq[*row]
	// sawKey and sawKind tell a transaction what its outcome depends on.
	sawKey(kind *Kind, key string, found *row)
	sawKind(kind *Kind)
}

// Snapshot is the state at one moment. It never changes, costs nothing to hold, and may be used by many goroutines.
type Snapshot struct {
	kinds   *kinds
	tables  tables
	version uint64
}

// Version counts the changes of this process's view of the state; it grows by one with each.
func (s *Snapshot) Version() uint64 { return s.version }

func (s *Snapshot) table(t reflect.Type) *table                           { return s.tables[s.kinds.byType[t]] }
func (s *Snapshot) each(found func(yield func(*row) bool)) iter.Seq[*row] { return found }
func (s *Snapshot) sawKey(*Kind, string, *row)                            {}
func (s *Snapshot) sawKind(*Kind)                                         {}

// Get finds an entity by its key. T is the kind's type, such as *iam.Role.
func Get[T Entity](r Reader, key string) (T, bool) {
	t := r.table(reflect.TypeFor[T]())
	if t == nil {
		return entityOf[T](nil)
	}
	found := t.get(key)
	r.sawKey(t.kind, key, found)
	return entityOf[T](found)
}

// Lookup finds an entity by a value of one of its kind's indexes; of several, the one with the lowest key.
func Lookup[T Entity](r Reader, index, value string) (T, bool) {
	t := r.table(reflect.TypeFor[T]())
	if t == nil {
		return entityOf[T](nil)
	}
	r.sawKind(t.kind)
	var first *row
	t.at(index, value, func(found *row) bool { first = found; return false })
	return entityOf[T](first)
}

// LookupAll gives every entity that has the value in the index, in ascending order of keys.
func LookupAll[T Entity](r Reader, index, value string) iter.Seq[T] {
	return each[T](r, func(t *table, yield func(*row) bool) { t.at(index, value, yield) })
}

// All gives every entity whose key begins with the prefix, in ascending order of keys (bytes). What a transaction writes
// while it ranges does not change what the range gives.
func All[T Entity](r Reader, prefix string) iter.Seq[T] {
	return each[T](r, func(t *table, yield func(*row) bool) { t.under(prefix, yield) })
}

func each[T Entity](r Reader, find func(*table, func(*row) bool)) iter.Seq[T] {
	return func(yield func(T) bool) {
		t := r.table(reflect.TypeFor[T]())
		if t == nil {
			return
		}
		r.sawKind(t.kind)
		for found := range r.each(func(yield func(*row) bool) { find(t, yield) }) {
			if !yield(found.entity.(T)) {
				return
			}
		}
	}
}

func entityOf[T Entity](found *row) (T, bool) {
	if found == nil {
		var none T
		return none, false
	}
	return found.entity.(T), true
}
