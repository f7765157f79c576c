package emulator

import (
	"bufio"
	"bytes"
	"container/list"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// The clients of this file are slow, deaf, many, or talk too much. Each test
// ends with the emulator answering as before and what they held given back.

// limited is an emulator whose patience a test can outlast.
type limited struct {
	*Emulator
	address string
	waiting *connections
}

func startLimited(t *testing.T, config Config, l limits) *limited {
	t.Helper()
	return startLimitedTLS(t, config, l, nil)
}

func startLimitedTLS(t *testing.T, config Config, l limits, secure *tls.Config) *limited {
	t.Helper()
	e, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	server := l.newServer(e.Handler(), slog.New(slog.DiscardHandler))
	waiting := &connections{most: l.connections, all: map[net.Conn]*list.Element{}}
	server.ConnState = waiting.changed
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &limited{Emulator: e, address: listener.Addr().String(), waiting: waiting}
}

func (l *limited) open() int {
	l.waiting.mu.Lock()
	defer l.waiting.mu.Unlock()
	return len(l.waiting.all)
}

// dial opens a connection that cannot outlive the test, nor block it.
func (l *limited) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answers says whether the emulator answers a client that does nothing wrong.
func (l *limited) answers(t *testing.T) {
	t.Helper()
	if answer, err := l.healthz(t); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
		t.Errorf("a client that does nothing wrong got %q, %v", answer, err)
	}
}

// answersSoon is answers of an emulator that is so impatient that on a busy
// machine it hangs up on any client.
func (l *limited) answersSoon(t *testing.T) {
	t.Helper()
	eventually(t, "a client that does nothing wrong is answered", func() bool {
		answer, err := l.healthz(t)
		return err == nil && bytes.HasPrefix(answer, []byte("HTTP/1.1 200"))
	})
}

func (l *limited) healthz(t *testing.T) ([]byte, error) {
	t.Helper()
	conn := l.dial(t)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", l.address)
	return io.ReadAll(conn)
}

// eventually waits for what the server does on its own time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// drip writes a byte at a time until the other side has enough.
func drip(conn net.Conn, head string) {
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	for {
		if _, err := conn.Write([]byte{'a'}); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var impatient = limits{
	header: 150 * time.Millisecond, read: 300 * time.Millisecond, transfer: 300 * time.Millisecond, idle: 150 * time.Millisecond,
	headerBytes: usualLimits.headerBytes, connections: 1000,
}

func TestAttackSlowClients(t *testing.T) {
	for name, head := range map[string]string{
		"nothing at all":     "",
		"half a line":        "POS",
		"headers by drops":   "POST / HTTP/1.1\r\nHost: h\r\nX-A: ",
		"a body by drops":    "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n",
		"a chunk by drops":   "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
		"a second request":   "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.1\r\nX: ",
		"nothing after one":  "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
		"an object by drops": "PUT /bucket/key HTTP/1.1\r\nHost: h\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: 100000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLimited(t, Config{}, impatient)
			var clients sync.WaitGroup
			for range 20 {
				conn := l.dial(t)
				clients.Go(func() {
					if name == "nothing at all" || name == "nothing after one" {
						io.WriteString(conn, head)
						io.Copy(io.Discard, conn) // until the emulator hangs up
						return
					}
					drip(conn, head)
				})
			}
			l.answersSoon(t)
			clients.Wait() // every one of them was hung up on
			eventually(t, "no connection is left", func() bool { return l.open() == 0 })
		})
	}
}

// A client that asks for a large object and never reads it.
func TestAttackDeafClient(t *testing.T) {
	content := statefile.Text(strings.Repeat("x", 24<<20))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/*"}]}`
	given := statefile.State{Accounts: map[string]statefile.Account{"111122223333": {Buckets: []statefile.Bucket{{
		Name: "public", Policy: statefile.NewDocument(policy), Objects: map[string]statefile.Object{"large": {Content: &content}},
	}}}}}
	deaf := usualLimits
	deaf.transfer = impatient.transfer
	l := startLimited(t, Config{Given: []statefile.State{given}}, deaf)
	conn := l.dial(t)
	if err := conn.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /public/large HTTP/1.1\r\nHost: %s\r\n\r\n", l.address)
	answer := make([]byte, 12)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", answer, err)
	}
	eventually(t, "the emulator gives up", func() bool { return l.open() == 0 })
	l.answersSoon(t)
}

// More connections than may be, which send nothing, half a request, or one and
// then nothing: the longest wait ends first, and others are answered throughout.
func TestAttackConnectionFlood(t *testing.T) {
	patient := usualLimits
	patient.connections = 40
	for name, head := range map[string]string{
		"silent":     "",
		"half":       "POST / HTTP/1.1\r\nHost: ",
		"kept alive": "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := startLimited(t, Config{}, patient)
			for i := range 400 {
				if _, err := io.WriteString(l.dial(t), head); err != nil {
					t.Fatal(err)
				}
				if i%100 == 99 {
					l.answers(t)
				}
			}
			if n := l.open(); n > patient.connections {
				t.Errorf("%d connections are open, more than %d", n, patient.connections)
			}
		})
	}
	t.Run("over TLS, before and after the handshake", func(t *testing.T) {
		ca, err := newCA(time.Now)
		if err != nil {
			t.Fatal(err)
		}
		l := startLimitedTLS(t, Config{}, patient, ca.config())
		client := &tls.Config{InsecureSkipVerify: true} // who answers is not the question here
		for i := range 200 {
			switch conn := l.dial(t); i % 4 {
			case 1:
				io.WriteString(conn, "\x16\x03\x01\x02") // a handshake's first bytes
			case 2:
				io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
			case 3:
				secured := tls.Client(conn, client)
				if err := secured.Handshake(); err != nil {
					t.Fatal(err)
				}
				if i%100 == 99 {
					fmt.Fprintf(secured, "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
					if answer, err := io.ReadAll(secured); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
						t.Errorf("a client that does nothing wrong got %q, %v", answer, err)
					}
				}
			}
		}
		eventually(t, "the flood is bounded", func() bool { return l.open() <= patient.connections })
	})
	t.Run("one that was hung up on counts no more", func(t *testing.T) {
		c := &connections{most: 1, all: map[net.Conn]*list.Element{}}
		first, second := &net.TCPConn{}, &net.TCPConn{}
		if c.note(first, http.StateNew) != nil || c.note(second, http.StateNew) != first {
			t.Error("the longest wait does not go first")
		}
		for _, state := range []http.ConnState{http.StateActive, http.StateClosed} { // as net/http has it of half a request
			if closed := c.note(first, state); closed != nil {
				t.Errorf("%v of it ends another connection", state)
			}
		}
	})
	for descriptors, want := range map[int]int{0: 8192, 1: 1, 256: 128, 1 << 20: 8192} {
		if got := connectionsOf(usualLimits.connections, descriptors); got != want {
			t.Errorf("%d connections with %d descriptors, want %d", got, descriptors, want)
		}
	}
	t.Run("all of them at work", func(t *testing.T) {
		l := startLimited(t, Config{}, patient)
		l.faults.add(control.FaultRequest{Fault: control.FaultSpec{Latency: control.Duration(time.Minute)}})
		for range patient.connections {
			io.WriteString(l.dial(t), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
		}
		eventually(t, "all are at work", func() bool {
			l.waiting.mu.Lock()
			defer l.waiting.mu.Unlock()
			return len(l.waiting.all) == patient.connections && l.waiting.waiting.Len() == 0 // not only those accepted so far
		})
		for range 50 {
			io.Copy(io.Discard, l.dial(t)) // hung up on: the error, if any, says by whom
		}
		if n := l.open(); n != patient.connections {
			t.Errorf("%d connections are open, not the %d at work", n, patient.connections)
		}
	})
}

// raw sends bytes and gives all answers until the emulator hangs up.
func (l *limited) raw(t *testing.T, bytes string) []string {
	t.Helper()
	conn := l.dial(t)
	defer conn.Close()
	go io.WriteString(conn, bytes) // fails when the emulator has seen enough
	var statuses []string
	for in := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses = append(statuses, resp.Status[:3])
	}
}

const formHead = "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"

// What does not end where it seems to is refused, and nothing behind it is taken
// for a request.
func TestAttackRequestSmuggling(t *testing.T) {
	l := startLimited(t, Config{}, impatient)
	const hidden = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths":              formHead + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + hidden,
		"a list of lengths":        formHead + "Content-Length: 0, 5\r\n\r\n" + hidden,
		"a signed length":          formHead + "Content-Length: +0\r\n\r\n" + hidden,
		"a negative length":        formHead + "Content-Length: -1\r\n\r\n" + hidden,
		"a length in hex":          formHead + "Content-Length: 0x0\r\n\r\n" + hidden,
		"length beyond 64 bits":    formHead + "Content-Length: 99999999999999999999\r\n\r\n" + hidden,
		"another coding":           formHead + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden,
		"two codings":              formHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk beyond 64 bits":   formHead + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + hidden,
		"a negative chunk":         formHead + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
		"a chunk longer than said": formHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" + hidden,
		"an endless chunk line":    formHead + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 8192) + "\r\na\r\n0\r\n\r\n" + hidden,
		"a blank before the colon": formHead + "Content-Length : 5\r\n\r\n" + hidden,
		"a folded header":          formHead + "Content-Length: 0\r\n X: 5\r\n\r\n" + hidden,
		"a control character":      formHead + "X: a\x00b\r\nContent-Length: 0\r\n\r\n" + hidden,
		"two hosts":                "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + hidden,
		"no host":                  "GET /healthz HTTP/1.1\r\n\r\n" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			for i, status := range l.raw(t, request) {
				if i > 0 || status[0] != '4' && status != "501" {
					t.Errorf("answer %d is %s", i+1, status)
				}
			}
		})
	}
	l.answersSoon(t)
}
