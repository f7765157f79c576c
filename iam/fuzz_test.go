package iam

import (
	"encoding/json"
	"net/url"
	"testing"
)

func FuzzRewritePrincipals(f *testing.F) {
	f.Add(`{"Statement":[{"Principal":{"AWS":["arn:aws:iam::111122223333:role/a","b"]}},{"Principal":{"AWS":"a"},"Condition":{"AWS":"a"}}]}`)
	f.Add(`{"Statement":{"Principal":{"AWS" : "\u0061"}}}`)
	f.Add(`{"Statement":`)
	f.Fuzz(func(t *testing.T, text string) {
		if same := rewritePrincipals(text, func(s string) string { return s }); same != text {
			t.Errorf("nothing to replace, but %q became %q", text, same)
		}
		other := rewritePrincipals(text, func(string) string { return "AROA\"" })
		if json.Valid([]byte(text)) && !json.Valid([]byte(other)) {
			t.Errorf("%q became %q, which is not JSON", text, other)
		}
	})
}

func FuzzPercentEncode(f *testing.F) {
	f.Add("a b+c%3A/é~")
	f.Fuzz(func(t *testing.T, text string) {
		encoded := percentEncode(text)
		for name, decode := range map[string]func(string) (string, error){"query": url.QueryUnescape, "path": url.PathUnescape} {
			if back, err := decode(encoded); err != nil || back != text {
				t.Errorf("%s: %q came back as %q, %v", name, text, back, err)
			}
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add("YWZ0ZXI6MDA")
	f.Add("not a marker")
	f.Fuzz(func(t *testing.T, marker string) {
		key, ok := openMarker(marker)
		if !ok {
			return
		}
		if again, ok := openMarker(sealMarker(key)); !ok || again != key {
			t.Errorf("%q became %q", key, again)
		}
	})
}
