package emulator

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
)

// stateCollector shows what the emulator holds at the moment of a scrape: keys,
// caches, the store. It counts issuers and names none, since their number is the
// clients' to choose.
type stateCollector struct {
	store  *state.Store
	clock  *Clock
	remote *oidc.Remote
	server *server
}

var (
	descUp = prometheus.NewDesc("irsa_emu_store_up",
		"1 while the store is heard from; 0 while reads are answered from what was known last.", nil, nil)
	descRevision = prometheus.NewDesc("irsa_emu_store_revision",
		"Revision of the newest change that this process has seen; the difference between replicas is how far one is behind.", nil, nil)
	descVersion = prometheus.NewDesc("irsa_emu_state_version",
		"Number of changes of the state that this process has seen.", nil, nil)
	descIssuers = prometheus.NewDesc("irsa_emu_issuers",
		"Issuers in the state: own ones, which the emulator signs for, and those whose keys were published to it.", []string{"kind"}, nil)
	descSigningKeys = prometheus.NewDesc("irsa_emu_signing_keys",
		"Keys of own issuers: those that sign, and retired ones that are still published.", []string{"state"}, nil)
	descOldestKey = prometheus.NewDesc("irsa_emu_signing_key_oldest_age_seconds",
		"Age of the oldest key that still signs; 0 when none does.", nil, nil)
	descSealingKeys = prometheus.NewDesc("irsa_emu_sealing_keys",
		"Keys that session credentials are made with or opened with.", nil, nil)
	descCachedKeys = prometheus.NewDesc("irsa_emu_key_cache_entries",
		"Remote issuers whose keys, or the failure to fetch them, are cached.", nil, nil)
	descInFlight = prometheus.NewDesc("irsa_emu_requests_in_flight",
		"HTTP requests that are being answered, scrapes included.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c stateCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descUp, descRevision, descVersion, descIssuers, descSigningKeys, descOldestKey, descSealingKeys, descCachedKeys, descInFlight,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c stateCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	up := 1.0
	if c.store.Fault() != nil {
		up = 0
	}
	snapshot := c.store.Snapshot()
	gauge(descUp, up)
	gauge(descRevision, float64(c.store.Revision()))
	gauge(descVersion, float64(snapshot.Version()))
	gauge(descCachedKeys, float64(c.remote.Len()))
	gauge(descInFlight, float64(c.server.underWay.Load()))
	k := countKeys(snapshot, c.clock.Now())
	gauge(descIssuers, float64(k.own), "own")
	gauge(descIssuers, float64(k.published), "published")
	gauge(descSigningKeys, float64(k.signing), "signing")
	gauge(descSigningKeys, float64(k.retired), "retired")
	gauge(descOldestKey, k.oldest.Seconds())
	gauge(descSealingKeys, float64(k.sealing))
}

type keyCounts struct {
	own, published, signing, retired, sealing int
	oldest                                    time.Duration
}

func countKeys(r state.Reader, now time.Time) keyCounts {
	var k keyCounts
	for i := range state.All[*Issuer](r, "") {
		if !i.Own() {
			k.published++
			continue
		}
		k.own++
		if len(i.Keys) == 0 {
			continue
		}
		k.signing++
		k.retired += len(i.Keys) - 1
		if created := i.Keys[0].Created; !created.IsZero() {
			k.oldest = max(k.oldest, now.Sub(created))
		}
	}
	for range state.All[*sts.SealingKey](r, "") {
		k.sealing++
	}
	return k
}
