package emulator

import (
	"log/slog"
	"sync/atomic"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/cloudtrail"
)

// trail writes CloudTrail records, and says so when it cannot: in the log when
// that begins and when it ends, in the metrics each time. The call is answered
// all the same.
type trail struct {
	records *cloudtrail.Trail
	log     *slog.Logger
	metrics *metrics
	failing atomic.Bool
}

func newTrail(c *Config, m *metrics) *trail {
	return &trail{records: cloudtrail.New(cloudtrail.Config{Writer: c.CloudTrail, Account: c.Account, Data: c.CloudTrailData}), log: c.Logger, metrics: m}
}

// record writes what a call leaves, and the calls that it made.
func (t *trail) record(req *api.Request, services *registry) {
	t.recordOne(req, services)
	for _, made := range req.Made {
		t.recordOne(made, services)
	}
}

func (t *trail) recordOne(req *api.Request, services *registry) {
	s := services.byName[req.Service]
	if s == nil || s.Describe().Records == nil {
		return
	}
	written, err := t.records.Record(req, s.Describe())
	t.metrics.recordsWritten(written, err)
	switch {
	case err != nil && !t.failing.Swap(true):
		t.log.Error("CloudTrail records are being lost", "requestId", req.ID, "err", err)
	case err == nil && written > 0 && t.failing.Swap(false):
		t.log.Info("CloudTrail records are written again", "requestId", req.ID)
	}
}
