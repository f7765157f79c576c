package emulator

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
)

// metrics are what /metrics shows. Labels take their values from the
// emulator's own lists, never from a client, so their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics(store *state.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "irsa_emu_calls_total", Help: "AWS calls by service, action, outcome and the kind of reason.",
		}, []string{"service", "action", "outcome", "reason"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "irsa_emu_call_seconds", Help: "Time that the emulator took to answer a call.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
		}, []string{"service"}),
	}
	version := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "irsa_emu_state_version", Help: "Number of changes of the state that this process has seen.",
	}, func() float64 { return float64(store.Snapshot().Version()) })
	m.registry.MustRegister(m.calls, m.latency, version, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(d *decision.Decision) {
	service, action, reason := d.Service, d.Action, ""
	switch service {
	case serviceSTS, serviceIAM, serviceSecretsManager, serviceS3, serviceEKS:
	default:
		service, action = "other", "other"
	}
	if d.Reason != nil {
		if reason = d.Reason.Kind; reason == decision.Unsupported {
			action = "unsupported"
		}
	}
	if d.Error != nil && d.Error.Code == "InvalidAction" {
		action = "unknown"
	}
	if !plainName(action) || d.Caller == nil && !unsignedActions[action] && service != serviceS3 {
		action = "unknown" // a client's word: of any length and number, and no label if it is not UTF-8
	}
	m.calls.WithLabelValues(service, action, string(d.Outcome), reason).Inc()
	m.latency.WithLabelValues(service).Observe(d.Duration.Seconds())
}

// plainName is whether a text could be an action's name.
func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return len(s) <= 64
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
