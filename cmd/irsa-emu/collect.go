package main

import (
	"runtime/debug"
	"runtime/metrics"

	"github.com/irsa-emu/irsa-emu/emulator"
)

// collectWhileLoading lets the heap grow by half of what is live before garbage is
// collected: a state of many thousands should not need twice its memory to begin.
// $GOGC and $GOMEMLIMIT decide otherwise.
func (p *program) collectWhileLoading() {
	if _, set := p.getenv("GOMEMLIMIT"); !set {
		if limit := emulator.MemoryLimit(); limit > 0 {
			debug.SetMemoryLimit(limit / 10 * 9) // rather collect garbage than be killed by a container's limit
		}
	}
	if _, set := p.getenv("GOGC"); !set {
		debug.SetGCPercent(50)
	}
}

// collectWhileServing gives back what loading used, and lets the heap grow to three
// times what is live: nearly all that a call allocates is garbage when it ends, and
// with few roles that costs some MiB. Of a large state hardly anything changes, and
// it is looked at whole each time: there the heap grows by half of it, or by 128 MiB.
func (p *program) collectWhileServing() {
	if _, set := p.getenv("GOGC"); set {
		return
	}
	debug.FreeOSMemory()
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(heap)
	const room = 128 << 20
	live := max(heap[0].Value.Uint64(), 1)
	debug.SetGCPercent(int(min(max(room*100/live, 50), 200)))
}
