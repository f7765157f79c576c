package incluster

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/irsa-emu/irsa-emu/webhook"
)

// FailedHandshake is what pods see as "certificate signed by unknown authority":
// AWS's host names lead to the emulator, whose authority the pod does not trust.
type FailedHandshake struct {
	// Namespace and Pod are empty for a program on the host's network.
	Namespace      string `json:"namespace,omitempty"`
	Pod            string `json:"pod,omitempty"`
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// Trusts are the variables by which the pod knows the authority, and which its
	// program then does not read; null: it was not given the certificate.
	Trusts []string  `json:"trusts"`
	Host   string    `json:"host"`
	Reason string    `json:"reason"`
	Count  int       `json:"count"`
	Last   time.Time `json:"last"`
}

// Handshakes keeps the failed ones, the newest of each pod and host.
type Handshakes struct {
	Logger *slog.Logger
	Now    func() time.Time

	counter *prometheus.CounterVec
	mu      sync.Mutex
	failed  map[failedKey]*FailedHandshake
}

type failedKey struct{ namespace, pod, host string }

const (
	// mostFailed bounds what is kept; a pod that fails is mended, or fails on.
	mostFailed = 256
	// sayAgain is how often the log tells of one that goes on failing.
	sayAgain = time.Minute
)

// Register adds the counter to a registry.
func (h *Handshakes) Register(registry prometheus.Registerer) {
	h.counter = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "irsa_emu_intercept_failed_handshakes_total", Help: "TLS handshakes for AWS's host names that a client broke off, by its namespace.",
	}, []string{"namespace"})
	registry.MustRegister(h.counter)
}

func (h *Handshakes) note(from caller, host, reason string) {
	if h == nil {
		return
	}
	if h.counter != nil {
		h.counter.WithLabelValues(from.namespace).Inc()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	key := failedKey{from.namespace, from.pod, host}
	f, known := h.failed[key]
	if !known {
		if h.failed == nil || len(h.failed) >= mostFailed {
			h.failed = map[failedKey]*FailedHandshake{}
		}
		f = &FailedHandshake{Namespace: from.namespace, Pod: from.pod, ServiceAccount: from.serviceAccount, Trusts: from.trusts, Host: host}
		h.failed[key] = f
	}
	if !known || now.Sub(f.Last) > sayAgain {
		h.Logger.Warn("a pod does not trust the emulator as "+host, "namespace", from.namespace, "pod", from.pod, "serviceAccount", from.serviceAccount,
			"reason", reason, "mend", "annotate it, its service account or its namespace with "+mendOf(from.trusts)+", and make the pod anew")
	}
	f.Reason, f.Last = reason, now
	f.Count++
}

func mendOf(trusts []string) string {
	if trusts == nil {
		return webhook.EndpointsAnnotation + "=true"
	}
	return webhook.AuthorityAnnotation + "=VARIABLES, of which its program reads one; it has " + cmp.Or(strings.Join(trusts, ", "), webhook.NoAuthority)
}

// List is what is kept, the newest first.
func (h *Handshakes) List() []FailedHandshake {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]FailedHandshake, 0, len(h.failed))
	for _, f := range h.failed {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b FailedHandshake) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Namespace+"/"+a.Pod, b.Namespace+"/"+b.Pod), cmp.Compare(a.Host, b.Host))
	})
	return list
}

// ServeHTTP answers with the list as JSON.
func (h *Handshakes) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h.List()) // the client is gone if this fails
}

// Records of TLS: RFC 8446, 5.1.
const (
	recordHeader     = 5
	recordChange     = 20
	recordAlert      = 21
	recordHandshake  = 22
	recordData       = 23
	mostRecord       = 1<<14 + 256
	encryptedAlert   = 2 + 1 + 16 // level and description, the type, the cipher's tag; what ends a handshake in earnest is longer by a hash
	alertDescription = 1
)

// errBrokenOff is a handshake that the client ended with an alert.
type errBrokenOff struct{ host, reason string }

func (e *errBrokenOff) Error() string {
	return fmt.Sprintf("the client broke off the handshake for %s: %s", e.host, e.reason)
}

// carryHandshake takes a client's records to the emulator until the handshake is
// over, and reads of them what is not encrypted: which host the client wants, and
// whether it breaks off. In TLS 1.3 its alert is encrypted, and told by its length.
func carryHandshake(to io.Writer, from io.Reader) error {
	host, changed := "", false
	for first := true; ; first = false {
		header := make([]byte, recordHeader, recordHeader+512)
		if n, err := io.ReadFull(from, header); err != nil {
			_, failed := to.Write(header[:n])
			return errors.Join(ignoreEnd(err), failed)
		}
		kind, length := header[0], int(header[3])<<8|int(header[4])
		if kind < recordChange || kind > recordData || length > mostRecord { // no TLS: not ours to judge
			_, err := to.Write(header)
			return err
		}
		record := slices.Grow(header, length)[:recordHeader+length]
		n, err := io.ReadFull(from, record[recordHeader:])
		if _, failed := to.Write(record[:recordHeader+n]); err != nil || failed != nil {
			return errors.Join(ignoreEnd(err), failed)
		}
		if first {
			host = serverName(record)
		}
		switch {
		case kind == recordAlert && length == 2:
			return &errBrokenOff{host, tls.AlertError(record[recordHeader+alertDescription]).Error()}
		case kind == recordData && length <= encryptedAlert:
			return &errBrokenOff{host, "an alert of TLS 1.3, which is encrypted; in all likelihood it does not trust the certificate's authority"}
		case kind == recordData, kind == recordHandshake && changed:
			return nil
		case kind == recordChange:
			changed = true
		}
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// serverName is the host in a client's first record.
func serverName(record []byte) (name string) {
	read := errors.New("read")
	_ = tls.Server(onlyRead{bytes.NewReader(record)}, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name = hello.ServerName
		return nil, read // no handshake is wanted
	}}).Handshake()
	return name
}

// onlyRead is a connection of which only the bytes count.
type onlyRead struct{ io.Reader }

func (onlyRead) Write(p []byte) (int, error)      { return len(p), nil }
func (onlyRead) Close() error                     { return nil }
func (onlyRead) LocalAddr() net.Addr              { return nil }
func (onlyRead) RemoteAddr() net.Addr             { return nil }
func (onlyRead) SetDeadline(time.Time) error      { return nil }
func (onlyRead) SetReadDeadline(time.Time) error  { return nil }
func (onlyRead) SetWriteDeadline(time.Time) error { return nil }
