package iam

import (
	"encoding/json"
	"fmt"
	"sync"
	"unique"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Document is a stored policy document: the text as it was written, which was
// validated when it was stored. Equal texts are in memory once. The parsed form
// is not kept with it: an account of many roles would be mostly parsed
// policies, of which few are asked for.
type Document struct {
	Text   string
	shared key // holds Text
}

// key is a text that is in memory once.
type key = unique.Handle[string]

// NewDocument is the stored form of a parsed document; none of nil.
func NewDocument(parsed *policy.Document) Document {
	if parsed == nil {
		return Document{}
	}
	return DocumentOf(parsed.Text())
}

// DocumentOf is the stored form of a text that is known to parse.
func DocumentOf(text string) Document {
	shared := unique.Make(text)
	return Document{Text: shared.Value(), shared: shared}
}

// Equal is whether two documents have one text.
func (d Document) Equal(other Document) bool { return d.Text == other.Text }

// MarshalJSON stores the text alone.
func (d Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.Text) }

// UnmarshalJSON reads the text, which must parse.
func (d *Document) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if _, err := policy.Parse([]byte(text)); err != nil {
		return fmt.Errorf("stored policy document: %w", err)
	}
	*d = DocumentOf(text)
	return nil
}

// Parsed is the document, parsed; nil where there is none. It is shared: nobody
// changes it.
func (d Document) Parsed() *policy.Document {
	if d.Text == "" {
		return nil
	}
	return parsed.get(d)
}

// parsed are the documents that were asked for last, of all emulators of the
// process: what a text means depends on nothing else.
var parsed = &documents{limit: 32 << 20}

// documents keeps parsed documents up to about a number of bytes. The half that
// was used last is young; when that is full, the other half is forgotten.
type documents struct {
	limit int

	mu         sync.RWMutex
	young, old map[key]*policy.Document
	size       int // of young
}

// sizeOf is what a parsed document takes, roughly: a trust policy of 600 bytes
// was measured to take 7 KB.
func sizeOf(text string) int { return 1024 + 10*len(text) }

func (c *documents) get(d Document) *policy.Document {
	c.mu.RLock()
	found, old := c.young[d.shared], c.old[d.shared]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	if found = old; found == nil {
		var err error
		if found, err = policy.Parse([]byte(d.Text)); err != nil {
			panic(fmt.Sprintf("iam: a stored policy does not parse: %v", err)) // it did when it was stored
		}
	}
	c.put(d, found)
	return found
}

func (c *documents) put(d Document, found *policy.Document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young[d.shared] != nil {
		return // another call was faster
	}
	size := sizeOf(d.Text)
	if c.young == nil || c.size+size > c.limit/2 {
		c.young, c.old, c.size = map[key]*policy.Document{}, c.young, 0
	}
	c.young[d.shared] = found
	c.size += size
}
