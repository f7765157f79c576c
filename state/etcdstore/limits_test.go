package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

// TestServersLimits: the server takes less than usual, or more.
func TestServersLimits(t *testing.T) {
	t.Parallel()
	m := newMember(t, func(c *embed.Config) { c.MaxRequestBytes, c.MaxTxnOps = 256<<10, 32 })
	large := &storetest.Item{Key: "large", Text: strings.Repeat("x", 300<<10)}
	var many []state.Entity
	for i := range 100 {
		many = append(many, item(fmt.Sprint(i), 1))
	}

	usual := openStore(t, config(t, m))
	if err := put(usual, large); !errors.Is(err, state.ErrTooLarge) || !strings.Contains(err.Error(), "--max-request-bytes below 1572864") {
		t.Errorf("more than the server takes: %v", err)
	}
	if err := put(usual, many...); !errors.Is(err, state.ErrTooLarge) || !strings.Contains(err.Error(), "--max-txn-ops below 128") {
		t.Errorf("more operations than the server takes: %v", err)
	}
	mustPut(t, usual, item("a", 1)) // nothing is left behind that would be in the way

	told := config(t, m)
	told.MaxRequestBytes, told.MaxTxnOps = 256<<10, 32
	s, other := openStore(t, told), openStore(t, told)
	if err := put(s, large); !errors.Is(err, state.ErrTooLarge) || !strings.Contains(err.Error(), `item "large" has 307225 bytes; with max-request-bytes=262144 etcd takes up to 2293`) {
		t.Errorf("an entity that is too large: %v", err)
	}
	mustPut(t, s, many...)
	await(t, other, "99", 1)
	var sizes []state.Entity
	for i := range 20 { // more than a request, without more operations
		sizes = append(sizes, &storetest.Item{Key: fmt.Sprintf("size/%02d", i), N: 1, Text: strings.Repeat("x", i*10_000)})
	}
	mustPut(t, s, sizes...)
	await(t, other, "size/19", 1)
	await(t, openStore(t, told), "size/00", 1)
}

func TestLargerRequests(t *testing.T) {
	t.Parallel()
	m := newMember(t, func(c *embed.Config) { c.MaxRequestBytes = 8 << 20 })
	c := config(t, m)
	c.MaxRequestBytes = 8 << 20
	s := openStore(t, c)
	mustPut(t, s, &storetest.Item{Key: "large", N: 1, Text: strings.Repeat("x", 5<<20)})
	await(t, openStore(t, c), "large", 1)
}

// TestPrefixes: one prefix may begin like another.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	m := sharedMember(t)
	c := config(t, m)
	longer := c
	longer.Prefix += "0"
	a, b := openStore(t, c), openStore(t, longer)
	mustPut(t, a, item("a", 1))
	mustPut(t, b, item("a", 2), item("b", 2))
	for _, s := range []*state.Store{a, openStore(t, c)} {
		if x, y := number(s.Snapshot(), "a"), number(s.Snapshot(), "b"); x != 1 || y != -1 {
			t.Errorf("a is %d and b %d, want 1 and none", x, y)
		}
	}
}

func TestAnotherFormat(t *testing.T) {
	t.Parallel()
	c := config(t, sharedMember(t))
	s := openStore(t, c)
	mustPut(t, s, item("a", 1))
	if _, err := newClient(t, c.Endpoints...).Put(t.Context(), c.Prefix+"/format", "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := etcdstore.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "has format 2, and this irsa-emu knows format 1") {
		t.Errorf("Open: %v", err)
	}
	if err := put(s, item("a", 2)); !errors.Is(err, state.ErrUnavailable) || !strings.Contains(err.Error(), "taken over by another version") {
		t.Errorf("a write after the format has changed: %v", err)
	}
	var many []state.Entity
	for i := range 300 {
		many = append(many, item(fmt.Sprint(i), 1))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Update(ctx, func(tx *state.Txn) error {
		for _, e := range many {
			tx.Put(e)
		}
		return nil
	}); err == nil {
		t.Error("a batch was written after the format has changed")
	}
}

// TestForeignKeys: what irsa-emu does not write makes a store refuse, not guess.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"/state/entity/item": "is not one that irsa-emu writes", "/state/entity/gadget/a": `kind "gadget" is not known`} {
		c := config(t, sharedMember(t))
		if _, err := newClient(t, c.Endpoints...).Put(t.Context(), c.Prefix+key, "{}"); err != nil {
			t.Fatal(err)
		}
		_, err := state.Open(t.Context(), openBackend(t, c), storetest.Kinds()...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", key, err, want)
		}
	}
}

// BenchmarkPropagation measures from the beginning of a write in one store to its being seen in another.
func BenchmarkPropagation(b *testing.B) {
	c := config(b, sharedMember(b))
	writer, reader := openStore(b, c), openStore(b, c)
	var times []time.Duration
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		mustPut(b, writer, item("a", n))
		await(b, reader, "a", n)
		times = append(times, time.Since(began))
	}
	report(b, times, "seen")
}

// BenchmarkUpdate measures a write.
func BenchmarkUpdate(b *testing.B) {
	s := openStore(b, config(b, sharedMember(b)))
	n := 0
	for b.Loop() {
		n++
		mustPut(b, s, item("a", n))
	}
}

func report(b *testing.B, times []time.Duration, what string) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs-"+what+"-median")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs-"+what+"-p99")
}
