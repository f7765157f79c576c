package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// ServeConfig is where an agent listens.
type ServeConfig struct {
	// Bind are the addresses for pods, without port.
	Bind []string
	// SkipMissing leaves out addresses that this machine does not have (a node
	// without IPv6), unless it has none of them.
	SkipMissing bool
	// Port for pods; 0 picks a free one for each address.
	Port int
	// ProbePort on localhost; -1 for no probes.
	ProbePort int
	// MetricsAddress and MetricsPort; -1 for no metrics.
	MetricsAddress string
	MetricsPort    int
	// Gatherer has the metrics.
	Gatherer prometheus.Gatherer
	// Ready is told the addresses for pods once all listen; it may be nil.
	Ready func(addresses []string)
}

// timeouts are upstream's: 30 s for a request, 35 s for those in flight at the end.
const (
	requestTimeout = 30 * time.Second
	drainTimeout   = 35 * time.Second
	probeTimeout   = 10 * time.Second
)

// Serve listens on all addresses until the context ends, and renews the cache.
func (a *Agent) Serve(ctx context.Context, c ServeConfig) error {
	var all []server
	closeAll := func() {
		for _, s := range all {
			s.listener.Close()
		}
	}
	open := func(host string, port int, handler http.Handler) (string, error) {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return "", err
		}
		all = append(all, server{l, &http.Server{Handler: handler, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}})
		return l.Addr().String(), nil
	}
	var addresses []string
	var missing error
	for _, host := range c.Bind {
		address, err := open(host, c.Port, a.Handler())
		switch {
		case err == nil:
			addresses = append(addresses, address)
		case c.SkipMissing && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)):
			missing = errors.Join(missing, fmt.Errorf("--bind %s: %w", host, err))
			a.config.Logger.Warn("an address is left out", "error", err)
		default:
			closeAll()
			return fmt.Errorf("--bind %s: %w", host, err)
		}
	}
	if len(addresses) == 0 {
		return fmt.Errorf("%w; irsa-emu agent initialize gives the node these addresses, --bind 127.0.0.1 listens on this machine alone", missing)
	}
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	probe := probe(addresses, client)
	if c.ProbePort >= 0 {
		if _, err := open("localhost", c.ProbePort, probe); err != nil {
			closeAll()
			return fmt.Errorf("--probe-port %d: %w", c.ProbePort, err)
		}
	}
	if c.MetricsPort >= 0 {
		mux := http.NewServeMux()
		mux.Handle("/", probe)
		mux.Handle("/metrics", promhttp.HandlerFor(c.Gatherer, promhttp.HandlerOpts{}))
		if _, err := open(c.MetricsAddress, c.MetricsPort, mux); err != nil {
			closeAll()
			return fmt.Errorf("--metrics-port %d: %w", c.MetricsPort, err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range all {
		group.Go(func() error { return s.serve(ctx) })
	}
	group.Go(func() error { a.Run(ctx); return nil })
	if c.Ready != nil {
		c.Ready(addresses)
	}
	return group.Wait()
}

type server struct {
	listener net.Listener
	*http.Server
}

func (s server) serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := s.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close() // what has not ended by now is cut off, such as a connection that was opened for nothing
	}
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// probe answers /readyz and /healthz with 200 while every address answers as the
// agent does: 404 for a path that it does not have.
func probe(addresses []string, client *http.Client) http.Handler {
	check := func(ctx context.Context) error {
		for _, address := range addresses {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
			if err != nil {
				return err
			}
			res, err := client.Do(req)
			if err != nil {
				return err
			}
			res.Body.Close()
			if res.StatusCode != http.StatusNotFound {
				return fmt.Errorf("%s answers %s, not 404: another program listens there", address, res.Status)
			}
		}
		return nil
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		switch err := check(ctx); {
		case err == nil:
		case errors.Is(err, context.DeadlineExceeded):
			w.WriteHeader(http.StatusRequestTimeout)
		default:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "Internal Server Error occurred")
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", handler)
	mux.HandleFunc("/healthz", handler)
	return mux
}

func isIPv6(address string) bool { return strings.Contains(address, ":") }
