package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

// BlobsSuffix is what the folder of a state file's blobs has after the file's name. A blob is a file of it that has the id
// for its name; one that is being written has a suffix of its own. The folder is made when there is something for it.
const BlobsSuffix = ".blobs"

const unfinished = ".part"

type blobs struct{ folder string }

// Blobs are files in a folder beside the state file.
func (s *Store) Blobs() state.Blobs { return &s.blobs }

func (b *blobs) path(id string) (string, error) {
	valid := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-'
	}
	if len(id) == 0 || len(id) > 64 || strings.IndexFunc(id, func(r rune) bool { return !valid(r) }) >= 0 {
		return "", fmt.Errorf("%w: %q cannot be an id", state.ErrNoBlob, id)
	}
	return filepath.Join(b.folder, id), nil
}

func (b *blobs) Create(_ context.Context, id string) (state.BlobWriter, error) {
	path, err := b.path(id)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(b.folder, 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			if err = syncFolder(filepath.Dir(b.folder)); err == nil {
				file, err = os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			}
		}
	}
	if err != nil {
		return nil, b.failed(err)
	}
	return &blobWriter{blobs: b, path: path, file: file}, nil
}

func (b *blobs) failed(err error) error {
	return fmt.Errorf("%w: writing to %s: %w", state.ErrUnavailable, b.folder, err)
}

type blobWriter struct {
	blobs *blobs
	path  string
	file  *os.File
}

func (w *blobWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if err != nil {
		return n, w.blobs.failed(err)
	}
	return n, nil
}

func (w *blobWriter) Commit() error {
	err := w.file.Sync()
	if err = errors.Join(err, w.file.Close()); err == nil {
		err = os.Rename(w.path+unfinished, w.path)
	}
	if err == nil {
		err = syncFolder(w.blobs.folder)
	}
	if err != nil {
		return w.blobs.failed(err)
	}
	return nil
}

func (w *blobWriter) Abort() {
	_ = w.file.Close() // it may be closed; and what is left is found by List
	_ = os.Remove(w.path + unfinished)
}

func (b *blobs) Open(_ context.Context, id string, offset int64) (io.ReadCloser, error) {
	path, err := b.path(id)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", state.ErrNoBlob, path)
	}
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (b *blobs) Remove(_ context.Context, id string) error {
	path, err := b.path(id)
	if err != nil {
		return err
	}
	for _, name := range []string{path, path + unfinished} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b.failed(err)
		}
	}
	return nil
}

func (b *blobs) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(b.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the folder of a state file's contents: %w", err)
	}
	var ids []string
	for _, entry := range entries { // other files are not ours to remove
		if id := strings.TrimSuffix(entry.Name(), unfinished); entry.Type().IsRegular() {
			if _, err := b.path(id); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}
