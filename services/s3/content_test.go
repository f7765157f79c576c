package s3

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// TestSmallContent: what is kept in an object has its own size, and not that of the
// buffer that it was read into.
func TestSmallContent(t *testing.T) {
	store, err := state.Open(t.Context(), state.NewMemory(), Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, size := range []int{1, 100, inlineMax} {
		pieces, n, err := newContents(store, rand.Reader, discardLog).keep(t.Context(), bytes.NewReader(make([]byte, size)))
		if err != nil || len(pieces) != 1 || n != int64(size) || len(pieces[0].Data) != size || cap(pieces[0].Data) > 2*size+64 {
			t.Errorf("%d bytes: %d kept in %d pieces, the first of %d with room for %d, %v", size, n, len(pieces), len(pieces[0].Data), cap(pieces[0].Data), err)
		}
	}
}

// TestOneCall: S3 takes 5 GiB in one call, however large objects may be; and the
// emulator's own limit says so itself.
func TestOneCall(t *testing.T) {
	for _, tc := range []struct {
		size, limit int64
		want        string
	}{
		{5 << 30, 10 << 30, ""},
		{5<<30 + 1, 10 << 30, "5 GiB in one call"},
		{5<<30 + 1, 5 << 30, "5 GiB in one call"},
		{2 << 30, 1 << 30, "the limit is irsa-emu's own"},
		{1 << 30, 1 << 30, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://s3/b/k", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = tc.size
		body, err := wire.OpenPayload(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		var refusal *api.Refusal
		why := ""
		if errors.As((&Service{maxSize: tc.limit}).checkSize(&call{body: body}), &refusal) {
			why = refusal.Reason.Message
		}
		if (tc.want == "") != (why == "") || !strings.Contains(why, tc.want) {
			t.Errorf("%d bytes of %d: %q, want %q", tc.size, tc.limit, why, tc.want)
		}
	}
}
