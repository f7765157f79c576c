package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/irsa-emu/irsa-emu/statefile/jsonschema"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Section is a service's part of an account in State documents: a list of one
// kind of thing. Loading, validation, merging, regions, export and the JSON Schema
// follow from it. A service whose section is no field of [Account] declares it with
// [Declare] before documents are read.
type Section[T any] struct {
	// Name is the field of the account, such as secrets.
	Name string
	// Title is what one of the things is called in a message: "secret".
	Title string
	// Description is the schema's.
	Description string
	// Identity tells things apart: two of one identity in a document are a mistake,
	// and where documents are merged the later one counts.
	Identity func(T) string
	// Check reports what the service would not take; nil: nothing.
	Check func(c *Check, at string, item *T)
	// Region is where a thing says its region; what says none gets the emulator's.
	// Nil: the things are in no region.
	Region func(*T) *string

	// field is where the account keeps the list; nil: in [Account.Declared].
	field func(*Account) *[]T
}

// Items are the things of an account.
func (s *Section[T]) Items(a *Account) []T {
	if list := s.list(a); list != nil {
		return *list
	}
	return nil
}

// Set replaces the things of an account.
func (s *Section[T]) Set(a *Account, items []T) {
	if s.field != nil {
		*s.field(a) = items
		return
	}
	declared := map[string]any{s.Name: &items}
	for name, list := range a.Declared {
		if name != s.Name {
			declared[name] = list
		}
	}
	a.Declared = declared
}

func (s *Section[T]) list(a *Account) *[]T {
	if s.field != nil {
		return s.field(a)
	}
	list, _ := a.Declared[s.Name].(*[]T)
	return list
}

// section is a [Section] of any kind of thing.
type section interface {
	name() string
	declared() bool
	// place is a pointer to the list, which is made if need be.
	place(a *Account) any
	merge(into *Account, a, from *Account)
	check(v *validator, at string, a *Account)
	inRegion(a *Account, region string)
	regions(a *Account, yield func(string, thing) bool) bool
	take(a, from *Account)
	schema() *jsonschema.Schema
}

func (s *Section[T]) name() string   { return s.Name }
func (s *Section[T]) declared() bool { return s.field == nil }

func (s *Section[T]) place(a *Account) any {
	if s.list(a) == nil {
		s.Set(a, nil)
	}
	return s.list(a)
}

func (s *Section[T]) merge(into *Account, a, from *Account) {
	if merged := mergeLists(s.Items(a), s.Items(from), s.Identity); len(merged) > 0 {
		s.Set(into, merged)
	}
}

func (s *Section[T]) take(a, from *Account) {
	if items := s.Items(from); items != nil {
		s.Set(a, items)
	}
}

func (s *Section[T]) check(v *validator, at string, a *Account) {
	at += "." + s.Name
	items := s.Items(a)
	noneTwice(v, at, items, s.Identity, s.Title)
	for i := range items {
		at := strictyaml.Index(at, i)
		if s.Region != nil {
			v.region(at, *s.Region(&items[i]))
		}
		if s.Check != nil {
			s.Check(&Check{v}, at, &items[i])
		}
	}
}

func (s *Section[T]) inRegion(a *Account, region string) {
	items := s.Items(a)
	if s.Region == nil || len(items) == 0 {
		return
	}
	items = slices.Clone(items)
	for i := range items {
		if r := s.Region(&items[i]); *r == "" {
			*r = region
		}
	}
	s.Set(a, items)
}

// regions are those that the things are written to be in; see [Account.regions].
func (s *Section[T]) regions(a *Account, yield func(string, thing) bool) bool {
	if s.Region == nil {
		return true
	}
	items := s.Items(a)
	for i := range items {
		region := *s.Region(&items[i])
		if region == "" {
			continue
		}
		at := thing{path: strictyaml.Index(s.Name, i), title: s.Title}
		if w, ok := any(&items[i]).(interface{ written() Written }); ok {
			at.place = w.written()
		}
		if !yield(region, at) {
			return false
		}
	}
	return true
}

func (s *Section[T]) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: jsonschema.Inline(reflect.TypeFor[T]()), Description: s.Description}
}

// Check is how a section reports what its service would not take.
type Check struct{ v *validator }

// Errorf reports a mistake at a path below the item's: what is wrong, and what to
// write instead.
func (c *Check) Errorf(path, format string, args ...any) { c.v.errorf(path, format, args...) }

// ResourcePolicy checks a policy of a resource.
func (c *Check) ResourcePolicy(path string, d Document) { c.v.resourcePolicy(path, d) }

var (
	sectionsLock sync.RWMutex
	// allSections are those of the account's own fields, and those declared.
	allSections = []section{kmsKeySection, secretSection, bucketSection}
)

func sections() []section {
	sectionsLock.RLock()
	defer sectionsLock.RUnlock()
	return allSections[:len(allSections):len(allSections)]
}

// Declare makes a section known to all documents that are read from now on. It is
// for a service that is registered beside the emulator's own.
func Declare[T any](s *Section[T]) error {
	if s.Name == "" || s.Identity == nil {
		return fmt.Errorf("statefile: a section of %s has no name or no identity", reflect.TypeFor[T]())
	}
	sectionsLock.Lock()
	defer sectionsLock.Unlock()
	taken := slices.ContainsFunc(allSections, func(other section) bool { return other.name() == s.Name }) ||
		slices.Contains(strictyaml.FieldNames(reflect.TypeFor[Account]()), s.Name)
	if taken {
		return fmt.Errorf("statefile: accounts have %s already", s.Name)
	}
	allSections = append(allSections[:len(allSections):len(allSections)], s)
	return nil
}

// InRegion is the account with a region for all that says none.
func (a Account) InRegion(region string) Account {
	for _, s := range sections() {
		s.inRegion(&a, region)
	}
	return a
}

// WithSectionsOf is the account with the sections of another.
func (a Account) WithSectionsOf(from Account) Account {
	for _, s := range sections() {
		s.take(&a, &from)
	}
	return a
}

// OpenFields are the names of declared sections; see [strictyaml.Open].
func (*Account) OpenFields() []string {
	var names []string
	for _, s := range sections() {
		if s.declared() {
			names = append(names, s.name())
		}
	}
	return names
}

// OpenField is where a declared section is decoded into.
func (a *Account) OpenField(name string) any {
	for _, s := range sections() {
		if s.declared() && s.name() == name {
			return s.place(a)
		}
	}
	return nil
}

// MarshalJSON has the declared sections after the account's own fields.
func (a Account) MarshalJSON() ([]byte, error) {
	type fields Account // without this method
	text, err := json.Marshal(fields(a))
	if err != nil || len(a.Declared) == 0 {
		return text, err
	}
	declared, err := json.Marshal(a.Declared)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(text, []byte("{}")) {
		return declared, nil
	}
	return slices.Concat(text[:len(text)-1], []byte(","), declared[1:]), nil
}

// JSONSchemaExtend adds the declared sections.
func (Account) JSONSchemaExtend(schema *jsonschema.Schema) {
	for _, s := range sections() {
		if s.declared() {
			schema.Properties.Set(s.name(), s.schema())
		}
	}
}
