package eks

import (
	"maps"
	"slices"
	"testing"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// TestAccessEntryTypes: documents can have the types of entries that the API has.
func TestAccessEntryTypes(t *testing.T) {
	want := slices.Sorted(maps.Keys(entryTypes))
	if got := slices.Sorted(slices.Values(statefile.AccessEntryTypes)); !slices.Equal(got, want) {
		t.Errorf("documents take %v, the API %v", got, want)
	}
}
