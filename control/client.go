package control

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
	"github.com/irsa-emu/irsa-emu/term"
)

// Timeout bounds one call of the control API. An exported state can be large,
// and so can one that is loaded.
const Timeout = time.Minute

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 30

// Client calls the control API of one emulator. It may be used concurrently.
type Client struct {
	// URL is where the emulator is, such as http://127.0.0.1:4772.
	URL string
	// Token is the control token; empty where none is asked for.
	Token string
	// HTTP makes the calls. Default: [HTTP].
	HTTP *http.Client
}

// HTTP is a client without a proxy: the one of the environment leads to AWS and
// not to an emulator on this machine or in a cluster. Connections that are idle
// are closed after a while, or with CloseIdleConnections.
func HTTP() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{Transport: transport}
}

// sharedHTTP is for clients that bring none of their own.
var sharedHTTP = HTTP()

// Refused is an answer of the emulator that is an error.
type Refused struct {
	Status  int
	Message string
}

func (e *Refused) Error() string { return e.Message }

// ErrUnreachable is that nothing listens where the emulator should be.
var ErrUnreachable = errors.New("no emulator answers")

// DefaultPort is where the emulator listens when nothing is said (I-R-S-A on a
// telephone's keys), DefaultAddress and DefaultURL are it on loopback.
const (
	DefaultPort    = 4772
	DefaultAddress = "127.0.0.1:4772"
	DefaultURL     = "http://" + DefaultAddress
)

// URLError is that a client's URL is not one of an emulator.
type URLError struct{ URL string }

func (e *URLError) Error() string {
	return fmt.Sprintf("%s: write the emulator's URL, such as %s", e.URL, DefaultURL)
}

// CheckURL is the [URLError] that every call ends with, or nil.
func (c *Client) CheckURL() error {
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return &URLError{c.URL}
	}
	return nil
}

// Info asks for the default account and region.
func (c *Client) Info(ctx context.Context) (Info, error) {
	return answer[Info](ctx, c, GetInfo, nil, nil)
}

// InfoOf asks for the region of an account.
func (c *Client) InfoOf(ctx context.Context, account string) (Info, error) {
	return answer[Info](ctx, c, GetInfo, InfoQuery{Account: account}, nil)
}

// Authority asks who signs for AWS's host names.
func (c *Client) Authority(ctx context.Context) (Authority, error) {
	return answer[Authority](ctx, c, GetAuthority, nil, nil)
}

// State exports the whole state.
func (c *Client) State(ctx context.Context) (statefile.State, error) {
	return answer[statefile.State](ctx, c, GetState, nil, nil)
}

// Load merges a state into the emulator's.
func (c *Client) Load(ctx context.Context, s statefile.State) error {
	return c.call(ctx, PostState, nil, s, nil)
}

// Reset brings the emulator, or one account of it, back to how it started.
func (c *Client) Reset(ctx context.Context, what StateReset) error {
	return c.call(ctx, DeleteState, what, nil, nil)
}

// Issuers lists the issuers that the emulator knows.
func (c *Client) Issuers(ctx context.Context) (Issuers, error) {
	return answer[Issuers](ctx, c, GetIssuers, nil, nil)
}

// PublishKeys gives the emulator the keys of an issuer of somebody else's.
func (c *Client) PublishKeys(ctx context.Context, keys IssuerKeys) error {
	return c.call(ctx, PutIssuer, nil, keys, nil)
}

// ForgetIssuer removes an issuer.
func (c *Client) ForgetIssuer(ctx context.Context, issuerURL string) error {
	return c.call(ctx, DeleteIssuer, IssuerName{issuerURL}, nil, nil)
}

// SignToken requests a token.
func (c *Client) SignToken(ctx context.Context, request TokenRequest) (string, error) {
	token, err := answer[Token](ctx, c, PostToken, nil, request)
	return token.Token, err
}

// Rotate gives an issuer a new signing key. The answer is empty with Sealing.
func (c *Client) Rotate(ctx context.Context, what Rotation) (RotatedKey, error) {
	return answer[RotatedKey](ctx, c, PostRotate, nil, what)
}

// PodIdentity asks for a cluster, and for a service account's association in it.
func (c *Client) PodIdentity(ctx context.Context, query PodIdentityQuery) (PodIdentity, error) {
	return answer[PodIdentity](ctx, c, GetPodIdentity, query, nil)
}

// Clock asks for the emulator's time.
func (c *Client) Clock(ctx context.Context) (Clock, error) {
	return answer[Clock](ctx, c, GetClock, nil, nil)
}

// MoveClock changes the emulator's time.
func (c *Client) MoveClock(ctx context.Context, change ClockChange) (Clock, error) {
	return answer[Clock](ctx, c, PostClock, nil, change)
}

// Decisions asks what the emulator decided, newest first.
func (c *Client) Decisions(ctx context.Context, query DecisionQuery) ([]*decision.Decision, error) {
	got, err := answer[Decisions](ctx, c, GetDecisions, query, nil)
	return got.Decisions, err
}

// Decision asks what it decided about one call.
func (c *Client) Decision(ctx context.Context, requestID string) (*decision.Decision, error) {
	one := GetDecision
	one.Path = strings.Replace(one.Path, "{id}", url.PathEscape(requestID), 1)
	got, err := answer[decision.Decision](ctx, c, one, nil, nil)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// Faults lists the faults in force.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	got, err := answer[Faults](ctx, c, GetFaults, nil, nil)
	return got.Faults, err
}

// AddFault makes matching calls fail.
func (c *Client) AddFault(ctx context.Context, f FaultRequest) (Fault, error) {
	return answer[Fault](ctx, c, PostFault, nil, f)
}

// ClearFaults takes all faults back.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.call(ctx, DeleteFaults, nil, nil, nil)
}

// Ready asks whether the emulator is ready, and gives what there is to know all the
// same, which may be nothing. Where it is not, the error says why.
func (c *Client) Ready(ctx context.Context) (string, error) {
	status, says, err := c.send(ctx, http.MethodGet, "/readyz", nil)
	text := strings.TrimSpace(string(says))
	switch {
	case err != nil:
		return "", err
	case status == http.StatusServiceUnavailable:
		return "", &Refused{status, text}
	case status != http.StatusOK:
		return "", c.foreign(http.MethodGet, "/readyz", status)
	}
	_, but, _ := strings.Cut(text, "\n") // after the line that answers
	return but, nil
}

func answer[T any](ctx context.Context, c *Client, e Endpoint, query, body any) (T, error) {
	var into T
	err := c.call(ctx, e, query, body, &into)
	return into, err
}

// call sends body, if any, and reads the answer into into, if any.
func (c *Client) call(ctx context.Context, e Endpoint, query, body, into any) error {
	path := e.Path
	if query != nil {
		path += queryOf(query)
	}
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return fmt.Errorf("request body of %s: %w", e, err)
		}
	}
	status, says, err := c.send(ctx, e.Method, path, content)
	if err != nil {
		return err
	}
	if status >= 300 {
		var refused Error
		if json.Unmarshal(says, &refused) != nil || refused.Error == "" {
			return c.foreign(e.Method, path, status)
		}
		return &Refused{status, refused.Error}
	}
	if into == nil || status == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(says, into); err != nil {
		return fmt.Errorf("the answer of %s %s%s is not what irsa-emu gives: %w", e.Method, c.URL, path, term.JSON(err))
	}
	return nil
}

// foreign is an answer that no emulator gives.
func (c *Client) foreign(method, path string, status int) error {
	return &Refused{status, fmt.Sprintf("%s %s%s answered %d %s; is it irsa-emu?", method, strings.TrimSuffix(c.URL, "/"), path, status, http.StatusText(status))}
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) (status int, says []byte, err error) {
	if err := c.CheckURL(); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Timeout, fmt.Errorf("%s %s%s took longer than %s", method, c.URL, path, Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := c.HTTP
	if client == nil {
		client = sharedHTTP
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil, fmt.Errorf("%w at %s; start one with: irsa-emu serve", ErrUnreachable, c.URL)
	}
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	says, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("answer of %s %s%s: %w", method, c.URL, path, err)
	case len(says) > maxAnswer:
		return 0, nil, fmt.Errorf("the answer of %s %s%s is larger than %d MiB", method, c.URL, path, maxAnswer>>20)
	}
	return resp.StatusCode, says, nil
}
