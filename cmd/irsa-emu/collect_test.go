package main

import "testing"

func TestRoom(t *testing.T) {
	const mib = 1 << 20
	for live, want := range map[uint64]uint64{0: 24, 4: 24, 8: 24, 10: 24, 12: 32, 34: 120, 96: 256, 300: 256, 600: 300, 1000: 500} { // MiB
		if got := room(live*mib) / mib; got != want {
			t.Errorf("of %d MiB: %d MiB more, not %d", live, got, want)
		}
	}
}
