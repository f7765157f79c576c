package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

func filled(b *testing.B, n int) *state.Store {
	s, err := state.Open(b.Context(), state.NewMemory(), thingKind)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	err = s.Update(b.Context(), func(tx *state.Txn) error {
		for i := range n {
			tx.Put(&thing{Key: fmt.Sprintf("111122223333/role-%06d", i), Owner: fmt.Sprint(i)})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkGet asks for one after the other in no order: which of many is asked for next is in no cache.
func BenchmarkGet(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		s := filled(b, n)
		keys := make([]string, n)
		for i, to := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
			keys[to] = fmt.Sprintf("111122223333/role-%06d", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := state.Get[*thing](s.Snapshot(), keys[i%n]); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		s := filled(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := state.Lookup[*thing](s.Snapshot(), "owner", "7"); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		s := filled(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := s.Update(b.Context(), func(tx *state.Txn) error {
					tx.Put(&thing{Key: "111122223333/role-000007", Owner: "7"})
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
