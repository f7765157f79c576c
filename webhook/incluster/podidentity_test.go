package incluster

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
)

// comingUp is an emulator that takes a connection after some tries.
type comingUp struct {
	refused []error
	tries   int
}

func (c *comingUp) RoundTrip(*http.Request) (*http.Response, error) {
	c.tries++
	if c.tries <= len(c.refused) {
		return nil, c.refused[c.tries-1]
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"cluster": "prod", "association": "arn"}`))}, nil
}

// An emulator that starts again, or whose Service kube-proxy has not told the node
// of, is waited for: the pod would be without its role for its life.
func TestEmulatorThatComesUpIsAsked(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	late := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}
	emulator := &comingUp{refused: []error{refused, late, refused}}
	p := &PodIdentity{HTTP: &http.Client{Transport: emulator}}
	found, err := p.ask(t.Context(), "http://10.96.0.7:4772", control.PodIdentityQuery{})
	if err != nil || found.Cluster != "prod" || emulator.tries != 4 {
		t.Errorf("%+v, %v, after %d tries", found, err, emulator.tries)
	}
	// What was said is not asked for again.
	broken := &comingUp{refused: []error{errors.New("the connection was cut")}}
	p = &PodIdentity{HTTP: &http.Client{Transport: broken}}
	if _, err := p.ask(t.Context(), "http://10.96.0.7:4772", control.PodIdentityQuery{}); err == nil || broken.tries != 1 {
		t.Errorf("%v, after %d tries", err, broken.tries)
	}
}
