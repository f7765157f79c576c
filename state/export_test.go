package state_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

const exported = `{"export":"irsa-emu state","version":1}
{"kind":"item","key":"a","value":{"Key":"a","Text":"<&>"}}
{"kind":"item","key":"ü","value":{"Key":"ü","N":2}}
{"kind":"note","key":"a","value":{"Key":"a","Text":"of the same key"}}
{"entities":3,"sha256":"SUM"}
`

func newFile(t testing.TB) state.Backend {
	t.Helper()
	backend, err := boltstore.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	return backend
}

func TestExportImport(t *testing.T) {
	first := newFile(t)
	s, err := state.Open(t.Context(), first, storetest.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx *state.Txn) error {
		tx.Put(&storetest.Note{Key: "a", Text: "of the same key"})
		tx.Put(&storetest.Item{Key: "ü", N: 2})
		tx.Put(&storetest.Item{Key: "a", Text: "<&>"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var export bytes.Buffer
	if n, err := state.Export(t.Context(), first, &export); n != 3 || err != nil {
		t.Fatalf("Export = %d, %v", n, err)
	}
	lines := strings.Split(export.String(), "\n")
	sum := strings.TrimSuffix(strings.TrimPrefix(lines[4], `{"entities":3,"sha256":"`), `"}`)
	// encoding/json writes <, & and > as escapes, and the export leaves values as they are.
	want := strings.NewReplacer("SUM", sum, "<&>", `\u003c\u0026\u003e`).Replace(exported)
	if export.String() != want {
		t.Errorf("the export is\n%swant\n%s", export.String(), want)
	}

	second := newFile(t)
	if n, err := state.Import(t.Context(), second, bytes.NewReader(export.Bytes()), storetest.Kinds()...); n != 3 || err != nil {
		t.Fatalf("Import = %d, %v", n, err)
	}
	var again bytes.Buffer
	if _, err := state.Export(t.Context(), second, &again); err != nil || again.String() != export.String() {
		t.Errorf("the export of what was imported (%v) is\n%s", err, again.String())
	}
	_, err = state.Import(t.Context(), second, bytes.NewReader(export.Bytes()), storetest.Kinds()...)
	if err == nil || !strings.Contains(err.Error(), "not empty, it has 3 entities") {
		t.Errorf("an import into a store that is not empty: %v", err)
	}

	for name, bad := range map[string]struct{ export, want string }{
		"empty":            {"", "line 1: the export ends too early"},
		"something else":   {"kind: State\n", "line 1: this is not an export"},
		"a later version":  {strings.Replace(export.String(), `"version":1`, `"version":3`, 1), "line 1: an export of version 3"},
		"cut off":          {export.String()[:len(export.String())-5], "line 5: the export ends too early"},
		"a line less":      {lines[0] + "\n" + lines[2] + "\n" + lines[3] + "\n" + lines[4] + "\n", "line 4: the export is not as it was written"},
		"edited":           {strings.Replace(export.String(), `"N":2`, `"N":3`, 1), "line 5: the export is not as it was written"},
		"a line more":      {export.String() + lines[1] + "\n", "line 6: there is more"},
		"a line twice":     {lines[0] + "\n" + lines[1] + "\n" + lines[1] + "\n", `line 3: item "a" is there twice`},
		"no key":           {lines[0] + "\n" + `{"kind":"item","value":{}}` + "\n", "line 2: an entity needs"},
		"an unknown field": {lines[0] + "\n" + `{"kind":"item","kye":"a","value":{}}` + "\n", `line 2: json: unknown field "kye"`},
	} {
		empty := newFile(t)
		_, err := state.Import(t.Context(), empty, strings.NewReader(bad.export), storetest.Kinds()...)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", name, err, bad.want)
		}
		if records, err := empty.Load(context.Background()); err != nil || len(records) > 0 {
			t.Errorf("%s: %d records were imported, %v", name, len(records), err)
		}
	}
	_, err = state.Import(t.Context(), newFile(t), bytes.NewReader(export.Bytes()), storetest.Kinds()[0])
	if err == nil || !strings.Contains(err.Error(), `kind "note" is not known`) {
		t.Errorf("an import of an unknown kind: %v", err)
	}
	first.Close()
	if _, err := state.Export(t.Context(), first, &again); !errors.Is(err, state.ErrClosed) {
		t.Errorf("an export of a closed store: %v", err)
	}
}

// FuzzImport: whatever is read, nothing panics; and what is taken comes out again the same.
func FuzzImport(f *testing.F) {
	f.Add([]byte(exported))
	f.Add([]byte("{\"export\":\"irsa-emu state\",\"version\":1}\n{\"entities\":0,\"sha256\":\"3b1d9eb18b2d3a2b0c7b8ea5b6a1ab7e\"}\n"))
	f.Add([]byte(exportedBlobs))
	f.Add([]byte("{\"export\":\"irsa-emu state\",\"version\":1}\n{\"kind\":\"item\",\"key\":\"a\",\"value\":null}\n"))
	f.Fuzz(func(t *testing.T, export []byte) {
		backend := newKept()
		n, err := state.Import(t.Context(), backend, bytes.NewReader(export), storetest.Kinds()...)
		if err != nil {
			return
		}
		s, err := state.Open(t.Context(), backend, storetest.Kinds()...)
		if err != nil {
			t.Fatalf("what was imported cannot be opened: %v", err)
		}
		defer s.Close()
		var first, second bytes.Buffer
		if got, err := state.Export(t.Context(), backend, &first); got != n || err != nil {
			t.Fatalf("Export = %d, %v after Import of %d", got, err, n)
		}
		other := newKept()
		if _, err := state.Import(t.Context(), other, bytes.NewReader(first.Bytes()), storetest.Kinds()...); err != nil {
			t.Fatalf("the export of what was imported is not taken: %v", err)
		}
		if _, err := state.Export(t.Context(), other, &second); err != nil || first.String() != second.String() {
			t.Fatalf("the second export differs (%v)", err)
		}
	})
}

// exportedBlobs has a blob of two lines, and one of none.
const exportedBlobs = `{"export":"irsa-emu state","version":2}
{"kind":"item","key":"a","value":{"Key":"a"}}
{"blob":"a-1","data":"aGVsbG8s"}
{"blob":"a-1","data":"IHdvcmxk"}
{"blob":"b","data":""}
{"entities":1,"sha256":"@"}
`

// TestExportBlobs: what is beside the entities goes with them, in lines of bounded length, and an import that fails leaves none.
func TestExportBlobs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	content := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	for id, b := range map[string][]byte{"long": content, "empty": nil} {
		w, err := first.Blobs().Create(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var export, again bytes.Buffer
	if _, err := state.Export(t.Context(), first, &export); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(export.Bytes()) {
		if len(line) > 1<<20 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	second, err := boltstore.Open(filepath.Join(t.TempDir(), "b.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	broken := bytes.Replace(export.Bytes(), []byte(`"entities":0`), []byte(`"entities":1`), 1)
	if _, err := state.Import(t.Context(), second, bytes.NewReader(broken)); err == nil {
		t.Error("an import that is not as it was written")
	}
	if left, err := second.Blobs().List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("a failed import has left %q, %v", left, err)
	}
	if _, err := state.Import(t.Context(), second, bytes.NewReader(export.Bytes())); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Export(t.Context(), second, &again); err != nil || !bytes.Equal(export.Bytes(), again.Bytes()) {
		t.Errorf("the second export has %d bytes, the first %d, %v", again.Len(), export.Len(), err)
	}
}

// kept is the least backend that keeps something.
type kept struct {
	records []state.Record
	blobs   state.Blobs
}

func newKept() *kept { return &kept{blobs: state.NewMemory().Blobs()} }

func (k *kept) Blobs() state.Blobs { return k.blobs }

func (k *kept) Load(context.Context) ([]state.Record, error) { return k.records, nil }
func (k *kept) Close() error                                 { return nil }

func (k *kept) Commit(_ context.Context, changes []state.Change) (int64, error) {
	for _, c := range changes {
		if !c.Read {
			k.records = append(k.records, state.Record{Kind: c.Kind, Key: c.Key, Value: c.Value, Revision: 1})
		}
	}
	return 1, nil
}
