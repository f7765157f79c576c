package emulator

import (
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// metrics are what /metrics shows; docs/observability.md lists them. Labels
// take their values from the emulator's own lists, never from a client, so
// their number is bounded.
type metrics struct {
	registry *prometheus.Registry

	calls   *prometheus.CounterVec
	latency *prometheus.HistogramVec
	records *prometheus.CounterVec

	keyFetches  *prometheus.CounterVec
	keyFetchDur prometheus.Histogram

	commits   *prometheus.CounterVec
	commitDur prometheus.Histogram
	loads     *prometheus.CounterVec
	followed  prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls:    counter("irsa_emu_calls_total", "AWS calls by service, action, outcome and kind of reason.", "service", "action", "outcome", "reason"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "irsa_emu_call_duration_seconds", Help: "Time that the emulator took to answer a call.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
		}, []string{"service"}),
		records:    counter("irsa_emu_cloudtrail_records_total", "CloudTrail records, written and lost.", "outcome"),
		keyFetches: counter("irsa_emu_key_fetches_total", "Fetches of remote issuers' keys by the step that failed, ok if none did.", "outcome"),
		keyFetchDur: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "irsa_emu_key_fetch_duration_seconds", Help: "Time that a fetch of a remote issuer's keys took, discovery included.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 2, 14),
		}),
		commits: counter("irsa_emu_store_commits_total", "Commits to the store by outcome; after a conflict the transaction runs again.", "outcome"),
		commitDur: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "irsa_emu_store_commit_duration_seconds", Help: "Time that a commit to the store took.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 4, 11),
		}),
		loads:    counter("irsa_emu_store_reloads_total", "Times that all of the state was read again since the start, because changes may have been missed.", "outcome"),
		followed: prometheus.NewCounter(prometheus.CounterOpts{Name: "irsa_emu_store_followed_changes_total", Help: "Changes that other replicas made and this one followed."}),
	}
	for _, outcome := range []string{"written", "lost"} {
		m.records.WithLabelValues(outcome) // so that a rate can be taken before the first
	}
	for _, outcome := range []string{"ok", "conflict", "unavailable", "uncertain", "failed"} {
		m.commits.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"ok", "failed"} {
		m.loads.WithLabelValues(outcome)
	}
	m.registry.MustRegister(m.calls, m.latency, m.records, m.keyFetches, m.keyFetchDur, m.commits, m.commitDur, m.loads, m.followed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a call. Services and actions that are not of the registry are
// what a client made up, and no label.
func (m *metrics) observe(d *decision.Decision, services *registry) {
	service, action, reason := d.Service, d.Action, ""
	switch {
	case !services.serves(service):
		service, action = "other", "other"
	case !services.knows(service, action):
		action = "unknown"
	}
	if d.Reason != nil {
		reason = d.Reason.Kind
	}
	m.calls.WithLabelValues(service, action, string(d.Outcome), reason).Inc()
	m.latency.WithLabelValues(service).Observe(d.Duration.Seconds())
}

func (m *metrics) recordsWritten(written int, err error) {
	m.records.WithLabelValues("written").Add(float64(written))
	if err != nil {
		m.records.WithLabelValues("lost").Inc()
	}
}

// countLostLines shows how many lines of the log were dropped.
func (m *metrics) countLostLines(lost func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "irsa_emu_log_lines_lost_total", Help: "Lines of the log that were dropped because nobody reads it.",
	}, func() float64 { return float64(lost()) }))
}

// fetchedKeys is told by package oidc of each fetch.
func (m *metrics) fetchedKeys(took time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "invalid"
		var failed *oidc.KeyError
		if errors.As(err, &failed) {
			outcome = string(failed.Step)
		}
	}
	m.keyFetches.WithLabelValues(outcome).Inc()
	m.keyFetchDur.Observe(took.Seconds())
}

// storeObserver is told by package state of what the store does.
func (m *metrics) storeObserver() *state.Observer {
	return &state.Observer{
		Committed: func(took time.Duration, err error) {
			outcome := "failed"
			switch {
			case err == nil:
				outcome = "ok"
			case errors.Is(err, state.ErrConflict):
				outcome = "conflict"
			case errors.Is(err, state.ErrUnavailable):
				outcome = "unavailable"
			case errors.Is(err, state.ErrUncertain):
				outcome = "uncertain"
			}
			m.commits.WithLabelValues(outcome).Inc()
			m.commitDur.Observe(took.Seconds())
		},
		Reloaded: func(err error) {
			outcome := "ok"
			if err != nil {
				outcome = "failed"
			}
			m.loads.WithLabelValues(outcome).Inc()
		},
		Followed: func(changes int) { m.followed.Add(float64(changes)) },
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
