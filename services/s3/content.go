package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// Piece is a stretch of an object's bytes: Data itself, or the blob of that id.
type Piece struct {
	Data []byte `json:"data,omitempty"`
	Blob string `json:"blob,omitempty"`
	Size int64  `json:"size"`
	// CRC32C is of the blob's bytes; nil where it is not known.
	CRC32C *uint32 `json:"crc32c,omitempty"`
}

// inlineMax is up to how many bytes content is kept in its object; more is a
// blob. A blob has one owner: an object, a version or a part.
const inlineMax = 16 << 10

// keep stores what r gives, to be owned by an object or part that is put
// afterwards: settle says what became of that. When it fails, nothing is left.
func (k *contents) keep(ctx context.Context, r io.Reader) (pieces []Piece, size int64, err error) {
	head := make([]byte, inlineMax+1)
	n, err := io.ReadFull(r, head)
	switch {
	case errors.Is(err, io.EOF):
		return nil, 0, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return []Piece{{Data: bytes.Clone(head[:n]), Size: int64(n)}}, int64(n), nil // no more is kept than there is
	case err != nil:
		return nil, 0, bodyError(err)
	}
	id, err := uuid.NewV7FromReader(k.rand)
	if err != nil {
		return nil, 0, fmt.Errorf("s3: making a blob's id: %w", err)
	}
	piece := Piece{Blob: id.String()}
	k.claim(piece.Blob)
	if err := k.write(ctx, &piece, head, r); err != nil {
		k.discard(ctx, []Piece{piece})
		return nil, 0, err
	}
	return []Piece{piece}, piece.Size, nil
}

// copyBuffer is how much of a blob is in memory at a time.
const copyBuffer = 256 << 10

func (k *contents) write(ctx context.Context, p *Piece, head []byte, r io.Reader) error {
	w, err := k.store.Blobs().Create(ctx, p.Blob)
	if err != nil {
		return fmt.Errorf("s3: storing content: %w", err)
	}
	sum := crc32.New(castagnoli())
	buffer := make([]byte, copyBuffer)
	for n, last := copy(buffer, head), error(nil); ; {
		sum.Write(buffer[:n])
		p.Size += int64(n)
		if _, err := w.Write(buffer[:n]); err != nil {
			w.Abort()
			return fmt.Errorf("s3: storing content: %w", err)
		}
		if last != nil {
			break
		}
		if n, last = io.ReadFull(r, buffer); last != nil && !errors.Is(last, io.EOF) && !errors.Is(last, io.ErrUnexpectedEOF) {
			w.Abort()
			return bodyError(last)
		}
	}
	if err := w.Commit(); err != nil {
		w.Abort()
		return fmt.Errorf("s3: storing content: %w", err)
	}
	value := sum.Sum32()
	p.CRC32C = &value
	return nil
}

// open reads content from an offset on. What it reads is not removed before it
// is closed.
func (k *contents) open(ctx context.Context, pieces []Piece, offset int64) io.ReadCloser {
	k.pin(pieces)
	c := &contentReader{contents: k, ctx: ctx, all: pieces}
	for len(pieces) > 0 && offset >= pieces[0].Size {
		offset -= pieces[0].Size
		pieces = pieces[1:]
	}
	c.pieces, c.skip = pieces, offset
	return c
}

type contentReader struct {
	contents *contents
	ctx      context.Context
	all      []Piece // pinned
	pieces   []Piece // to come
	skip     int64

	data []byte // of an inline piece
	blob io.ReadCloser
	of   Piece       // blob's
	left int64       // of blob
	sum  hash.Hash32 // nil while only a part of it is read
}

func (c *contentReader) Read(b []byte) (int, error) {
	for len(c.data) == 0 && c.blob == nil {
		if len(c.pieces) == 0 {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.data) > 0 {
		n := copy(b, c.data)
		c.data = c.data[n:]
		return n, nil
	}
	n, err := c.blob.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if c.sum != nil {
		c.sum.Write(b[:n])
	}
	switch {
	case c.left == 0:
		err = c.endBlob()
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("s3: content %s is too short by %d bytes", c.of.Blob, c.left)
	}
	return n, err
}

func (c *contentReader) next() (err error) {
	p := c.pieces[0]
	if p.Blob == "" {
		c.data = p.Data[c.skip:]
	} else {
		if c.blob, err = c.contents.store.Blobs().Open(c.ctx, p.Blob, c.skip); err != nil {
			return fmt.Errorf("s3: reading content: %w", err)
		}
		c.of, c.left, c.sum = p, p.Size-c.skip, nil
		if c.skip == 0 && p.CRC32C != nil {
			c.sum = crc32.New(castagnoli())
		}
	}
	c.pieces, c.skip = c.pieces[1:], 0
	return nil
}

func (c *contentReader) endBlob() error {
	err := c.blob.Close()
	c.blob = nil
	if c.sum != nil && c.sum.Sum32() != *c.of.CRC32C {
		return fmt.Errorf("s3: content %s is not what was written: its checksum differs", c.of.Blob)
	}
	return err
}

// Close lets what was read be removed.
func (c *contentReader) Close() error {
	var err error
	if c.blob != nil {
		err = c.blob.Close()
		c.blob = nil
	}
	c.contents.unpin(c.all)
	c.all, c.pieces = nil, nil
	return err
}
