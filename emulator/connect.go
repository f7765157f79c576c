package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// connected is what answers CONNECT: programs that know AWS by nothing but its
// host names reach the emulator by a proxy, and TLS as AWS's.
type connected struct {
	ca      *localCA
	tunnels *tunnels
}

// connect makes the connection of a CONNECT request one of the TLS listener's. It
// is no proxy: an AWS host is whom the emulator stands for, and others are refused.
func (s *server) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if _, ours := aws.CutEndpoint(host); err != nil || !ours || port != "443" {
		http.Error(w, "irsa-emu stands for AWS's hosts on port 443 and is not a proxy for "+r.Host+"; irsa-emu exec --intercept runs one", http.StatusForbidden)
		return
	}
	c := s.connected.Load()
	if c == nil {
		http.Error(w, "CONNECT needs an emulator that listens, and this is its handler", http.StatusNotImplemented)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT needs a connection of its own: "+err.Error(), http.StatusNotImplemented)
		return
	}
	listener, _ := r.Context().Value(listenerKey{}).(string)
	through := &tunnel{Conn: conn, read: buffered.Reader, listener: listener}
	_ = conn.SetDeadline(time.Time{}) // the TLS listener has its own; a dead connection fails there
	if _, err := buffered.WriteString("HTTP/1.1 200 Connection established\r\n\r\n"); err != nil || buffered.Flush() != nil || !c.tunnels.bring(through) {
		_ = conn.Close()
	}
}

// tunnel is a connection that began with CONNECT.
type tunnel struct {
	net.Conn
	read     *bufio.Reader // may have begun to read what follows
	listener string        // that it came in by
}

func (t *tunnel) Read(p []byte) (int, error) { return t.read.Read(p) }

// throughListener says of a tunnel which listener it came in by: what is open on
// loopback alone must not be open through another one's CONNECT.
func throughListener(ctx context.Context, conn net.Conn) context.Context {
	if outer, ok := conn.(*tls.Conn); ok {
		if t, ok := outer.NetConn().(*tunnel); ok {
			return context.WithValue(ctx, listenerKey{}, t.listener)
		}
	}
	return ctx
}

// tunnels is the listener of connections that CONNECT brings.
type tunnels struct {
	brought chan net.Conn
	closed  chan struct{}
	close   func()
}

func newTunnels() *tunnels {
	t := &tunnels{brought: make(chan net.Conn), closed: make(chan struct{})}
	t.close = sync.OnceFunc(func() { close(t.closed) })
	return t
}

func (t *tunnels) bring(conn net.Conn) bool {
	select {
	case t.brought <- conn:
		return true
	case <-t.closed:
		return false
	}
}

// Accept waits for the next connection.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.brought:
		return conn, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (t *tunnels) Close() error { t.close(); return nil }

// Addr is none.
func (t *tunnels) Addr() net.Addr { return tunnelAddr{} }

type tunnelAddr struct{}

func (tunnelAddr) Network() string { return "connect" }
func (tunnelAddr) String() string  { return "connect" }

// errNoTLS: nothing serves AWS's host names.
var errNoTLS = errors.New("this emulator is called by its handler, and has no listener for AWS's host names")
