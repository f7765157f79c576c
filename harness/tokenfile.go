package harness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// refreshAt is how much of a token's life passes before the kubelet asks for
// a new one.
const refreshAt = 0.8

// keepFresh replaces the token when four fifths of its life are over, until
// ctx ends. A failed request is repeated, less and less often; complain hears
// of it.
func (f *tokenFile) keepFresh(ctx context.Context, token string, request func(context.Context) (string, error), complain func(error)) {
	retry := time.Second
	wait := untilRefresh(token)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		next, err := request(ctx)
		if err == nil {
			err = f.write(next)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			complain(err)
			wait, retry = retry, min(2*retry, time.Minute)
		default:
			wait, retry = untilRefresh(next), time.Second
		}
	}
}

// untilRefresh reads how long a token lives. Its own iat and exp say so,
// whatever the emulator's clock; it is used on this machine's time.
func untilRefresh(token string) time.Duration {
	const unknown = time.Hour // the kubelet's own default life of a token
	life := unknown
	if parts := strings.Split(token, "."); len(parts) == 3 {
		var claims struct {
			IssuedAt int64 `json:"iat"`
			Expires  int64 `json:"exp"`
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.Expires > claims.IssuedAt {
			life = time.Duration(claims.Expires-claims.IssuedAt) * time.Second
		}
	}
	return max(time.Duration(refreshAt*float64(life)), 100*time.Millisecond)
}
