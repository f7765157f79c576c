package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// control speaks with an emulator's control API.
type control struct {
	url    string
	bearer string
	http   *http.Client
}

func newControl(url, token string) *control {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // an emulator is never behind one
	return &control{url: strings.TrimSuffix(url, "/"), bearer: token, http: &http.Client{Transport: transport}}
}

func (c *control) close() { c.http.CloseIdleConnections() }

// maxAnswer bounds what is read of an answer: exported states can be large.
const maxAnswer = 256 << 20

func (c *control) call(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return err
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no emulator answers at %s; start one with: irsa-emu serve", c.url)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		var refused struct{ Error string }
		if json.Unmarshal(answer, &refused) == nil && refused.Error != "" {
			return errors.New(refused.Error)
		}
		return fmt.Errorf("%s %s%s answered %s; is it irsa-emu?", method, c.url, path, resp.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("answer of %s %s: %w", method, path, err)
	}
	return nil
}

// load merges a state into the emulator's.
func (c *control) load(ctx context.Context, s statefile.State) error {
	return c.call(ctx, http.MethodPost, "/_emu/state", s, nil)
}

// tokenRequest is the body of POST /_emu/tokens.
type tokenRequest struct {
	Issuer           string         `json:"issuer,omitempty"`
	ServiceAccount   string         `json:"serviceAccount,omitempty"`
	Subject          string         `json:"subject,omitempty"`
	Audience         []string       `json:"audience,omitempty"`
	ExpiresInSeconds int64          `json:"expiresInSeconds,omitempty"`
	Claims           map[string]any `json:"claims,omitempty"`
	Pod              string         `json:"pod,omitempty"`
	Profile          string         `json:"profile,omitempty"`
}

func (c *control) token(ctx context.Context, r tokenRequest) (string, error) {
	var answer struct{ Token string }
	if err := c.call(ctx, http.MethodPost, "/_emu/tokens", r, &answer); err != nil {
		return "", fmt.Errorf("requesting a token: %w", err)
	}
	return answer.Token, nil
}

func (c *control) rotateKeys(ctx context.Context, issuer string) error {
	return c.call(ctx, http.MethodPost, "/_emu/keys/rotate", map[string]string{"issuer": issuer}, nil)
}

// now is the emulator's time.
func (c *control) now(ctx context.Context) (time.Time, error) {
	var answer struct{ Now time.Time }
	err := c.call(ctx, http.MethodGet, "/_emu/clock", nil, &answer)
	return answer.Now, err
}

// info is where the emulator is when nobody says otherwise.
type info struct{ Account, Region string }

func (c *control) info(ctx context.Context) (info, error) {
	var answer info
	err := c.call(ctx, http.MethodGet, "/_emu/info", nil, &answer)
	return answer, err
}

func (c *control) decision(ctx context.Context, requestID string) (*decision.Decision, error) {
	d := new(decision.Decision)
	if err := c.call(ctx, http.MethodGet, "/_emu/decisions/"+url.PathEscape(requestID), nil, d); err != nil {
		return nil, err
	}
	return d, nil
}

// decisions is what the emulator remembers of all calls, as it gives it.
func (c *control) decisions(ctx context.Context) (json.RawMessage, error) {
	var answer json.RawMessage
	err := c.call(ctx, http.MethodGet, "/_emu/decisions?limit=10000", nil, &answer)
	return answer, err
}
