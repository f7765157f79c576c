package oidc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// names is a DNS server on loopback: what it answers is a test's to say, query by
// query. Names that it was not told do not exist.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string // name -> answers to one query of each type after the other; the last one stays
	asked   map[string]int
}

// resolve makes this process ask the server.
func resolve(t *testing.T, answers map[string][][]string) *names {
	t.Helper()
	n := &names{answers: answers, asked: map[string]int{}}
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		packet := make([]byte, 1500)
		for {
			size, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer := n.answer(packet[:size]); answer != nil {
				server.WriteTo(answer, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; server.Close(); <-done })
	return n
}

// answer is RFC 1035's, section 4.1, to a query of one question.
func (n *names) answer(query []byte) []byte {
	end, labels := 12, []string(nil)
	for query[end] != 0 {
		size := int(query[end])
		labels = append(labels, string(query[end+1:end+1+size]))
		end += 1 + size
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	question := query[12 : end+5]
	name := strings.ToLower(strings.Join(labels, "."))

	n.mu.Lock()
	defer n.mu.Unlock()
	known, exists := n.answers[name]
	var records [][]byte
	if exists {
		key := fmt.Sprint(name, kind)
		turn := min(n.asked[key], len(known)-1)
		n.asked[key]++
		for _, text := range known[turn] {
			ip := netip.MustParseAddr(text)
			if is4 := ip.Is4(); is4 == (kind == 1) && (is4 || kind == 28) {
				records = append(records, ip.AsSlice())
			}
		}
	}
	out := append([]byte(nil), query[:2]...)
	flags := []byte{0x81, 0x80}
	if !exists {
		flags[1] |= 3
	}
	out = append(out, flags...)
	out = append(out, 0, 1, 0, byte(len(records)), 0, 0, 0, 0)
	out = append(out, question...)
	for _, address := range records {
		out = append(out, 0xc0, 12)
		out = binary.BigEndian.AppendUint16(out, kind)
		out = append(out, 0, 1, 0, 0, 0, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(len(address)))
		out = append(out, address...)
	}
	return out
}

func wantStep(t *testing.T, err error, step oidc.Step) {
	t.Helper()
	var failed *oidc.KeyError
	if !errors.As(err, &failed) || failed.Step != step {
		t.Errorf("got %v, want step %s", err, step)
	}
}

// A public name whose owner makes it resolve to an address that is not public.
func TestAttackNamesOfPrivateAddresses(t *testing.T) {
	private := []string{
		"127.0.0.1", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.170.2", "0.0.0.0", "255.255.255.255", "224.0.0.1",
		"::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1", "ff02::1",
	}
	answers := map[string][][]string{}
	for i, address := range private {
		answers[fmt.Sprintf("n%d.example", i)] = [][]string{{address}}
	}
	resolve(t, answers)
	remote := oidc.NewRemote(oidc.RemoteConfig{Timeout: time.Minute})
	for i, address := range private {
		t.Run(address, func(t *testing.T) {
			_, err := remote.Keys(t.Context(), oidc.Provider{URL: fmt.Sprintf("https://n%d.example", i)})
			wantStep(t, err, oidc.StepAddress)
			docs := oidc.FetchIssuer(t.Context(), oidc.RemoteConfig{Timeout: time.Minute}, fmt.Sprintf("https://n%d.example", i))
			if at, ok := docs.Private[fmt.Sprintf("n%d.example", i)]; !ok || len(docs.Private) != 1 {
				t.Errorf("private addresses: %v, %v", docs.Private, at)
			}
		})
	}
	// Ways of writing 127.0.0.1 that other resolvers read.
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "localhost.", "①②⑦.⓪.⓪.①"} {
		t.Run(host, func(t *testing.T) {
			_, err := remote.Keys(t.Context(), oidc.Provider{URL: "https://" + host})
			var failed *oidc.KeyError
			if !errors.As(err, &failed) || failed.Step != oidc.StepAddress && failed.Step != oidc.StepDNS {
				t.Errorf("got %v", err)
			}
		})
	}
}

// forbidden is a listener that nobody may reach.
func forbidden(t *testing.T, address string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
			t.Errorf("%s was reached", address)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// DNS rebinding: a name that resolves to a good address when it is looked at,
// and to another when it is dialled. 127.0.0.1 stands for the good one here.
func TestAttackDNSRebinding(t *testing.T) {
	p := newIDP(t, rsaKey())
	_, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	forbidden(t, "127.0.0.2:"+port)
	url := "https://example.com:" + port // httptest's certificate is for it
	p.issuer.Store(&oidc.Issuer{URL: url, Keys: p.issuer.Load().Keys})
	p.bend(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // or the second document came over the first one's connection
		p.mux.ServeHTTP(w, r)
	})
	config := p.config()
	config.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	t.Run("the good address alone", func(t *testing.T) {
		resolve(t, map[string][][]string{"example.com": {{"127.0.0.1"}}})
		if _, err := oidc.NewRemote(config).Keys(t.Context(), oidc.Provider{URL: url}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("between discovery and key set", func(t *testing.T) {
		resolve(t, map[string][][]string{"example.com": {{"127.0.0.1"}, {"127.0.0.2"}}})
		_, err := oidc.NewRemote(config).Keys(t.Context(), oidc.Provider{URL: url})
		wantStep(t, err, oidc.StepAddress)
	})
	t.Run("both at once, the good one not listening", func(t *testing.T) {
		closed := forbidden(t, "127.0.0.2:0")
		resolve(t, map[string][][]string{"example.com": {{"127.0.0.1", "127.0.0.2"}}})
		_, err := oidc.NewRemote(config).Keys(t.Context(), oidc.Provider{URL: "https://example.com:" + closed})
		if err == nil {
			t.Error("got keys")
		}
	})
	t.Run("by a redirect", func(t *testing.T) {
		resolve(t, map[string][][]string{"example.com": {{"127.0.0.1"}}, "inside.example.com": {{"127.0.0.2"}}})
		p.bend(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://inside.example.com:"+port+r.URL.Path, http.StatusTemporaryRedirect)
		})
		_, err := oidc.NewRemote(config).Keys(t.Context(), oidc.Provider{URL: url})
		wantStep(t, err, oidc.StepAddress)
	})
}

// A proxy of the environment would be reached instead of the issuer, and dial in
// its name whatever it likes.
func TestAttackProxyOfTheEnvironment(t *testing.T) {
	port := forbidden(t, "127.0.0.1:0")
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+port)
	}
	resolve(t, map[string][][]string{"issuer.example": {{"10.0.0.1"}}})
	_, err := oidc.NewRemote(oidc.RemoteConfig{Timeout: time.Minute}).Keys(t.Context(), oidc.Provider{URL: "https://issuer.example"})
	wantStep(t, err, oidc.StepAddress)
}

// Documents that unpack to a thousand times what was sent, or never end, cost
// what a good one may cost.
func TestAttackDocumentBombs(t *testing.T) {
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	for range 256 {
		packer.Write(make([]byte, 1<<20))
	}
	packer.Close()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		step   oidc.Step
	}{
		"a zip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, oidc.StepSize},
		"an announced terabyte": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1099511627776")
			w.Write(bytes.Repeat([]byte(" "), 4<<20))
		}, oidc.StepSize},
		"endless early hints": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", strings.Repeat("x", 8192))
			for i := 0; i < 10_000 && r.Context().Err() == nil; i++ {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, oidc.StepConnect},
		"a hundred thousand keys": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"keys":[%s{}]}`, strings.Repeat("{},", 100_000))
		}, oidc.StepJSON},
		"a hundred thousand members": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{%s"keys":[]}`, strings.Repeat(`"":0,`, 100_000))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t, rsaKey())
			p.bend(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == oidc.KeysPath {
					tt.answer(w, r)
					return
				}
				p.mux.ServeHTTP(w, r)
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := oidc.NewRemote(p.config()).Keys(t.Context(), p.provider())
			runtime.ReadMemStats(&after)
			if tt.step != "" {
				wantStep(t, err, tt.step)
			} else if err != nil {
				t.Error(err)
			}
			// Both sides of the connection are in this process.
			if took := after.TotalAlloc - before.TotalAlloc; took > 40<<20 {
				t.Errorf("%d MB were allocated", took>>20)
			}
		})
	}
}

// A server that takes the connection and says nothing, not even in TLS.
func TestAttackSilentIssuer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = oidc.NewRemote(oidc.RemoteConfig{AllowPrivate: loopback, Timeout: 100 * time.Millisecond}).
		Keys(t.Context(), oidc.Provider{URL: "https://" + l.Addr().String()})
	wantStep(t, err, oidc.StepTime)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An issuer that ends its answer when it sees its client hang up: an empty 200
// is late, and no document.
func TestAttackLateAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})}
	_, err := oidc.GetDocument(ctx, client, "https://issuer.example.com")
	wantStep(t, err, oidc.StepTime)
}

// Tokens with invented kids, from many callers at once, cause one fetch.
func TestAttackFetchFlood(t *testing.T) {
	p := newIDP(t, rsaKey())
	remote := oidc.NewRemote(p.config())
	if _, err := remote.Keys(t.Context(), p.provider()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			head := mustJSON(object{"alg": "RS256", "kid": fmt.Sprint("invented", i)})
			_, err := verify(remote, p.provider(), sign(rsaKey(), "RS256", head, mustJSON(with(base(), object{"iss": p.URL}))))
			checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey})
		})
	}
	group.Wait()
	if got := p.asked.Load(); got != 1 {
		t.Errorf("the key set was fetched %d times, not once", got)
	}
}
