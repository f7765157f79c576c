package emulator

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// listening serves an emulator on an address until the test ends.
func listening(t *testing.T, address string, config Config) (port string) {
	t.Helper()
	e, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- e.Serve(ctx, ServeConfig{Listen: address, Ready: func(url, _ string) error { ready <- url; return nil }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		e.Close()
	})
	select {
	case url := <-ready:
		return url[strings.LastIndexByte(url, ':')+1:]
	case err := <-ended:
		ended <- nil
		t.Skipf("this machine cannot listen on %s: %v", address, err)
	}
	return ""
}

// asks sends a request for the control API and gives its status.
func asks(t *testing.T, address string, header http.Header, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/_emu/clock", nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Host = host
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// forward is what docker-proxy and the like do for a published port: a
// connection from this machine becomes one to the listener's outer address.
func forward(t *testing.T, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				return
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	return l.Addr().String()
}

// outer is an address of this machine that is not loopback, or empty.
func outer(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// claims are headers by which a client or a proxy says that it is this machine.
var claims = []http.Header{
	nil,
	{"X-Forwarded-For": {"127.0.0.1"}}, {"X-Real-Ip": {"127.0.0.1"}}, {"Forwarded": {"for=127.0.0.1;host=localhost"}},
	{"X-Forwarded-Host": {"localhost"}}, {"Authorization": {"Bearer "}}, {"Authorization": {"bearer token"}}, {"Authorization": {"Basic dG9rZW46"}},
}

func TestControlNeedsTheTokenBeyondLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		for _, token := range []string{"", "token"} {
			t.Run(address+" "+token, func(t *testing.T) {
				port := listening(t, address, Config{ControlToken: token})
				at := []string{"127.0.0.1:" + port, forward(t, "127.0.0.1:"+port)}
				if ip := outer(t); ip != "" {
					at = append(at, ip+":"+port, forward(t, ip+":"+port))
				}
				for _, to := range at {
					for _, header := range claims {
						for _, host := range []string{"", "localhost", "127.0.0.1"} {
							if status := asks(t, to, header.Clone(), host); status != http.StatusForbidden {
								t.Errorf("%s with %v for host %q: %d", to, header, host, status)
							}
						}
					}
					want := http.StatusOK
					if token == "" {
						want = http.StatusForbidden // an empty token is none that one could send
					}
					if status := asks(t, to, http.Header{"Authorization": {"Bearer " + token}}, ""); status != want {
						t.Errorf("%s with the token: %d, want %d", to, status, want)
					}
				}
			})
		}
	}
}

func TestControlIsOpenOnLoopbackListeners(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "127.8.9.1"} {
		t.Run(host, func(t *testing.T) {
			port := listening(t, host+":0", Config{})
			if status := asks(t, host+":"+port, nil, ""); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
}

func TestBeyondLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:4772": false, "localhost:4772": false, "[::1]:4772": false, "127.1.2.3:0": false, "[::ffff:127.0.0.1]:1": false,
		"0.0.0.0:4772": true, ":4772": true, "[::]:4772": true, "10.0.0.1:4772": true, "[fe80::1%eth0]:1": true, "example.com:80": true, "127.0.0.1.example.com:80": true,
	} {
		if got := BeyondLoopback(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
