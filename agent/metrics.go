package agent

import "github.com/prometheus/client_golang/prometheus"

// metrics have upstream's names and labels.
type metrics struct {
	responses, errors, state *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pod_identity_http_response", Help: "Answers to pods, by status code.",
		}, []string{"code"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pod_identity_cache_errors", Help: "Renewals that failed, by whether the credentials are kept and the error's code.",
		}, []string{"type", "code"}),
		state: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pod_identity_cache_state", Help: "Credentials that were fetched (miss), renewed (hit) or dropped (evicted).",
		}, []string{"state"}),
	}
	if r != nil {
		r.MustRegister(m.responses, m.errors, m.state)
	}
	return m
}
