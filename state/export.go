package state

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/irsa-emu/irsa-emu/term"
)

// An export is text, a JSON object a line: a header, an entity a line in the order of kind and key, the blobs in the order of
// their ids, each in as many lines as it takes, and a trailer by which a file that was cut off or edited by accident is
// noticed. It holds what the backend holds, private keys included.
type (
	exportHeader struct {
		Export  string `json:"export"`
		Version int    `json:"version"`
	}
	exportLine struct {
		Kind  string          `json:"kind"`
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	exportBlob struct {
		Blob string `json:"blob"`
		Data []byte `json:"data"`
	}
	exportTrailer struct {
		Entities *int   `json:"entities"`
		SHA256   string `json:"sha256"` // of all lines before
	}
)

const (
	exportName = "irsa-emu state"
	// Version 2 has blobs; without any, an export is of version 1.
	exportVersion, exportVersionBlobs = 1, 2
	exportChunk                       = 192 << 10 // of a blob, in a line
)

// Export writes all that a backend keeps, and tells how many entities that is. The same state gives the same bytes.
func Export(ctx context.Context, backend Backend, to io.Writer) (int, error) {
	records, err := backend.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("state: exporting: %w", err)
	}
	if err := writeExport(ctx, to, records, backend.Blobs()); err != nil {
		return 0, fmt.Errorf("state: exporting: %w", err)
	}
	return len(records), nil
}

// Import puts an export into a backend that must be empty, in one commit, and tells how many entities it was. The kinds
// are those that the state is opened with later: what they would not take is refused now.
func Import(ctx context.Context, backend Backend, from io.Reader, list ...Kind) (_ int, err error) {
	kinds, err := newKinds(list)
	if err != nil {
		return 0, fmt.Errorf("state: importing: %w", err)
	}
	blobs := blobImport{ctx: ctx, to: backend.Blobs()}
	defer func() {
		if err != nil && !errors.Is(err, ErrUncertain) {
			blobs.undo()
		}
	}()
	records, err := readExport(from, &blobs)
	if err != nil {
		return 0, fmt.Errorf("state: importing: %w", err)
	}
	there, err := backend.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("state: importing: %w", err)
	}
	if len(there) > 0 {
		return 0, fmt.Errorf("state: importing: the store is not empty, it has %d entities", len(there))
	}
	if len(records) == 0 {
		return 0, nil
	}
	changes := make([]Change, 0, len(records)+len(list))
	for _, r := range records {
		if _, err := kinds.decode(r.Kind, r.Key, r.Value, 0); err != nil {
			return 0, fmt.Errorf("state: importing: %w", err)
		}
		changes = append(changes, Change{Kind: r.Kind, Key: r.Key, Value: r.Value})
	}
	for name := range kinds.byName {
		changes = append(changes, Change{Kind: name, Read: true}) // it stays empty until then
	}
	if _, err := backend.Commit(ctx, changes); err != nil {
		return 0, fmt.Errorf("state: importing: %w", err)
	}
	return len(records), nil
}

// Check tells of the first record that is not an entity of one of the kinds.
func Check(records []Record, list ...Kind) error {
	kinds, err := newKinds(list)
	if err != nil {
		return fmt.Errorf("state: checking: %w", err)
	}
	for _, r := range records {
		if _, err := kinds.decode(r.Kind, r.Key, r.Value, r.Revision); err != nil {
			return fmt.Errorf("state: checking: %w", err)
		}
	}
	return nil
}

func writeExport(ctx context.Context, to io.Writer, records []Record, blobs Blobs) error {
	slices.SortFunc(records, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	ids, err := blobs.List(ctx)
	if err != nil {
		return err
	}
	slices.Sort(ids)
	out, sum := bufio.NewWriter(to), sha256.New()
	lines := json.NewEncoder(io.MultiWriter(out, sum))
	lines.SetEscapeHTML(false)
	header := exportHeader{exportName, exportVersion}
	if len(ids) > 0 {
		header.Version = exportVersionBlobs
	}
	if err := lines.Encode(header); err != nil {
		return err
	}
	for _, r := range records {
		if err := lines.Encode(exportLine{r.Kind, r.Key, r.Value}); err != nil {
			return fmt.Errorf("%s %q: %w", r.Kind, r.Key, err)
		}
	}
	for _, id := range ids {
		if err := writeBlob(ctx, lines, blobs, id); err != nil && !errors.Is(err, ErrNoBlob) { // removed meanwhile
			return fmt.Errorf("content %s: %w", id, err)
		}
	}
	count := len(records)
	if err := lines.Encode(exportTrailer{&count, hexSum(sum)}); err != nil {
		return err
	}
	return out.Flush()
}

func hexSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// readExport gives the records of an export, without revisions, and the blobs as they come. Errors name the line.
func readExport(from io.Reader, blobs *blobImport) ([]Record, error) {
	in := &exportReader{in: bufio.NewReader(from), sum: sha256.New(), seen: map[[2]string]bool{}, blobs: blobs}
	for {
		in.number++
		line, err := in.in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			err = errors.New("the export ends too early, its last line is missing")
		}
		done := false
		if err == nil {
			done, err = in.take(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", in.number, err)
		}
		if done {
			return in.records, nil
		}
	}
}

type exportReader struct {
	in      *bufio.Reader
	number  int // of the line
	version int
	sum     hash.Hash
	seen    map[[2]string]bool
	records []Record
	blobs   *blobImport
}

// take takes a line; done says that it was the last.
func (r *exportReader) take(line []byte) (done bool, err error) {
	if r.number == 1 {
		r.sum.Write(line)
		return false, r.header(line)
	}
	var trailer exportTrailer
	if err := strict(line, &trailer); err == nil && trailer.Entities != nil {
		return true, r.end(trailer)
	}
	r.sum.Write(line)
	var blob exportBlob
	if err := strict(line, &blob); err == nil && blob.Blob != "" && r.version >= exportVersionBlobs {
		return false, r.blobs.take(blob)
	}
	var entity exportLine
	if err := strict(line, &entity); err != nil {
		return false, term.JSON(err)
	}
	if err := checkKey(entity.Key); err != nil || entity.Kind == "" || len(entity.Value) == 0 {
		return false, errors.New("an entity needs a kind, a key and a value")
	}
	at := [2]string{entity.Kind, entity.Key}
	if r.seen[at] {
		return false, fmt.Errorf("%s %q is there twice", entity.Kind, entity.Key)
	}
	r.seen[at] = true
	r.records = append(r.records, Record{Kind: entity.Kind, Key: entity.Key, Value: entity.Value})
	return false, nil
}

func (r *exportReader) header(line []byte) error {
	var header exportHeader
	if err := strict(line, &header); err != nil || header.Export != exportName {
		return errors.New("this is not an export of an irsa-emu state")
	}
	if header.Version != exportVersion && header.Version != exportVersionBlobs {
		return fmt.Errorf("an export of version %d, this irsa-emu reads versions %d and %d", header.Version, exportVersion, exportVersionBlobs)
	}
	r.version = header.Version
	return nil
}

func (r *exportReader) end(trailer exportTrailer) error {
	if *trailer.Entities != len(r.records) || trailer.SHA256 != hexSum(r.sum) {
		return errors.New("the export is not as it was written: its checksum differs")
	}
	if err := r.blobs.finish(); err != nil {
		return err
	}
	r.number++
	if _, err := r.in.ReadByte(); err == nil {
		return errors.New("there is more after the export's last line")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// strict decodes one JSON object that has no other fields than it should.
func strict(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
