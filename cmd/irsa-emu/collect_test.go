package main

import "testing"

func TestGrowth(t *testing.T) {
	const mib = 1 << 20
	for live, room := range map[uint64]uint64{ // both in MiB
		0: 20, 4: 20, 8: 20, 10: 24, 34: 120, 96: 256, 300: 256, 600: 300, 1000: 500,
	} {
		live := max(live, 4) * mib
		if got := uint64(growth(live)) * live / 100; got < room*mib-live/50 || got > room*mib {
			t.Errorf("of %d MiB: %d MiB more, not %d", live/mib, got/mib, room)
		}
	}
}
