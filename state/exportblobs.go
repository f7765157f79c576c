package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// writeBlob writes a blob in lines.
func writeBlob(ctx context.Context, lines *json.Encoder, blobs Blobs, id string) (err error) {
	content, err := blobs.Open(ctx, id, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	buffer := make([]byte, exportChunk)
	for first := true; ; first = false {
		n, err := io.ReadFull(content, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err != nil && !last && !first:
			return fmt.Errorf("it could be read in part only: %v", err)
		case err != nil && !last:
			return err
		}
		if n > 0 || first {
			if err := lines.Encode(exportBlob{id, buffer[:n]}); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// blobImport makes the blobs of an export, one after the other.
type blobImport struct {
	ctx  context.Context
	to   Blobs
	made map[string]bool
	id   string
	open BlobWriter // of id
}

func (b *blobImport) take(line exportBlob) error {
	if b.open == nil || line.Blob != b.id {
		if err := b.begin(line.Blob); err != nil {
			return err
		}
	}
	_, err := b.open.Write(line.Data)
	return err
}

func (b *blobImport) begin(id string) (err error) {
	if err := b.finish(); err != nil {
		return err
	}
	if b.made[id] {
		return fmt.Errorf("content %q is there twice", id)
	}
	if b.open, err = b.to.Create(b.ctx, id); err != nil {
		return err
	}
	if b.made == nil {
		b.made = map[string]bool{}
	}
	b.id, b.made[id] = id, true
	return nil
}

func (b *blobImport) finish() error {
	if b.open == nil {
		return nil
	}
	err := b.open.Commit()
	b.open = nil
	return err
}

// undo is best effort: what it leaves has no owner, and is found at the next start.
func (b *blobImport) undo() {
	if b.open != nil {
		b.open.Abort()
	}
	for id := range b.made {
		_ = b.to.Remove(context.WithoutCancel(b.ctx), id)
	}
}
