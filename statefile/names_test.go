package statefile

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// The longest names there are, and one letter more.
func TestLengthsOfNames(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for name, of := range map[string]struct {
		is           func(string) bool
		longest, not string
	}{
		"secret":          {isSecretName, a(512), a(513)},
		"bucket":          {isBucketName, a(63), a(64)},
		"no bucket":       {isBucketName, a(3), a(2)},
		"namespace":       {aws.IsServiceAccount, a(63) + "/a", a(64) + "/a"},
		"service account": {aws.IsServiceAccount, "a/" + a(253), "a/" + a(254)},
		"no namespace":    {aws.IsServiceAccount, "a/a", "/a"},
	} {
		if !of.is(of.longest) || of.is(of.not) {
			t.Errorf("%s: %v, %v", name, of.is(of.longest), of.is(of.not))
		}
	}
}
