package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Forward brings a free port of 127.0.0.1 to a port of a pod, as kubectl
// port-forward does, until the context ends. The result is its address.
func (c *Client) Forward(ctx context.Context, namespace, pod string, port int) (string, error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return "", err
	}
	target, err := url.Parse(c.rest.Get().AbsPath(Path("pods", namespace, pod, "portforward")).URL().String())
	if err != nil {
		return "", err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	ready := make(chan struct{})
	var problem bytes.Buffer
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf(":%d", port)}, ctx.Done(), ready, io.Discard, &problem)
	if err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		switch {
		case ctx.Err() != nil: // which is what ended it
			err = context.Cause(ctx)
		case err == nil:
			err = errors.New("it ended at once")
		}
		return "", fmt.Errorf("forwarding a port to pod %s/%s: %w %s", namespace, pod, err, strings.TrimSpace(problem.String()))
	case <-ready:
	case <-ctx.Done():
		return "", fmt.Errorf("forwarding a port to pod %s/%s: %w", namespace, pod, context.Cause(ctx))
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), nil
}
