package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

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

// collectWhileServing gives back what starting used, and from then on fits to what is
// live how far the heap may grow, until ctx ends.
func (p *program) collectWhileServing(ctx context.Context) {
	trim()
	if _, set := p.getenv("GOGC"); set {
		return
	}
	go func() {
		// What a collection looks at: what is live, the stacks and the variables of packages.
		looked := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
		now := 0
		for every := time.Tick(time.Second); ; {
			metrics.Read(looked)
			live := looked[0].Value.Uint64()
			percent := int(room(live) * 100 / (live + looked[1].Value.Uint64() + looked[2].Value.Uint64()))
			// Setting it stops all calls for a moment: not for every little change.
			if percent < now*9/10 || percent > now*11/10 {
				debug.SetGCPercent(percent)
				now = percent
			}
			select {
			case <-every:
			case <-ctx.Done():
				return
			}
		}
	}()
}

// room is by how many bytes the heap may grow before garbage is collected. Nearly all
// that a call allocates is garbage when it ends, and each collection looks at all that
// is live: with few roles 24 MiB of room, two thousand calls. A large state gets four
// times what it has beyond 4 MiB, up to 256 MiB, or half of it: to look at 100,000
// roles takes 75 ms of CPU, once in 20,000 calls.
func room(live uint64) uint64 {
	const least, most, usual = 24 << 20, 256 << 20, 4 << 20
	return max(min(max(least, 4*(max(live, usual)-usual)), most), live/2)
}
