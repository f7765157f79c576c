package etcdstore

import (
	"context"
	"fmt"
	"io"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// A blob is a run of keys PREFIX/blob/ID/NUMBER, each but the last with blobChunk bytes. They are not below PREFIX/state/:
// no replica loads or watches them.
const blobChunk = 256 << 10

type blobs struct{ store *Store }

// Blobs are keys in etcd, read when they are needed.
func (s *Store) Blobs() state.Blobs { return blobs{s} }

func (b blobs) key(id string, number int64) string {
	return fmt.Sprintf("%s%s/%08d", b.store.keys.blob, id, number)
}

// chunk is how many bytes of a blob go into one key.
func (b blobs) chunk() int { return min(blobChunk, b.store.config.MaxRequestBytes-slack) }

func (b blobs) Create(ctx context.Context, id string) (state.BlobWriter, error) {
	return &blobWriter{ctx: ctx, blobs: b, id: id, buffer: make([]byte, 0, b.chunk())}, nil
}

type blobWriter struct {
	ctx    context.Context
	blobs  blobs
	id     string
	number int64
	buffer []byte
}

func (w *blobWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := min(len(p), cap(w.buffer)-len(w.buffer))
		w.buffer = append(w.buffer, p[:n]...)
		p = p[n:]
		if len(w.buffer) == cap(w.buffer) {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
		written += n
	}
	return written, nil
}

func (w *blobWriter) flush() error {
	_, err := w.blobs.store.txn(w.ctx, nil, []clientv3.Op{clientv3.OpPut(w.blobs.key(w.id, w.number), string(w.buffer))}, nil)
	if err != nil {
		return fmt.Errorf("writing content: %w", err)
	}
	w.number++
	w.buffer = w.buffer[:0]
	return nil
}

// Commit writes what is left; an empty blob has one empty key.
func (w *blobWriter) Commit() error {
	if len(w.buffer) == 0 && w.number > 0 {
		return nil
	}
	return w.flush()
}

// Abort is best effort: what it leaves is found by List.
func (w *blobWriter) Abort() { _ = w.blobs.Remove(context.WithoutCancel(w.ctx), w.id) }

func (b blobs) Open(ctx context.Context, id string, offset int64) (io.ReadCloser, error) {
	chunk := int64(b.chunk())
	return &blobReader{ctx: ctx, blobs: b, id: id, number: offset / chunk, skip: int(offset % chunk)}, nil
}

type blobReader struct {
	ctx    context.Context
	blobs  blobs
	id     string
	number int64
	skip   int
	data   []byte
	last   bool
}

func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.last {
			return 0, io.EOF
		}
		got, err := r.blobs.store.get(r.ctx, r.blobs.key(r.id, r.number))
		if err != nil {
			return 0, fmt.Errorf("reading content: %w", err)
		}
		if len(got.Kvs) == 0 {
			if r.number > 0 && r.skip == 0 {
				return 0, io.EOF // the one before was the last, and full
			}
			return 0, fmt.Errorf("%w: %s", state.ErrNoBlob, r.id)
		}
		value := got.Kvs[0].Value
		r.last = len(value) < r.blobs.chunk()
		r.data = value[min(r.skip, len(value)):]
		r.skip = 0
		r.number++
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *blobReader) Close() error { return nil }

func (b blobs) Remove(ctx context.Context, id string) error {
	_, err := b.store.txn(ctx, nil, []clientv3.Op{clientv3.OpDelete(b.store.keys.blob+id+"/", clientv3.WithPrefix())}, nil)
	return err
}

func (b blobs) List(ctx context.Context) ([]string, error) {
	var ids []string
	from, end := b.store.keys.blob, clientv3.GetPrefixRangeEnd(b.store.keys.blob)
	for {
		page, err := b.store.get(ctx, from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(10_000))
		if err != nil {
			return nil, err
		}
		for _, kv := range page.Kvs {
			id, _, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), b.store.keys.blob), "/")
			if n := len(ids); n == 0 || ids[n-1] != id {
				ids = append(ids, id)
			}
		}
		if !page.More {
			return ids, nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}
