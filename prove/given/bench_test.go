package given

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/sources/sourcestest"
)

// account is an account whose roles are each for an app's service accounts in
// twenty namespaces.
func account(roles int) string {
	return sourcestest.Account(roles, func(namespace, role int) string {
		return fmt.Sprintf("system:serviceaccount:ns%d:app-%d*", namespace, role)
	})
}

// BenchmarkWho is who about a thousand roles of twenty namespaces, from the bytes
// of the source to the answer.
func BenchmarkWho(b *testing.B) {
	src := account(1000)
	b.ReportAllocs()
	for b.Loop() {
		found, err := sources.Options{Stdin: strings.NewReader(src)}.Read("-")
		if err != nil {
			b.Fatal(err)
		}
		if err := found.Validate(); err != nil {
			b.Fatal(err)
		}
		m, err := Read(found, Options{})
		if err != nil {
			b.Fatal(err)
		}
		access, err := m.Who(b.Context(), "", 100)
		if err != nil || len(access) != 1000 {
			b.Fatal(len(access), err)
		}
	}
}
