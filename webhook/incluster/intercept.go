package incluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/kube"
)

// Intercept takes connections that pods make to AWS's host names, which DNS
// leads here, to the emulator of their namespace. It does not look into them:
// the emulator holds the certificates.
type Intercept struct {
	Client *kube.Client
	Routes *Routes
	Logger *slog.Logger

	mu    sync.Mutex
	known map[string]string // the emulator of an address, as last seen
}

// maxKnown bounds known; a node has fewer pods.
const maxKnown = 4096

// podWait is how long a pod's address may still be unknown: a container can
// start before the kubelet has reported it.
const podWait = 10 * time.Second

// Serve accepts connections until the context ends.
func (i *Intercept) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("intercept: %w", err)
			}
			// No descriptor is free, as under a flood of connections: some will be.
			i.Logger.Warn("intercept", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		open.Go(func() {
			if err := i.carry(ctx, conn); err != nil {
				i.Logger.Warn("intercept", "from", conn.RemoteAddr().String(), "error", err)
			}
		})
	}
}

func (i *Intercept) carry(ctx context.Context, from net.Conn) error {
	defer from.Close()
	host, _, err := net.SplitHostPort(from.RemoteAddr().String())
	if err != nil {
		return err
	}
	emulator, err := i.emulatorOf(ctx, host)
	i.mu.Lock()
	if before := i.known[host]; err != nil && before != "" {
		// On EKS no pod notices that the API server restarts.
		emulator, err = before, nil
	} else if err == nil {
		if i.known == nil || len(i.known) >= maxKnown {
			i.known = map[string]string{}
		}
		i.known[host] = emulator
	}
	i.mu.Unlock()
	if err != nil {
		return err
	}
	to, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(emulator, EmulatorTLSPort))
	if err != nil {
		return err
	}
	join(ctx, from, to, halfPatience)
	return nil
}

const (
	acceptPause = 100 * time.Millisecond
	// halfPatience is how long one side may go on after the other has ended: an
	// answer's rest, not a client that never hangs up.
	halfPatience = 5 * time.Minute
)

// join carries bytes both ways until both sides have ended, and closes to. Resets
// by either side are its own business.
func join(ctx context.Context, from, to net.Conn, patience time.Duration) {
	defer to.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })
	defer stop()
	done := make(chan error, 2)
	pipe := func(dst, src net.Conn) {
		_, err := io.Copy(dst, src)
		if half, ok := dst.(*net.TCPConn); ok {
			err = errors.Join(err, half.CloseWrite())
		}
		done <- err
	}
	go pipe(to, from)
	go pipe(from, to)
	<-done
	limit := time.Now().Add(patience)
	_, _ = from.SetDeadline(limit), to.SetDeadline(limit) // a closed connection needs none
	<-done
}

// emulatorOf is the emulator of the pod with an address. An address of no pod
// is the host's network: it gets the default emulator.
func (i *Intercept) emulatorOf(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, podWait)
	defer cancel()
	for {
		var pods corev1.PodList
		if err := i.Client.Get(ctx, kube.Path("pods", "", "")+"?fieldSelector="+url.QueryEscape("status.podIP="+address), &pods); err != nil {
			return "", fmt.Errorf("the pod at %s: %w", address, err)
		}
		for _, pod := range pods.Items {
			if pod.Spec.HostNetwork {
				return i.Routes.defaultEmulator(ctx)
			}
			if pod.Status.Phase != "Succeeded" && pod.Status.Phase != "Failed" { // an ended pod's address may be another's by now
				host, _, err := i.Routes.Emulator(ctx, pod.Namespace)
				return host, err
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no pod has the address %s", address)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
