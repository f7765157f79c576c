package boltstore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"github.com/irsa-emu/irsa-emu/state"
)

// Format is the version of the file's layout that this package writes. It reads older ones by migrating them.
const Format = 1

var (
	metaBucket     = []byte("meta")
	entitiesBucket = []byte("entities")
	summaryKey     = []byte("summary")
)

// A record's value is checksum (4 bytes), revision (8), JSON; numbers are big-endian. The checksum also covers the kind and
// the key, so that a record in the wrong place is as wrong as an altered one.
const recordHeader = 4 + 8

// castagnoli is read only.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeRecord(kind, key string, revision int64, value []byte) (encoded []byte, sum uint32) {
	encoded = make([]byte, recordHeader+len(value))
	binary.BigEndian.PutUint64(encoded[4:], uint64(revision))
	copy(encoded[recordHeader:], value)
	sum = checksum(kind, key, encoded)
	binary.BigEndian.PutUint32(encoded, sum)
	return encoded, sum
}

// decodeRecord gives the record and its checksum. The record's value is part of what is given.
func decodeRecord(kind, key string, encoded []byte) (state.Record, uint32, error) {
	if len(encoded) < recordHeader {
		return state.Record{}, 0, fmt.Errorf("%s %q has %d bytes, fewer than a record", kind, key, len(encoded))
	}
	sum := binary.BigEndian.Uint32(encoded)
	if sum != checksum(kind, key, encoded) {
		return state.Record{}, 0, fmt.Errorf("%s %q does not have the checksum it was written with", kind, key)
	}
	revision := int64(binary.BigEndian.Uint64(encoded[4:]))
	return state.Record{Kind: kind, Key: key, Value: encoded[recordHeader:], Revision: revision}, sum, nil
}

func checksum(kind, key string, encoded []byte) uint32 {
	lengths := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), uint32(len(key)))
	sum := crc32.Checksum(lengths, castagnoli)
	sum = crc32.Update(sum, castagnoli, []byte(kind))
	sum = crc32.Update(sum, castagnoli, []byte(key))
	return crc32.Update(sum, castagnoli, encoded[4:])
}

// summary is what the file says of itself. Every commit writes it.
type summary struct {
	Format   int    `json:"format"`
	Revision int64  `json:"revision"`
	Entities int64  `json:"entities"`
	Sum      uint64 `json:"sum"` // of all records' checksums, modulo 2^64
}

func (s *summary) add(sum uint32)    { s.Entities++; s.Sum += uint64(sum) }
func (s *summary) remove(sum uint32) { s.Entities--; s.Sum -= uint64(sum) }

func (s summary) encode() ([]byte, error) {
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(encoded, crc32.Checksum(encoded, castagnoli)), nil
}

func decodeSummary(encoded []byte) (summary, error) {
	var s summary
	if encoded == nil {
		return s, errors.New("its summary is missing")
	}
	end := len(encoded) - 4
	if end < 0 || binary.BigEndian.Uint32(encoded[end:]) != crc32.Checksum(encoded[:end], castagnoli) {
		return s, errors.New("its summary does not have the checksum it was written with")
	}
	if err := json.Unmarshal(encoded[:end], &s); err != nil {
		return s, fmt.Errorf("its summary cannot be read: %w", err)
	}
	return s, nil
}

// migration changes a file of one format into the next one, inside the transaction it is given. It need not write the
// summary's format, and must keep its other fields true.
type migration func(tx *bolt.Tx, s *summary) error

// migrations has, at n-1, what leads from format n to n+1.
func migrations() []migration { return nil }

// migrate brings the file to the newest format, one more than there are steps, in one transaction.
func migrate(db *bolt.DB, s summary, steps []migration) (summary, error) {
	newest := len(steps) + 1
	if s.Format < 1 {
		return s, fmt.Errorf("it has format %d, which never was", s.Format)
	}
	if s.Format == newest {
		return s, nil
	}
	err := db.Update(func(tx *bolt.Tx) error {
		for ; s.Format < newest; s.Format++ {
			if err := steps[s.Format-1](tx, &s); err != nil {
				return fmt.Errorf("migrating it from format %d: %w", s.Format, err)
			}
		}
		return putSummary(tx, s)
	})
	return s, err
}

func putSummary(tx *bolt.Tx, s summary) error {
	encoded, err := s.encode()
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(summaryKey, encoded)
}
