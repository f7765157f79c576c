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

func (e *Emulator) newTrail() *trail {
	return &trail{
		records: cloudtrail.New(cloudtrail.Config{Writer: e.config.CloudTrail, Account: e.config.Account}),
		log:     e.config.Logger, metrics: e.metrics,
	}
}

func (t *trail) record(req *api.Request) {
	written, err := t.records.Record(req)
	t.metrics.recordsWritten(written, err)
	switch {
	case err != nil && !t.failing.Swap(true):
		t.log.Error("CloudTrail records are being lost", "requestId", req.ID, "err", err)
	case err == nil && written > 0 && t.failing.Swap(false):
		t.log.Info("CloudTrail records are written again", "requestId", req.ID)
	}
}
