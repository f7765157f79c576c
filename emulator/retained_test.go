package emulator

import (
	"context"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// Decisions say what a token said. A string of theirs that was cut out of the
// request would keep all of it, and the token, in memory.
func TestDecisionsDoNotKeepTokens(t *testing.T) {
	const calls, padding = 200, 10_000
	emu := Start(t, Config{Given: []statefile.State{benchState(10, 1)}})
	token, err := emu.Token(context.Background(), TokenRequest{
		Issuer: benchIssuer, ServiceAccount: "ns/sa", Claims: map[string]any{"padding": strings.Repeat("x", padding)},
	})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::" + benchAccount + ":role/role-7"},
		"RoleSessionName": {"session"}, "WebIdentityToken": {token},
	}.Encode()
	form = strings.NewReplacer("%3A", ":", "%2F", "/").Replace(form) // so that nothing needs decoding, and values are parts of it
	call := func() {
		r := httptest.NewRequest("POST", "/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		emu.Handler().ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // pools let go at the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	call()
	before := heap()
	for range calls {
		call()
	}
	if kept := (int64(heap()) - int64(before)) / calls; kept > padding/2 {
		t.Errorf("a decision keeps %d bytes of a call whose token has more than %d", kept, padding)
	}
	if n := len(slices.Collect(emu.decisions.Newest(0, ""))); n <= calls {
		t.Fatalf("%d decisions are kept of %d calls", n, calls+1)
	}
}
