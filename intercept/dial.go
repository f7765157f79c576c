package intercept

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/irsa-emu/irsa-emu/tunnel"
)

const (
	dialTimeout = 30 * time.Second
	// mostSaid bounds what is read of a proxy's refusal.
	mostSaid = 4 << 10
)

// through opens a connection to an address by a proxy: one that takes CONNECT,
// such as the emulator, or a SOCKS5 server.
func through(ctx context.Context, by *url.URL, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	switch by.Scheme {
	case "http", "https":
		return connect(ctx, by, address)
	case "socks5", "socks5h":
		dialer, err := proxy.FromURL(by, &net.Dialer{})
		if err != nil {
			return nil, fmt.Errorf("the proxy %s: %w", by.Redacted(), err)
		}
		return dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	}
	return nil, fmt.Errorf("the proxy %s: the scheme %q is none that is known; write http, https or socks5", by.Redacted(), by.Scheme)
}

func dialProxy(ctx context.Context, by *url.URL) (net.Conn, error) {
	address := net.JoinHostPort(by.Hostname(), cmp.Or(by.Port(), map[string]string{"http": "80", "https": "443"}[by.Scheme]))
	if by.Scheme == "https" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// connect is CONNECT (RFC 9110, 9.3.6).
func connect(ctx context.Context, by *url.URL, address string) (net.Conn, error) {
	conn, err := dialProxy(ctx, by)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if password, ok := by.User.Password(); ok {
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(by.User.Username()+":"+password)))
	}
	read := bufio.NewReader(conn)
	err = request.Write(conn)
	if err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(read, request); err == nil && answer.StatusCode != http.StatusOK {
			said, _ := io.ReadAll(io.LimitReader(answer.Body, mostSaid)) // a help, the status is what counts
			err = fmt.Errorf("it answers %s: %s", answer.Status, strings.TrimSpace(string(said)))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("CONNECT %s by %s: %w", address, by.Redacted(), err), conn.Close())
	}
	return &readAhead{conn, read}, nil
}

// readAhead is a connection of which something has been read.
type readAhead struct {
	net.Conn
	read *bufio.Reader
}

func (c *readAhead) Read(p []byte) (int, error) { return c.read.Read(p) }

// CloseWrite ends one direction.
func (c *readAhead) CloseWrite() error { return tunnel.CloseWrite(c.Conn) }
