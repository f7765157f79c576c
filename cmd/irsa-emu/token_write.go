package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/oidc"
)

const tokenLong = `token prints a token of one of the emulator's issuers.

With --write it does for a program what the kubelet does for a pod: it writes a token
to a file and replaces it, by a rename, when four fifths of its life are over. In
containers it is the sidecar that gives an app its AWS_WEB_IDENTITY_TOKEN_FILE by a
volume that both mount. It also replaces the token within a second or so when the
emulator's clock was moved past that, when the issuer's key was rotated, and when the
emulator was reset. It waits for the emulator at the start, and stderr says what it does.`

// tokenFile is what token --write keeps.
type tokenFile struct {
	path, mode  string
	once        bool
	wait        time.Duration
	permissions os.FileMode
}

// check refuses flags that do not go together.
func (f *tokenFile) check(cmd *cobra.Command, life time.Duration) error {
	if f.path == "" {
		for _, name := range []string{"once", "mode", "wait"} {
			if cmd.Flags().Changed(name) {
				return usageError("--%s: is about the file of --write; write --write FILE too", name)
			}
		}
		if cmd.Flags().Changed("write") {
			return usageError("--write: empty; write the name of the file")
		}
		return nil
	}
	mode, err := strconv.ParseUint(f.mode, 8, 32)
	switch {
	case err != nil || mode > 0o777:
		return usageError("--mode %s: write the file's permissions in octal, such as 0644", f.mode)
	case mode&0o444 == 0:
		return usageError("--mode %s: nobody could read the file; write 0644, or 0600 for the user of this process alone", f.mode)
	case f.wait < 0:
		return usageError("--wait %s: it is negative; write 0s to wait for as long as it takes", f.wait)
	case life < 0 && !f.once:
		return usageError("--expires-in %s: an expired token cannot be kept fresh; write --once too, or a time above 0", life)
	}
	f.permissions = os.FileMode(mode)
	if info, err := os.Stat(f.path); err == nil && info.IsDir() {
		return usageError("--write %s: is a folder; write the name of the file, such as %s", f.path, filepath.Join(f.path, "token"))
	}
	return nil
}

// write makes a token the file's content. One file needs no more than a rename; the
// kubelet, which replaces several at once, exchanges a link to their folder.
func (f *tokenFile) write(token string) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return fmt.Errorf("folder of the token: %w", err)
	}
	err := writeByRename(f.path, []byte(token), f.permissions)
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("writing the token: %w: a file that is mounted by itself cannot be replaced; mount its folder", err)
	}
	if err != nil {
		return fmt.Errorf("writing the token: %w", err)
	}
	return nil
}

const (
	// lookAtEmulator is how often the sidecar looks whether its token is still the emulator's.
	lookAtEmulator = time.Second
	// askAgain and sayAgain are how often it asks an emulator that is not there yet, and says so.
	askAgain = 250 * time.Millisecond
	sayAgain = 10 * time.Second
)

// writeToken keeps the file fresh until the context ends.
func (p *program) writeToken(ctx context.Context, c *client, in control.TokenRequest, f tokenFile) error {
	request := func(ctx context.Context) (string, error) { return c.SignToken(ctx, in) }
	token, err := p.firstToken(ctx, c, f.wait, request)
	switch {
	case err != nil && ctx.Err() != nil && !f.once:
		return nil // told to end before there was anything to do
	case err != nil:
		return c.failed(err)
	}
	if err := f.write(token); err != nil {
		return &exitError{exitFailed, err}
	}
	_ = p.complain("irsa-emu: wrote %s: %s", f.path, described(token))
	if f.once {
		return nil
	}
	keeper := harness.TokenKeeper{
		Request: request, Write: f.write, Look: lookAtEmulator,
		Replaced: func(token, why string) {
			_ = p.complain("irsa-emu: wrote %s anew, since %s: %s", f.path, why, described(token))
		},
		Failed: func(err error, due bool) {
			what := "is good so far"
			if due {
				what = "should be replaced by now"
			}
			_ = p.complain("irsa-emu: no new token; the one in %s %s: %v", f.path, what, err)
		},
	}
	keeper.Keep(ctx, token)
	_ = p.complain("irsa-emu: told to end; %s stays as it is", f.path)
	return nil
}

// firstToken asks for a token until there is an emulator to give one. What it
// refuses is refused at once.
func (p *program) firstToken(ctx context.Context, c *client, wait time.Duration, request func(context.Context) (string, error)) (string, error) {
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	var said time.Time
	for {
		token, err := request(ctx)
		if err == nil || !notThereYet(err) {
			return token, err
		}
		if ctx.Err() == nil && time.Since(said) >= sayAgain {
			said = time.Now()
			_ = p.complain("irsa-emu: waiting for the emulator at %s: %v", c.URL, err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", fmt.Errorf("no token within %s from the emulator at %s; --wait waits longer: %w", wait, c.URL, err)
			}
			return "", err
		case <-time.After(askAgain):
		}
	}
}

// notThereYet is whether an error of a request may go by itself when the
// emulator, its store or its name comes up.
func notThereYet(err error) bool {
	var refused *control.Refused
	var url *control.URLError
	if errors.As(err, &refused) {
		return refused.Status >= http.StatusInternalServerError
	}
	return !errors.As(err, &url)
}

// described says whose a token is and how long it lives.
func described(token string) string {
	parsed, err := oidc.ParseUnverified(token)
	if err != nil {
		return "a token that no STS takes: " + err.Error()
	}
	claims := parsed.Claims()
	return fmt.Sprintf("%s of %s for %s, until %s by the emulator's clock", claims.Subject, claims.Issuer,
		strings.Join(claims.OriginalAudience, ", "), time.Unix(claims.Expires, 0).UTC().Format(time.RFC3339))
}
