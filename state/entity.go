package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/term"
)

// Entity is one thing that is kept. Once it was given to [Txn.Put] or came out of a [Reader] it must never be modified:
// make a changed copy and put that.
type Entity interface {
	// StateKey is unique within the entity's kind, not empty, valid UTF-8 and at most MaxKey bytes. By convention the key
	// of what belongs to an account is "ACCOUNT/rest", so that a prefix lists an account.
	StateKey() string
}

// Checked is an Entity that cannot be used without some of its parts: what reads records refuses one that lacks them, with
// its kind and key, so that nothing else need ask.
type Checked interface {
	Entity
	// Check says what is missing, or wrong, in words of the stored JSON.
	Check() error
}

// Lacking is the error of the first member that is empty, of names and values in turn; nil when none is.
func Lacking(members ...string) error {
	for i := 0; i < len(members); i += 2 {
		if members[i+1] == "" {
			return fmt.Errorf("%s is missing", members[i])
		}
	}
	return nil
}

// MaxKey is the greatest length of a key in bytes; it holds an S3 object's key (1,024) with room for what goes before.
const MaxKey = 4096

// Kind tells a Store about one type of Entity.
type Kind struct {
	// Name is the kind's name in the Backend. It is stored: renaming a kind needs a migration.
	Name string
	// Type is a value of the entity's Go type, of which only the type is used, such as (*iam.Role)(nil). Two kinds cannot
	// share one. Left nil, it is the type of what Decode makes of `{}`.
	Type Entity
	// Decode makes an entity from what encoding/json made of it: the place to parse policies once. Left nil, the value is
	// unmarshalled into a new value of Type, which must then be a pointer.
	Decode func([]byte) (Entity, error)
	// Indexes names secondary indexes; each function gives the values under which an entity is found, none or several.
	// Values need not be unique.
	Indexes map[string]func(Entity) []string
}

// row is what memory holds for an entity. The revision is set before the row becomes visible and never changes after.
type row struct {
	key      string
	entity   Entity
	revision int64
}

// kinds is the fixed set that a store was opened with.
type kinds struct {
	byType map[reflect.Type]*Kind
	byName map[string]*Kind
}

func newKinds(list []Kind) (*kinds, error) {
	k := &kinds{byType: map[reflect.Type]*Kind{}, byName: map[string]*Kind{}}
	for _, kind := range list {
		if err := kind.complete(); err != nil {
			return nil, fmt.Errorf("kind %q: %w", kind.Name, err)
		}
		t := reflect.TypeOf(kind.Type)
		if other := k.byType[t]; other != nil {
			return nil, fmt.Errorf("kinds %q and %q have the same type %v", other.Name, kind.Name, t)
		}
		if k.byName[kind.Name] != nil {
			return nil, fmt.Errorf("kind %q is given twice", kind.Name)
		}
		k.byType[t], k.byName[kind.Name] = &kind, &kind
	}
	return k, nil
}

// complete fills Type from Decode or Decode from Type.
func (k *Kind) complete() error {
	if k.Name == "" {
		return errors.New("it has no name")
	}
	if k.Type == nil {
		if k.Decode == nil {
			return errors.New("it has neither Type nor Decode")
		}
		probe, err := k.Decode([]byte("{}"))
		if err != nil || probe == nil {
			return fmt.Errorf("it has no Type, and Decode cannot tell it by decoding {}: %v", err)
		}
		k.Type = probe
	}
	if k.Decode == nil {
		t := reflect.TypeOf(k.Type)
		if t.Kind() != reflect.Pointer {
			return fmt.Errorf("it has no Decode, and %v is not a pointer", t)
		}
		k.Decode = func(value []byte) (Entity, error) {
			entity := reflect.New(t.Elem()).Interface().(Entity)
			return entity, json.Unmarshal(value, entity)
		}
	}
	return nil
}

// decode makes the row of a record, and refuses one that does not decode to the kind and key it is stored under, or to an
// entity that lacks a part.
func (k *kinds) decode(kind, key string, value []byte, revision int64) (*row, error) {
	known := k.byName[kind]
	if known == nil {
		return nil, fmt.Errorf("kind %q is not known (was the state written by a newer version?)", kind)
	}
	entity, err := known.Decode(value)
	if err != nil {
		return nil, fmt.Errorf("decoding %s %q: %w", kind, key, term.JSON(err))
	}
	if got, want := reflect.TypeOf(entity), reflect.TypeOf(known.Type); got != want {
		return nil, fmt.Errorf("decoding %s %q: got a %v, want a %v", kind, key, got, want)
	}
	if got := entity.StateKey(); got != key {
		return nil, fmt.Errorf("decoding %s %q: the entity says its key is %q", kind, key, got)
	}
	if checked, is := entity.(Checked); is {
		if err := checked.Check(); err != nil {
			return nil, fmt.Errorf("decoding %s %q: %w", kind, key, err)
		}
	}
	return &row{key: key, entity: entity, revision: revision}, nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("the key is empty")
	case len(key) > MaxKey:
		return fmt.Errorf("the key has %d bytes, more than %d", len(key), MaxKey)
	case !utf8.ValidString(key):
		return errors.New("the key is not valid UTF-8")
	}
	return nil
}
