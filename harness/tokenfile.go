package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// tokenFile is a projected token on disk, laid out as the kubelet does it: the
// file is a link into ..data, which is a link to a folder with the time in its
// name. A new token goes into a new folder and becomes visible by one rename,
// so that a reader never sees half of one.
type tokenFile struct {
	dir   string
	name  string // of the file
	count int
}

// Path is what the SDKs are told.
func (f *tokenFile) Path() string { return filepath.Join(f.dir, f.name) }

func newTokenFile(dir, name, token string) (*tokenFile, error) {
	f := &tokenFile{dir: dir, name: name}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the token: %w", err)
	}
	if err := f.write(token); err != nil {
		return nil, err
	}
	if err := os.Symlink(filepath.Join("..data", f.name), f.Path()); err != nil {
		return nil, fmt.Errorf("linking the token: %w", err)
	}
	return f, nil
}

func (f *tokenFile) write(token string) error {
	f.count++
	data := filepath.Join(f.dir, "..data")
	before, _ := os.Readlink(data) // none at first
	name := fmt.Sprintf("..%s.%d", time.Now().UTC().Format("2006_01_02_15_04_05"), f.count)
	if err := os.Mkdir(filepath.Join(f.dir, name), 0o700); err != nil {
		return fmt.Errorf("folder of the token: %w", err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, name, f.name), []byte(token), 0o600); err != nil {
		return fmt.Errorf("writing the token: %w", err)
	}
	next := filepath.Join(f.dir, "..data_tmp")
	if err := os.Symlink(name, next); err != nil {
		return fmt.Errorf("linking the token: %w", err)
	}
	if err := os.Rename(next, data); err != nil {
		return fmt.Errorf("linking the token: %w", err)
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(f.dir, before))
}
