package harness_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/irsa-emu/irsa-emu/harness"
)

// issuing is an issuer whose clock and key can be changed, in the time of a synctest bubble.
type issuing struct {
	mu     sync.Mutex // the keeper holds it; a test changes and reads things between two after
	life   time.Duration
	offset time.Duration
	key    string
	issuer string
	down   error
	asked  int

	file     string
	replaced []string // why
	failed   []string
}

func (i *issuing) token(context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	if i.down != nil {
		return "", i.down
	}
	now := time.Now().Add(i.offset).Unix()
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"kid":"`+i.key+`"}`)) + "." + part(fmt.Appendf(nil, `{"iss":%q,"iat":%d,"exp":%d}`, i.issuer, now, now+int64(i.life/time.Second))) + ".sig", nil
}

func (i *issuing) newest(t *testing.T) string {
	token, err := i.token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// keep runs a keeper of the issuer's tokens until the test ends.
func (i *issuing) keep(t *testing.T, look time.Duration) {
	k := harness.TokenKeeper{
		Request: i.token, Look: look, Write: func(token string) error { i.locked(func() { i.file = token }); return nil },
		Replaced: func(_, why string) { i.locked(func() { i.replaced = append(i.replaced, why) }) },
		Failed:   func(err error, due bool) { i.locked(func() { i.failed = append(i.failed, fmt.Sprint(err, " ", due)) }) },
	}
	first := i.newest(t)
	i.file, i.asked = first, 0
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Keep(ctx, first) }()
	t.Cleanup(func() { stop(); <-ended })
}

func (i *issuing) locked(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	do()
}

// after lets time pass and says why the token was replaced meanwhile.
func (i *issuing) after(d time.Duration) (replaced []string) {
	var before int
	i.locked(func() { before = len(i.replaced) })
	time.Sleep(d)
	synctest.Wait()
	i.locked(func() { replaced = slices.Clone(i.replaced[before:]) })
	return replaced
}

func TestTokenIsReplacedInTime(t *testing.T) {
	for name, test := range map[string]struct{ life, use time.Duration }{
		"a day's":      {24 * time.Hour, 24 * time.Hour * 4 / 5},
		"an hour's":    {time.Hour, 48 * time.Minute},
		"a week's":     {7 * 24 * time.Hour, 24 * time.Hour},
		"of 1 second":  {time.Second, 800 * time.Millisecond},
		"without life": {0, 48 * time.Minute},
	} {
		for _, look := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprint(name, look), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := &issuing{life: test.life, key: "1"}
					i.keep(t, look)
					if early := i.after(test.use - 10*time.Millisecond); len(early) > 0 {
						t.Errorf("replaced too early: %v", early)
					}
					if got := i.after(20 * time.Millisecond); !slices.Equal(got, []string{harness.ReplacedDue}) {
						t.Errorf("in time: %v", got)
					}
					if look == 0 && i.asked != 1 {
						t.Errorf("asked %d times", i.asked)
					}
				})
			})
		}
	}
}

func TestTokenFollowsTheEmulator(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*issuing)
		why    string
	}{
		"its clock":          {func(i *issuing) { i.offset = 25 * time.Hour }, harness.ReplacedDue},
		"its clock, by less": {func(i *issuing) { i.offset = 2 * time.Hour }, ""},
		"its clock, back":    {func(i *issuing) { i.offset = -2 * time.Hour }, harness.ReplacedClock},
		"another key":        {func(i *issuing) { i.key = "2" }, harness.ReplacedKey},
		"another issuer":     {func(i *issuing) { i.issuer = "https://b.example" }, harness.ReplacedIssuer},
		"nothing":            {func(*issuing) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &issuing{life: 24 * time.Hour, key: "1", issuer: "https://a.example"}
				i.keep(t, time.Second)
				test.change(i)
				want := []string{}
				if test.why != "" {
					want = append(want, test.why)
				}
				if got := i.after(time.Minute); !slices.Equal(got, want) {
					t.Errorf("replaced because of %q, want %q", got, want)
				}
				if newest, _, _ := strings.Cut(i.newest(t), "."); !strings.HasPrefix(i.file, newest) {
					t.Error("the file has a token of an old key")
				}
			})
		})
	}
}

func TestTokenKeeperSaysOnceWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuing{life: time.Hour, key: "1"}
		i.keep(t, time.Second)
		first := i.file
		i.down = errors.New("gone")
		i.after(50 * time.Minute)
		if want := []string{"gone false", "gone true"}; !slices.Equal(i.failed, want) || i.file != first {
			t.Errorf("failures %q, want %q", i.failed, want)
		}
		i.down = nil
		if got := i.after(2 * time.Second); len(got) != 1 || i.file == first {
			t.Errorf("once it is there again: %q", got)
		}
		i.down = errors.New("gone again")
		i.after(time.Minute)
		if len(i.failed) != 3 {
			t.Errorf("failures %q", i.failed)
		}
	})
}

// An API server's tokens are asked for when they are due, and less and less
// often where it does not answer.
func TestTokenKeeperBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuing{life: time.Hour, key: "1"}
		i.keep(t, 0)
		i.down = errors.New("gone")
		i.after(47 * time.Minute)
		if i.asked != 0 {
			t.Errorf("asked %d times before it was due", i.asked)
		}
		i.after(time.Hour)
		if i.asked < 50 || i.asked > 70 {
			t.Errorf("asked %d times in an hour", i.asked)
		}
	})
}
