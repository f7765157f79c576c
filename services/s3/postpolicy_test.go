package s3

import (
	"encoding/base64"
	"testing"
	"time"
)

// FuzzPostPolicy: whatever a policy says, it is read or refused, and a form of no fields is held against it.
func FuzzPostPolicy(f *testing.F) {
	for _, text := range []string{
		`{"expiration":"2026-01-01T00:00:00Z","conditions":[{"bucket":"b"},["eq","$key","k"],["starts-with","$a",""],["content-length-range",1,2]]}`,
		`{"expiration":"x","conditions":[[1,2,3]]}`, `{}`, `[`, `{"expiration":"2026-01-01T00:00:00Z","conditions":[["content-length-range",-1,9223372036854775808]]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := readPostPolicy(base64.StdEncoding.EncodeToString(text))
		if err != nil {
			return
		}
		if p.least < 0 || p.most < -1 {
			t.Errorf("a range of %d to %d", p.least, p.most)
		}
		form := &postForm{fields: map[string]string{}}
		if err := p.check(form, p.expiration.Add(-time.Second)); err == nil && len(p.conditions) > 0 {
			for _, c := range p.conditions {
				if c.operator != "eq" && c.operator != "starts-with" {
					t.Errorf("the condition %s holds", c.text)
				}
			}
		}
		_ = p.checkSize(1)
	})
}
