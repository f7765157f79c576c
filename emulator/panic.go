package emulator

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/irsa-emu/irsa-emu/api"
)

// ownMistake is all that a decision says of a panic.
const ownMistake = "the emulator made a mistake; its log has more"

func logPanic(log *slog.Logger, req *api.Request, mistake any) {
	log.Error("a call panicked; please report it", "requestId", req.ID, "service", req.Service, "action", req.Action,
		"panic", fmt.Sprint(mistake), "stack", string(debug.Stack()))
}
