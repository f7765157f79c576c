// Package agent is the node's agent of EKS Pod Identity: SDKs in pods ask it at
// http://169.254.170.23/v1/credentials with their projected token, it asks EKS
// Auth for the credentials of the pod's association, and keeps them until they
// are due for renewal.
//
// It follows eks-pod-identity-agent v0.1.37 (commit d4dc0f3) in what is seen
// from outside: paths, checks and their order, status codes, texts, cache times,
// probes and metrics. It does not verify tokens, as upstream does not: that is
// EKS Auth's business.
package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/irsa-emu/irsa-emu/aws"
)

// The addresses that the SDKs of EKS know.
const (
	IPv4 = aws.PodIdentityIPv4
	IPv6 = aws.PodIdentityIPv6
	// Path is where credentials are served.
	Path = aws.PodIdentityPath
)

// Defaults of upstream's flags.
const (
	DefaultPort        = 80
	DefaultProbePort   = 2703
	DefaultMetricsPort = 2705
	DefaultRetention   = 3 * time.Hour
	DefaultCacheSize   = 2000
	DefaultRenewalQPS  = 3
)

// Source gives the credentials of a token's pod. EKS Auth is the source; tests
// and hosts of several emulators bring their own. An error may be a smithy
// APIError, whose code and message the pod is shown.
type Source interface {
	Credentials(ctx context.Context, token string) (Credentials, error)
}

// Credentials are what the SDKs read, in the names that they read.
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId,omitempty"`
	SecretAccessKey string    `json:"SecretAccessKey,omitempty"`
	Token           string    `json:"Token,omitempty"`
	AccountID       string    `json:"AccountId,omitempty"`
	Expiration      time.Time `json:"Expiration"`
}

// Config is what an agent needs.
type Config struct {
	// Source gives the credentials. Required.
	Source Source
	// Hosts are the names that requests may be addressed to: the Host header
	// without port and brackets. Default: IPv4 and IPv6.
	Hosts []string
	// Retention is how long credentials are kept before they are renewed, however
	// long they are good; 0 keeps none.
	Retention time.Duration
	// CacheSize is how many pods' credentials are kept; 0 keeps none.
	CacheSize int
	// RenewalQPS bounds the renewals a second.
	RenewalQPS int
	// Now is the clock; it may be moved. Default: time.Now.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
	// Metrics is where the metrics are registered; nil for none.
	Metrics prometheus.Registerer
}

// Agent answers pods. Make one with [New].
type Agent struct {
	config  Config
	hosts   map[string]bool
	cache   *cache
	limiter limiter
	metrics metrics
}

// New makes an agent.
func New(c Config) *Agent {
	if len(c.Hosts) == 0 {
		c.Hosts = []string{IPv4, IPv6}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{config: c, hosts: map[string]bool{}, limiter: newLimiter(), metrics: newMetrics(c.Metrics)}
	for _, h := range c.Hosts {
		a.hosts[h] = true
	}
	a.cache = newCache(c, a.metrics)
	return a
}

// Run renews the cached credentials until the context ends.
func (a *Agent) Run(ctx context.Context) { a.cache.run(ctx) }
