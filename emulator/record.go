package emulator

import (
	"log/slog"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
)

// record completes the decision and hands it to the log, the metrics and the logger.
func (d *dispatcher) record(req *api.Request) {
	what := req.Decision
	describe(req)
	if what.Outcome == "" {
		what.Outcome = decision.Allowed
		if what.Error != nil {
			what.Outcome = decision.Failed
		}
	}
	d.decisions.Add(what)
	d.metrics.observe(what, d.services)
	if d.trail != nil {
		d.trail.record(req, d.services)
	}
	level := slog.LevelInfo
	if what.Outcome == decision.Allowed {
		level = slog.LevelDebug
	}
	if ctx := req.HTTP.Context(); d.log.Enabled(ctx, level) {
		d.log.LogAttrs(ctx, level, "call", what.LogAttrs()...)
	}
}

// describe fills what every decision carries. Services may have said more.
func describe(req *api.Request) {
	d := req.Decision
	d.Time, d.Service, d.Action, d.Region = req.Now, req.Service, req.Action, req.Region
	if d.Resource == "" {
		d.Resource = req.Form.Get("RoleArn")
	}
}

// reasonWriter puts the reason of a refusal beside the answer, never into it:
// the header x-irsa-emu-reason.
type reasonWriter struct {
	http.ResponseWriter
	decision *decision.Decision
	wrote    bool
}

func (w *reasonWriter) WriteHeader(status int) {
	if !w.wrote {
		w.wrote = true
		if text := w.decision.ReasonLine(); text != "" {
			w.Header().Set(hint.ReasonHeader, text)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *reasonWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *reasonWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
