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
)

// An export is text, a JSON object a line: a header, an entity a line in the order of kind and key, and a trailer by which
// a file that was cut off or edited by accident is noticed. It holds what the backend holds, private keys included.
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
	exportTrailer struct {
		Entities *int   `json:"entities"`
		SHA256   string `json:"sha256"` // of all lines before
	}
)

const (
	exportName    = "irsa-emu state"
	exportVersion = 1
)

// Export writes all that a backend keeps, and tells how many entities that is. The same state gives the same bytes.
func Export(ctx context.Context, backend Backend, to io.Writer) (int, error) {
	records, err := backend.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("state: exporting: %w", err)
	}
	if err := writeExport(to, records); err != nil {
		return 0, fmt.Errorf("state: exporting: %w", err)
	}
	return len(records), nil
}

// Import puts an export into a backend that must be empty, in one commit, and tells how many entities it was. The kinds
// are those that the state is opened with later: what they would not take is refused now.
func Import(ctx context.Context, backend Backend, from io.Reader, list ...Kind) (int, error) {
	kinds, err := newKinds(list)
	if err != nil {
		return 0, fmt.Errorf("state: importing: %w", err)
	}
	records, err := readExport(from)
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

func writeExport(to io.Writer, records []Record) error {
	slices.SortFunc(records, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	out, sum := bufio.NewWriter(to), sha256.New()
	lines := json.NewEncoder(io.MultiWriter(out, sum))
	lines.SetEscapeHTML(false)
	if err := lines.Encode(exportHeader{exportName, exportVersion}); err != nil {
		return err
	}
	for _, r := range records {
		if err := lines.Encode(exportLine{r.Kind, r.Key, r.Value}); err != nil {
			return fmt.Errorf("%s %q: %w", r.Kind, r.Key, err)
		}
	}
	count := len(records)
	if err := lines.Encode(exportTrailer{&count, hexSum(sum)}); err != nil {
		return err
	}
	return out.Flush()
}

func hexSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// readExport gives the records of an export, without revisions. Errors name the line.
func readExport(from io.Reader) ([]Record, error) {
	in, sum := bufio.NewReader(from), sha256.New()
	var records []Record
	seen := map[[2]string]bool{}
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: the export ends too early, its last line is missing", number)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if number == 1 {
			var header exportHeader
			if err := strict(line, &header); err != nil || header.Export != exportName {
				return nil, errors.New("line 1: this is not an export of an irsa-emu state")
			}
			if header.Version != exportVersion {
				return nil, fmt.Errorf("line 1: an export of version %d, this irsa-emu reads version %d", header.Version, exportVersion)
			}
			sum.Write(line)
			continue
		}
		var trailer exportTrailer
		if err := strict(line, &trailer); err == nil && trailer.Entities != nil {
			if *trailer.Entities != len(records) || trailer.SHA256 != hexSum(sum) {
				return nil, fmt.Errorf("line %d: the export is not as it was written: its checksum differs", number)
			}
			if _, err := in.ReadByte(); err == nil {
				return nil, fmt.Errorf("line %d: there is more after the export's last line", number+1)
			} else if !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("line %d: %w", number+1, err)
			}
			return records, nil
		}
		sum.Write(line)
		var entity exportLine
		if err := strict(line, &entity); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if err := checkKey(entity.Key); err != nil || entity.Kind == "" || len(entity.Value) == 0 {
			return nil, fmt.Errorf("line %d: an entity needs a kind, a key and a value", number)
		}
		at := [2]string{entity.Kind, entity.Key}
		if seen[at] {
			return nil, fmt.Errorf("line %d: %s %q is there twice", number, entity.Kind, entity.Key)
		}
		seen[at] = true
		records = append(records, Record{Kind: entity.Kind, Key: entity.Key, Value: entity.Value})
	}
}

// strict decodes one JSON object that has no other fields than it should.
func strict(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
