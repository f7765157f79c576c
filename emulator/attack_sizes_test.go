package emulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// The clients of this file send too much, or many of them much.

// allocated is how much memory is taken while f runs, given back or not.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// live is how much memory is in use.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Heads and bodies that are too large cost the emulator no more than it allows.
func TestAttackOversizedRequests(t *testing.T) {
	l := startLimited(t, Config{}, usualLimits)
	const mega = 1 << 20
	for name, tt := range map[string]struct {
		request string
		status  string
		most    int64
	}{
		"a header":             {"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 2*mega) + "\r\n\r\n", "431", 4 * mega},
		"many headers":         {"GET /healthz HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", mega/4) + "\r\n", "431", 12 * mega},
		"a target":             {"GET /" + strings.Repeat("x", 2*mega) + " HTTP/1.1\r\nHost: h\r\n\r\n", "431", 4 * mega},
		"a body":               {formHead + fmt.Sprintf("Content-Length: %d\r\n\r\n", 8*mega) + strings.Repeat("x", 8*mega), "413", 12 * mega},
		"a body of a terabyte": {formHead + "Content-Length: 1099511627776\r\n\r\n" + strings.Repeat("x", 2*mega), "413", 12 * mega},
		"a body without end":   {formHead + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 2000), "413", 12 * mega},
		"many trailers":        {formHead + "Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n0\r\n" + strings.Repeat("x: y\r\n", mega/4) + "\r\n", "400", 12 * mega},
	} {
		t.Run(name, func(t *testing.T) {
			var statuses []string
			took := allocated(func() { statuses = l.raw(t, tt.request) })
			if len(statuses) != 1 || statuses[0] != tt.status {
				t.Errorf("answers %v, want %s", statuses, tt.status)
			}
			took -= int64(len(tt.request)) // the test's own copy
			if took > tt.most {
				t.Errorf("%d kB were allocated, more than %d", took>>10, tt.most>>10)
			}
		})
	}
	l.answers(t)
}

// Clients that announce a megabyte each and send a byte get no megabyte each.
func TestAttackAnnouncedBodies(t *testing.T) {
	l := startLimited(t, Config{}, usualLimits)
	before := live()
	const clients = 200
	for range clients {
		io.WriteString(l.dial(t), formHead+"Content-Length: 1048576\r\n\r\nA")
	}
	eventually(t, "all are being read", func() bool {
		l.waiting.mu.Lock()
		defer l.waiting.mu.Unlock()
		return len(l.waiting.all) == clients && l.waiting.waiting.Len() == 0
	})
	if held := (live() - before) / clients; held > 128<<10 {
		t.Errorf("%d kB are held for each client", held>>10)
	}
}

// Only so many large bodies are in memory at a time; small ones go on.
func TestAttackLargeBodiesAtOnce(t *testing.T) {
	l := startLimited(t, Config{}, usualLimits)
	for range mostLargeBodies {
		io.WriteString(l.dial(t), formHead+"Content-Length: 1048576\r\n\r\n"+strings.Repeat("a", 100_000))
	}
	eventually(t, "the room for large bodies is taken", func() bool { return len(l.calls.bodies) == mostLargeBodies })
	large := formHead + "Connection: close\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("a", 200_000)
	if got := l.raw(t, large); len(got) != 1 || got[0] != "503" {
		t.Errorf("one more large body: %v, want 503", got)
	}
	small := formHead + "Connection: close\r\nContent-Length: 20\r\n\r\nAction=NoSuch&Ver=x0"
	if got := l.raw(t, small); len(got) != 1 || got[0] != "400" {
		t.Errorf("a small body meanwhile: %v, want 400", got)
	}
}

// A form of very many parameters, or very long dotted names.
func TestAttackQueryBomb(t *testing.T) {
	emu := Start(t, Config{})
	for name, form := range map[string]string{
		"100,000 parameters": "Action=AssumeRole&Version=2011-06-15" + strings.Repeat("&a=1", 100_000),
		"100,000 tags":       "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + numbered("&Tags.member.%d.Key=a", 40_000),
		"4,000 lists":        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + numbered("&PolicyArns.member.%d.arn=a", 4_000),
		"very deep names":    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + strings.Repeat("&"+strings.Repeat("a.", 1000)+"b=1", 500),
		"a huge index":       "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&PolicyArns.member.9223372036854775807.arn=a",
		"all percents":       "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + strings.Repeat("%41", 340_000),
	} {
		for _, where := range []string{"body", "query"} {
			if where == "query" && len(form) > 60_000 {
				continue // the head of a request is smaller than that
			}
			t.Run(name+" in the "+where, func(t *testing.T) {
				target, body := emu.URL+"/", form
				if where == "query" {
					target, body = target+"?"+form, ""
				}
				var status int
				took := allocated(func() {
					resp, err := http.Post(target, "application/x-www-form-urlencoded", strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status = resp.StatusCode
				})
				if status != http.StatusBadRequest && status != http.StatusNotFound {
					t.Errorf("status %d", status)
				}
				if most := int64(len(form)*10 + 16<<20); took > most {
					t.Errorf("%d kB were allocated for a form of %d kB", took>>10, len(form)>>10)
				}
			})
		}
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// A flood of refused calls, none of them signed, each as large as a call can be:
// what is remembered of them is bounded.
func TestAttackRefusalFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 320 MB")
	}
	emu := startTutorial(t)
	unknown, err := emu.Token(t.Context(), TokenRequest{Issuer: "https://unknown.example.com", Subject: "x", Claims: map[string]any{"list": make([]int, 5000)}})
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:iam::111122223333:role/EKSServiceAccountRole"
	forms := []string{
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=s&WebIdentityToken=" + unknown + "&RoleArn=" + arn,
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=s&WebIdentityToken=x&RoleArn=" + arn + "&x=" + strings.Repeat("x", 1<<20-1000),
		"Action=AssumeRole&Version=2011-06-15&RoleArn=" + strings.Repeat("x", 1<<20-100),
	}
	before := live()
	for i := range 480 {
		form := forms[i%len(forms)]
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, emu.URL, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Fatalf("let in: %d", resp.StatusCode)
		}
	}
	if held := live() - before; held > 200<<20 {
		t.Errorf("%d MB are held after 480 refused calls", held>>20)
	}
}
