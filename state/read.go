package state

import (
	"iter"
	"reflect"

	"github.com/hashicorp/go-memdb"
)

// Reader is a *Snapshot or a *Txn.
//
// A type that was not given to [Open] is a programming error: reads find nothing, and an Update that touched it fails.
type Reader interface {
	// table gives the view to read and the kind of the type, nil if it has none.
	table(reflect.Type) (*memdb.Txn, *Kind)
	// sawKey and sawKind tell a transaction what its outcome depends on.
	sawKey(kind *Kind, key string, found *row)
	sawKind(kind *Kind)
}

// Snapshot is the state at one moment. It never changes, costs nothing to hold, and may be used by many goroutines.
type Snapshot struct {
	kinds   *kinds
	view    *memdb.Txn
	version uint64
}

// Version counts the changes of this process's view of the state; it grows by one with each.
func (s *Snapshot) Version() uint64 { return s.version }

func (s *Snapshot) table(t reflect.Type) (*memdb.Txn, *Kind) { return s.view, s.kinds.byType[t] }
func (s *Snapshot) sawKey(*Kind, string, *row)               {}
func (s *Snapshot) sawKind(*Kind)                            {}

// Get finds an entity by its key. T is the kind's type, such as *iam.Role.
func Get[T Entity](r Reader, key string) (T, bool) {
	view, kind := r.table(reflect.TypeFor[T]())
	if kind == nil {
		var none T
		return none, false
	}
	found := first(view, kind, rows, key)
	r.sawKey(kind, key, found)
	return entityOf[T](found)
}

// Lookup finds an entity by a value of one of its kind's indexes; of several, the one with the lowest key.
func Lookup[T Entity](r Reader, index, value string) (T, bool) {
	view, kind := r.table(reflect.TypeFor[T]())
	if kind == nil {
		var none T
		return none, false
	}
	r.sawKind(kind)
	return entityOf[T](first(view, kind, index, value))
}

// LookupAll gives every entity that has the value in the index, in ascending order of keys.
func LookupAll[T Entity](r Reader, index, value string) iter.Seq[T] {
	return each[T](r, index, value)
}

// All gives every entity whose key begins with the prefix, in ascending order of keys (bytes). What a transaction writes
// while it ranges does not change what the range gives.
func All[T Entity](r Reader, prefix string) iter.Seq[T] {
	return each[T](r, rows+"_prefix", prefix)
}

func first(view *memdb.Txn, kind *Kind, index, value string) *row {
	found, err := view.First(kind.Name, index, value)
	if err != nil || found == nil { // an error means an index that the kind does not have: nothing is found there
		return nil
	}
	return found.(*row)
}

func each[T Entity](r Reader, index, value string) iter.Seq[T] {
	return func(yield func(T) bool) {
		view, kind := r.table(reflect.TypeFor[T]())
		if kind == nil {
			return
		}
		r.sawKind(kind)
		found, err := view.Get(kind.Name, index, value)
		if err != nil {
			return
		}
		for next := found.Next(); next != nil; next = found.Next() {
			if !yield(next.(*row).entity.(T)) {
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
