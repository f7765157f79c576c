package incluster

import (
	"cmp"
	"encoding/json"
	"log/slog"
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
