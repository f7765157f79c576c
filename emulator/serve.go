package emulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// ServeConfig says where an emulator listens.
type ServeConfig struct {
	// Listen is a host and port; port 0 picks a free one.
	Listen string
	// TLSListen is another for HTTPS, or empty. DataDir then keeps the local
	// CA, whose certificate clients are to trust: DataDir/ca.pem.
	TLSListen string
	DataDir   string
	// Ready is called once both listeners accept, with their URLs; an error stops the server.
	Ready func(url, tlsURL string) error
	// Once the context ends, /readyz says so, and the emulator goes on answering
	// for Linger, so that a load balancer can stop sending calls. Default: not at all.
	Linger time.Duration
	// Drain bounds how long requests under way may take after that. Default 10 s.
	Drain time.Duration
	// Hurry ends both at once when it is closed or sent to; nil never does.
	Hurry <-chan struct{}
}

// server listens, and knows whether calls should be sent here.
type server struct {
	handler http.Handler
	store   *state.Store
	log     *slog.Logger
	// now is the time by which certificates are made.
	now func() time.Time

	connected atomic.Pointer[connected] // nil: the handler alone is used
	draining  atomic.Bool               // from the end of Serve's context on
	underWay  atomic.Int64              // requests that are being answered
}

// ServeHTTP counts what is under way.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	if r.Method == http.MethodConnect {
		s.connect(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// serve answers on the configured addresses until the context ends, then lets
// requests under way finish.
func (s *server) serve(ctx context.Context, c ServeConfig) error {
	if c.Drain == 0 {
		c.Drain = 10 * time.Second
	}
	plain, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	ca, err := s.ca(c)
	if err != nil {
		return errors.Join(err, plain.Close())
	}
	listeners := []net.Listener{plain}
	var tlsURL string
	if c.TLSListen != "" {
		inner, err := listen(ctx, c.TLSListen)
		if err != nil {
			return errors.Join(err, plain.Close())
		}
		listeners = append(listeners, tls.NewListener(inner, ca.config()))
		tlsURL = "https://" + reachable(inner.Addr())
	}
	run := s.start(ca, listeners...)
	if c.Ready != nil {
		if err := c.Ready("http://"+reachable(plain.Addr()), tlsURL); err != nil {
			return errors.Join(err, s.shutdown(run, ServeConfig{}))
		}
	}
	select {
	case <-ctx.Done():
		return s.shutdown(run, c)
	case err := <-run.failed:
		run.loops--
		return errors.Join(err, s.shutdown(run, ServeConfig{}))
	}
}

// ca is who signs for AWS's host names: kept where there is an HTTPS listener,
// whose clients have its certificate from a file.
func (s *server) ca(c ServeConfig) (*localCA, error) {
	if c.TLSListen == "" {
		return newCA(s.now)
	}
	return keptCA(c.DataDir, s.now)
}

// run is a server on its listeners.
type run struct {
	http   *http.Server
	failed chan error // what the accept loops end with
	loops  int
}

// start answers on the listeners, and on what CONNECT brings to one of them.
func (s *server) start(ca *localCA, listeners ...net.Listener) *run {
	through := newTunnels()
	s.connected.Store(&connected{ca, through})
	listeners = append(listeners, tls.NewListener(through, ca.config()))
	r := &run{http: usualLimits.newServer(s, s.log), failed: make(chan error, len(listeners)), loops: len(listeners)}
	r.http.BaseContext, r.http.ConnContext = withListener, throughListener
	for _, l := range listeners {
		go func() { r.failed <- r.http.Serve(l) }()
	}
	return r
}

// reachable is an address that this machine's clients can call: a wildcard is
// none, and goes by the name of [::] whatever was asked for.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return a.String()
}

// shutdown drains the server and waits for its accept loops: not ready from now
// on, then no new connections, and idle ones closed, then what is under way.
// What is cut off in the end is said in the log.
func (s *server) shutdown(r *run, c ServeConfig) error {
	s.draining.Store(true)
	r.http.SetKeepAlivesEnabled(false) // who is answered now comes back by another connection
	ctx, cancel := context.WithTimeout(context.Background(), c.Linger+c.Drain)
	defer cancel()
	go func() {
		select {
		case <-c.Hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	linger := time.NewTimer(c.Linger)
	defer linger.Stop()
	select {
	case <-linger.C:
	case <-ctx.Done():
	}
	var errs []error
	if err := r.http.Shutdown(ctx); err != nil {
		if n := s.underWay.Load(); n > 0 {
			s.log.Warn("requests were cut off at the end", "requests", n, "after", c.Linger+c.Drain, "hurried", errors.Is(err, context.Canceled))
		}
		errs = append(errs, r.http.Close())
	}
	for range r.loops {
		if err := <-r.failed; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return l, nil
}

// BeyondLoopback is whether an address to listen on is reachable from other machines.
func BeyondLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "" || !isLoopback(host))
}
