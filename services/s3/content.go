package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/state"
)

// Piece is a stretch of an object's bytes: Data itself, or the Blob of that id.
type Piece struct {
	Data []byte `json:"data,omitempty"`
	Blob string `json:"blob,omitempty"`
	Size int64  `json:"size"`
}

// Blob is a stretch of bytes of exactly one object or part. Content is cut into
// blobs so that no single record of the store grows large, and so that an
// upload is kept as it comes in.
type Blob struct {
	ID   string `json:"id"`
	Data []byte `json:"data"`
}

// StateKey is the id.
func (b *Blob) StateKey() string { return b.ID }

const (
	blobSize  = 512 << 10
	inlineMax = 16 << 10 // content up to here is kept in its object
)

// keep stores what r gives, to be owned by an object or part that is put
// afterwards. When it fails, nothing is left.
func (s *Service) keep(c *call, r io.Reader) (pieces []Piece, size int64, err error) {
	defer func() {
		if err != nil {
			s.drop(c, pieces)
			pieces = nil
		}
	}()
	buffer := make([]byte, blobSize)
	for {
		n, err := io.ReadFull(r, buffer)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return pieces, size, err
		}
		last := err != nil
		if size += int64(n); n > 0 {
			piece, err := s.keepPiece(c.HTTP.Context(), buffer[:n], last && len(pieces) == 0 && n <= inlineMax)
			if err != nil {
				return pieces, size, err
			}
			pieces = append(pieces, piece)
		}
		if last {
			return pieces, size, nil
		}
	}
}

func (s *Service) keepPiece(ctx context.Context, data []byte, inline bool) (Piece, error) {
	data = append([]byte(nil), data...)
	if inline {
		return Piece{Data: data, Size: int64(len(data))}, nil
	}
	id, err := uuid.NewRandomFromReader(s.rand)
	if err != nil {
		return Piece{}, fmt.Errorf("s3: making a blob's id: %w", err)
	}
	blob := &Blob{ID: id.String(), Data: data}
	err = s.store.Update(ctx, func(tx *state.Txn) error {
		tx.Put(blob)
		return nil
	})
	return Piece{Blob: blob.ID, Size: int64(len(data))}, err
}

// drop deletes the blobs of content that nothing owns any more. It is done
// after the owner is gone, in small transactions; one that fails leaves blobs
// behind that nobody sees, and is logged.
func (s *Service) drop(c *call, pieces []Piece) {
	const batch = 64
	ctx := context.WithoutCancel(c.HTTP.Context())
	for len(pieces) > 0 {
		n := min(batch, len(pieces))
		err := s.store.Update(ctx, func(tx *state.Txn) error {
			dropIn(tx, pieces[:n])
			return nil
		})
		if err != nil {
			s.log.Warn("s3: content of a deleted object was not removed", "requestId", c.ID, "err", err)
			return
		}
		pieces = pieces[n:]
	}
}

func dropIn(tx *state.Txn, pieces []Piece) {
	for _, p := range pieces {
		if blob, ok := state.Get[*Blob](tx, p.Blob); ok {
			tx.Delete(blob)
		}
	}
}

// reader reads the bytes from offset on.
func reader(r state.Reader, pieces []Piece, offset int64) io.Reader {
	for len(pieces) > 0 && offset >= pieces[0].Size {
		offset -= pieces[0].Size
		pieces = pieces[1:]
	}
	return &contentReader{state: r, pieces: pieces, skip: offset}
}

type contentReader struct {
	state  state.Reader
	pieces []Piece
	skip   int64
	data   []byte
}

func (c *contentReader) Read(b []byte) (int, error) {
	for len(c.data) == 0 {
		if len(c.pieces) == 0 {
			return 0, io.EOF
		}
		p := c.pieces[0]
		c.pieces = c.pieces[1:]
		c.data = p.Data
		if p.Blob != "" {
			blob, ok := state.Get[*Blob](c.state, p.Blob)
			if !ok {
				return 0, fmt.Errorf("s3: blob %s is missing", p.Blob)
			}
			c.data = blob.Data
		}
		c.data = c.data[c.skip:]
		c.skip = 0
	}
	n := copy(b, c.data)
	c.data = c.data[n:]
	return n, nil
}

// cut gives the bytes from first to last as pieces, which own no blob.
func cut(r state.Reader, pieces []Piece, first, last int64) []Piece {
	var found []Piece
	at := int64(0)
	for _, p := range pieces {
		from, to := max(first-at, 0), min(last-at+1, p.Size)
		at += p.Size
		if from >= to {
			continue
		}
		data := p.Data
		if p.Blob != "" {
			if blob, ok := state.Get[*Blob](r, p.Blob); ok {
				data = blob.Data
			}
		}
		if int64(len(data)) < to {
			continue // a missing blob: the length shows it
		}
		found = append(found, Piece{Data: data[from:to], Size: to - from})
	}
	return found
}
