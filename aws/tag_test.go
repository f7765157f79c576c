package aws_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// TestTagLimits: characters are counted, not bytes.
func TestTagLimits(t *testing.T) {
	for key, fits := range map[string]bool{"": false, "k": true, strings.Repeat("é", 128): true, strings.Repeat("k", 129): false} {
		if aws.TagKeyFits(key) != fits {
			t.Errorf("key of %d bytes: %v", len(key), !fits)
		}
	}
	for value, fits := range map[string]bool{"": true, strings.Repeat("é", 256): true, strings.Repeat("v", 257): false} {
		if aws.TagValueFits(value) != fits {
			t.Errorf("value of %d bytes: %v", len(value), !fits)
		}
	}
	for key, reserved := range map[string]bool{"aws:x": true, "AWS:": true, "aws": false, "awsx": false, "my:aws:": false, "": false} {
		if aws.ReservedTagKey(key) != reserved {
			t.Errorf("%q: reserved %v", key, !reserved)
		}
	}
}
