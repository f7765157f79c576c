package incluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/tunnel"
)

// Intercept takes connections that pods make to AWS's host names, which DNS
// leads here, to the emulator of their namespace. It does not look into them:
// the emulator holds the certificates.
type Intercept struct {
	Client *kube.Client
	Routes *Routes
	Logger *slog.Logger
	// Handshakes is told of the handshakes that clients break off; it may be nil.
	Handshakes *Handshakes

	mu    sync.Mutex
	known map[string]caller // by address, as last seen
}

// caller is who opened a connection, and the emulator of its namespace.
type caller struct {
	namespace, pod, serviceAccount string // empty for a program on the host's network
	emulator                       string
	trusts                         []string // as [trusts] has it
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
	who, err := i.callerAt(ctx, host)
	i.mu.Lock()
	if before, known := i.known[host]; err != nil && known {
		// On EKS no pod notices that the API server restarts.
		who, err = before, nil
	} else if err == nil {
		if i.known == nil || len(i.known) >= maxKnown {
			i.known = map[string]caller{}
		}
		i.known[host] = who
	}
	i.mu.Unlock()
	if err != nil {
		return err
	}
	to, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(who.emulator, EmulatorTLSPort))
	if err != nil {
		return err
	}
	tunnel.Join(ctx, from, to, halfPatience, func(broken *tunnel.BrokenOff) { i.Handshakes.note(who, broken.Host, broken.Reason) })
	return nil
}

const (
	acceptPause = 100 * time.Millisecond
	// halfPatience is how long one side may go on after the other has ended: an
	// answer's rest, not a client that never hangs up.
	halfPatience = 5 * time.Minute
)

// callerAt is the pod with an address. One of no pod is the host's network,
// whose programs get the default emulator: at once if it is a node's own, or the
// end of a node's bridge to its pods, by which the node masquerades; else when
// no pod has come to have it.
func (i *Intercept) callerAt(ctx context.Context, address string) (caller, error) {
	patience, cancel := context.WithTimeout(ctx, podWait)
	defer cancel()
	for first := true; ; first = false {
		var pods corev1.PodList
		err := i.Client.Get(patience, kube.Path("pods", "", "")+"?fieldSelector="+url.QueryEscape("status.podIP="+address), &pods)
		if err != nil && (first || patience.Err() == nil) { // no answer says nothing of whose address it is; later ones only that no pod came
			return caller{}, fmt.Errorf("the pod at %s: %w", address, err)
		}
		for _, pod := range pods.Items {
			if pod.Spec.HostNetwork {
				return i.onHost(ctx)
			}
			if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed { // an ended pod's address may be another's by now
				host, _, err := i.Routes.Emulator(ctx, pod.Namespace)
				return caller{pod.Namespace, pod.Name, pod.Spec.ServiceAccountName, host, trusts(&pod)}, err
			}
		}
		if first {
			node, err := i.ofNode(ctx, address)
			if err != nil {
				i.Logger.Warn("intercept: the nodes' addresses", "error", err)
			}
			if node {
				return i.onHost(ctx)
			}
		}
		select {
		case <-patience.Done():
			if ctx.Err() != nil {
				return caller{}, ctx.Err()
			}
			return i.onHost(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (i *Intercept) onHost(ctx context.Context) (caller, error) {
	emulator, err := i.Routes.defaultEmulator(ctx)
	return caller{emulator: emulator}, err
}

// ofNode says whether an address is a node's, or the first of its pods' range.
func (i *Intercept) ofNode(ctx context.Context, address string) (bool, error) {
	wanted, err := netip.ParseAddr(address)
	if err != nil {
		return false, err
	}
	wanted = wanted.Unmap()
	var nodes corev1.NodeList
	if err := i.Client.Get(ctx, kube.Path("nodes", "", ""), &nodes); err != nil {
		return false, err
	}
	for _, node := range nodes.Items {
		for _, a := range node.Status.Addresses {
			if own, err := netip.ParseAddr(a.Address); err == nil && own.Unmap() == wanted {
				return true, nil
			}
		}
		for _, cidr := range append(node.Spec.PodCIDRs, node.Spec.PodCIDR) {
			if prefix, err := netip.ParsePrefix(cidr); err == nil && (prefix.Masked().Addr() == wanted || prefix.Masked().Addr().Next() == wanted) {
				return true, nil
			}
		}
	}
	return false, nil
}
