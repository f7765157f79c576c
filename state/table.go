package state

import (
	"cmp"
	"maps"
	"strings"

	"github.com/google/btree"
)

// table holds the rows of one kind. A clone costs next to nothing: it shares what neither of the two changes later.
type table struct {
	kind    *Kind
	rows    *btree.BTreeG[keyed]              // by key
	indexes map[string]*btree.BTreeG[indexed] // by value, then by key
}

// keyed is a row under its key. The key stands beside it as well: to look at each row on the way would take twice the time
// among 100,000, in memory that no cache holds.
type keyed struct {
	key string
	row *row
}

// indexed is a row under one of its values in an index.
type indexed struct {
	value string
	row   *row
}

// degree is that of the trees: a node has up to 63 items.
const degree = 32

func newTable(kind *Kind) *table {
	t := &table{kind: kind, indexes: make(map[string]*btree.BTreeG[indexed], len(kind.Indexes))}
	t.rows = btree.NewG(degree, func(a, b keyed) bool { return a.key < b.key })
	for name := range kind.Indexes {
		t.indexes[name] = btree.NewG(degree, func(a, b indexed) bool {
			if c := cmp.Compare(a.value, b.value); c != 0 {
				return c < 0
			}
			return a.row.key < b.row.key
		})
	}
	return t
}

func (t *table) clone() *table {
	clone := &table{kind: t.kind, rows: t.rows.Clone(), indexes: make(map[string]*btree.BTreeG[indexed], len(t.indexes))}
	for name, index := range t.indexes {
		clone.indexes[name] = index.Clone()
	}
	return clone
}

// get is the row of that key, nil if there is none.
func (t *table) get(key string) *row {
	found, _ := t.rows.Get(keyed{key: key})
	return found.row
}

// put adds the row, or replaces the one of its key.
func (t *table) put(r *row) {
	if old, replaced := t.rows.ReplaceOrInsert(keyed{r.key, r}); replaced {
		t.unindex(old.row)
	}
	for name, index := range t.indexes {
		for _, value := range t.kind.Indexes[name](r.entity) {
			index.ReplaceOrInsert(indexed{value, r})
		}
	}
}

func (t *table) delete(key string) {
	if old, found := t.rows.Delete(keyed{key: key}); found {
		t.unindex(old.row)
	}
}

func (t *table) unindex(r *row) {
	for name, index := range t.indexes {
		for _, value := range t.kind.Indexes[name](r.entity) {
			index.Delete(indexed{value, r})
		}
	}
}

// under gives the rows whose key begins with the prefix, in ascending order, until yield has had enough.
func (t *table) under(prefix string, yield func(*row) bool) {
	t.rows.AscendGreaterOrEqual(keyed{key: prefix}, func(k keyed) bool {
		return strings.HasPrefix(k.key, prefix) && yield(k.row)
	})
}

// at gives the rows that have the value in the index, in ascending order of keys, until yield has had enough. An index that
// the kind does not have is empty.
func (t *table) at(index, value string, yield func(*row) bool) {
	if tree := t.indexes[index]; tree != nil {
		tree.AscendGreaterOrEqual(indexed{value, &row{}}, func(i indexed) bool {
			return i.value == value && yield(i.row)
		})
	}
}

// tables are the rows of all kinds.
type tables map[*Kind]*table

func (k *kinds) newTables() tables {
	all := make(tables, len(k.byName))
	for _, kind := range k.byName {
		all[kind] = newTable(kind)
	}
	return all
}

// draft is a change of the tables that may yet be given up. The tables that it has not changed are those that it began
// with.
type draft struct {
	tables  tables
	changed map[*Kind]bool
}

func (s *Store) newDraft() *draft {
	return &draft{tables: maps.Clone(s.tables), changed: map[*Kind]bool{}}
}

// change is the table of a kind, to be changed.
func (d *draft) change(kind *Kind) *table {
	if !d.changed[kind] {
		d.changed[kind] = true
		d.tables[kind] = d.tables[kind].clone()
	}
	return d.tables[kind]
}
