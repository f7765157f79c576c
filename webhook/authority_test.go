package webhook

import (
	"strings"
	"testing"
)

func FuzzParseAuthority(f *testing.F) {
	for _, seed := range []string{"", "none", "AWS_CA_BUNDLE,SSL_CERT_DIR", " A , B", ",", "none,A", "A=B", "\u00e4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		names, err := ParseAuthority(value)
		if err != nil {
			return
		}
		for _, name := range names {
			if !variableName.MatchString(name) || name == NoAuthority {
				t.Errorf("%q gives the variable %q", value, name)
			}
		}
		if again, err := ParseAuthority(strings.Join(names, ",")); err != nil || len(again) != len(names) {
			t.Errorf("%q: %v again is %v, %v", value, names, again, err)
		}
	})
}
