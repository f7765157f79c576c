package kind

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/harness"
)

// A cluster that others use too is left as it is; only what was led here by its DNS
// intercepts; and no API server signs claims of our own.
func TestCan(t *testing.T) {
	for _, c := range []struct {
		name string
		r    *running
		can  []harness.Need
	}{
		{"made by the run", &running{intercepted: true}, []harness.Need{
			harness.NeedManifests, harness.NeedPods, harness.NeedRotation, harness.NeedAlone, harness.NeedIntercept, harness.NeedClusters}},
		{"there already", &running{borrowed: true}, []harness.Need{harness.NeedManifests, harness.NeedPods}},
		{"there already, and led here", &running{borrowed: true, intercepted: true}, []harness.Need{harness.NeedManifests, harness.NeedPods, harness.NeedIntercept}},
	} {
		s := &share{running: c.r}
		can := map[harness.Need]bool{}
		for _, n := range c.can {
			can[n] = true
		}
		for _, n := range []harness.Need{harness.NeedManifests, harness.NeedPods, harness.NeedRotation, harness.NeedClaims, harness.NeedAlone, harness.NeedIntercept, harness.NeedClusters, "another"} {
			if s.Can(n) != can[n] {
				t.Errorf("%s: can %s: %v", c.name, n, s.Can(n))
			}
		}
	}
}
