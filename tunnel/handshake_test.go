package tunnel

import (
	"bytes"
	"io"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden" // -update
)

func FuzzHandshake(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{22, 3, 1, 0, 2, 1, 0, 21, 3, 3, 0, 2, 2, 48})
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		from := bytes.NewReader(in)
		_ = carryHandshake(&out, from)
		if _, err := io.Copy(&out, from); err != nil || !bytes.Equal(out.Bytes(), in) {
			t.Errorf("%x became %x (%v)", in, out.Bytes(), err)
		}
	})
}
