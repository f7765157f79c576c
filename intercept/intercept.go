package intercept

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/tunnel"
)

// Mode is how a command is led to the emulator.
type Mode string

// The modes.
const (
	// Auto is names where they are to be had on the machine's own network, else a proxy.
	Auto Mode = "auto"
	// Proxy is HTTPS_PROXY.
	Proxy Mode = "proxy"
	// Hosts is names, if need be with a network of the command's own: it has AWS's
	// hosts, what listened on this machine's loopback when the command was started,
	// and a proxy to all others.
	Hosts Mode = "hosts"
)

// Modes lists them.
var Modes = []Mode{Auto, Proxy, Hosts}

// Config says what to lead where.
type Config struct {
	Mode Mode
	// Emulator is its URL, and Authority the PEM certificate of who signs for AWS's
	// host names there.
	Emulator  string
	Authority []byte
	// Served are the names, with a dot at their end, of the hosts that the emulator
	// serves: emulator.HostPattern. Nil: they have the forms that all of AWS's endpoints have.
	Served *regexp.Regexp
	// Environ is the environment that the command would have otherwise.
	Environ []string
	// Dir is a folder of the command's, for files that it reads.
	Dir string
	// Distrusted hears of a program that broke off a TLS handshake for one of AWS's
	// hosts, and why; nil does not. It is called from many goroutines.
	Distrusted func(host, reason string)
	// Helper is the command line of a program that calls [Enter] with what comes
	// after it. Without one there is no mode but Proxy.
	Helper []string
}

// Running is a command that was started.
type Running struct {
	Cmd *exec.Cmd
	// Mode is Proxy or Hosts.
	Mode Mode

	proxy *proxyServer // nil: none
	cut   context.CancelFunc
	end   []func() error
}

// patience is how long Stop waits for what the command said last.
const patience = 5 * time.Second

// unavailable is that this machine does not let us lead commands in some way.
type unavailable struct{ reason error }

func (e *unavailable) Error() string { return e.reason.Error() }
func (e *unavailable) Unwrap() error { return e.reason }

// Start starts the command that is made with an environment. An error says that
// it has not run.
func Start(ctx context.Context, c Config, command func(environ []string) *exec.Cmd) (*Running, error) {
	emulator, err := url.Parse(c.Emulator)
	if err != nil {
		return nil, err
	}
	trust, err := newTrust(c.Dir, c.Authority, c.Environ)
	if err != nil {
		return nil, err
	}
	s := &starter{Config: c, emulator: emulator, trust: trust, command: command}
	var reasons []string
	for _, way := range ways[c.Mode] {
		running, err := s.start(ctx, way)
		var not *unavailable
		if err == nil || !errors.As(err, &not) {
			return running, err
		}
		if text := err.Error(); !slices.Contains(reasons, text) {
			reasons = append(reasons, text)
		}
	}
	return nil, &Impossible{strings.Join(reasons, "; ")}
}

// Impossible is that this machine gives no command host names of its own.
type Impossible struct{ Why string }

func (e *Impossible) Error() string {
	return "this machine gives a command no host names of its own (" + e.Why + "); write --intercept=proxy for a program that reads HTTPS_PROXY, or in a container of Docker's start it with --cap-add SYS_ADMIN --security-opt apparmor=unconfined"
}

// way is a mode, as it is tried.
type way int

const (
	byProxy      way = iota
	byNames          // on the machine's network
	byOwnNetwork     // names, on a network of the command's own
)

var ways = map[Mode][]way{Proxy: {byProxy}, Auto: {byNames, byProxy}, Hosts: {byNames, byOwnNetwork}}

// starter is what all ways need.
type starter struct {
	Config
	emulator *url.URL
	trust    *trust
	command  func(environ []string) *exec.Cmd
}

func (s *starter) start(ctx context.Context, w way) (*Running, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the command may go on for a while when ctx has ended
	r := &Running{Mode: Hosts, cut: cancel}
	var err error
	if w == byProxy {
		r.Mode = Proxy
		err = s.startByProxy(ctx, r)
	} else {
		err = s.startByNames(ctx, r, w == byOwnNetwork)
	}
	if err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

// Stop ends what serves the command, which has ended and so have its connections:
// what is still to be read of them may be why it failed. Connections of programs
// that it left behind are cut.
func (r *Running) Stop() error {
	defer r.cut()
	defer time.AfterFunc(patience, r.cut).Stop()
	var errs []error
	for _, end := range r.end {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// Unasked says that the command was to reach AWS's hosts by a proxy, and has
// asked it for none.
func (r *Running) Unasked() bool { return r.Mode == Proxy && r.proxy.asked.Load() == 0 }

func (s *starter) startByProxy(ctx context.Context, r *Running) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("a proxy on loopback: %w", err)
	}
	user := proxyUser()
	s.serveProxy(ctx, r, l, user)
	r.Cmd = s.command(append(s.Environ, s.proxied(l.Addr().String(), user)...))
	return r.Cmd.Start()
}

func proxyUser() *url.Userinfo { return url.UserPassword("irsa-emu", rand.Text()) }

func (s *starter) serveProxy(ctx context.Context, r *Running, l net.Listener, user *url.Userinfo) {
	r.proxy = newProxy(ctx, s, user)
	r.proxy.serve(l)
	r.end = append(r.end, r.proxy.stop)
}

func (s *starter) brokenOff(b *tunnel.BrokenOff) {
	if s.Distrusted != nil {
		s.Distrusted(b.Host, b.Reason)
	}
}

// proxied are the variables of a command with a proxy and the authorities. The
// proxy itself knows which hosts go by none: entries of NO_PROXY for AWS's hosts
// must not keep them from it.
func (s *starter) proxied(address string, user *url.Userinfo) []string {
	proxy := (&url.URL{Scheme: "http", User: user, Host: address}).String()
	// Java reads no such variable, and its own clients could not bring a password for
	// AWS's hosts alone: AWS's SDKs for it do read them, and bring it.
	env := append(s.trust.variables(s.Environ), "NODE_USE_ENV_PROXY=1")
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"} {
		value := proxy
		if name == "NO_PROXY" {
			value = "localhost,127.0.0.1,::1"
		}
		env = append(env, name+"="+value, strings.ToLower(name)+"="+value)
	}
	return env
}

// behindProxy is whether the command's environment names a proxy.
func behindProxy(environ []string) bool {
	return lookup(environ, "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY") != ""
}

// sockets are what a command with names of its own asks.
type sockets struct {
	packets net.PacketConn // DNS
	streams net.Listener   // DNS
	secure  net.Listener   // 443
	plain   net.Listener   // 80
	more    []net.Listener // on a network of its own: a proxy, and further ports
}

func (s *sockets) close() {
	for _, l := range append([]net.Listener{s.streams, s.secure, s.plain}, s.more...) {
		if l != nil {
			_ = l.Close() // it accepts no more
		}
	}
	if s.packets != nil {
		_ = s.packets.Close()
	}
}

// serveNames answers on the sockets until the command ends: AWS's hosts are the
// emulator, and each port more leads to loopback outside of the command's network.
func (s *starter) serveNames(ctx context.Context, r *Running, at *sockets, address netip.Addr, before, ports []string) {
	dns := newNames(ctx, address, s.Served, before)
	var open sync.WaitGroup
	open.Go(func() { dns.servePackets(at.packets) })
	open.Go(func() { dns.serveStreams(at.streams) })
	open.Go(func() {
		forward(ctx, &open, at.secure, s.brokenOff, func(ctx context.Context) (net.Conn, error) {
			return through(ctx, s.emulator, "sts.amazonaws.com:443") // which host it is, the handshake says
		})
	})
	open.Go(func() {
		forward(ctx, &open, at.plain, nil, func(ctx context.Context) (net.Conn, error) { return dialProxy(ctx, s.emulator) })
	})
	for i, l := range at.more {
		open.Go(func() {
			forward(ctx, &open, l, nil, func(ctx context.Context) (net.Conn, error) {
				return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", net.JoinHostPort("localhost", ports[i]))
			})
		})
	}
	r.end = append(r.end, func() error {
		at.close()
		open.Wait()
		dns.open.Wait()
		return nil
	})
}

// forward carries what a listener accepts to where dial leads.
func forward(ctx context.Context, open *sync.WaitGroup, l net.Listener, brokenOff func(*tunnel.BrokenOff), dial func(context.Context) (net.Conn, error)) {
	slots := make(chan struct{}, mostConnections)
	for {
		from, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // that connection has ended, or no descriptor is free: some will be
		}
		slots <- struct{}{}
		open.Go(func() {
			defer func() { <-slots }()
			to, err := dial(ctx)
			if err != nil {
				_ = from.Close() // as where nothing listens
				return
			}
			tunnel.Join(ctx, from, to, 0, brokenOff)
		})
	}
}
