package iam

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/irsa-emu/irsa-emu/policy"
)

func stored(t testing.TB, text string) Document {
	t.Helper()
	parsed, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return NewDocument(parsed)
}

func allowing(action string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":"*"}]}`, action)
}

// Equal texts are one, whoever wrote them.
func TestEqualDocumentsShareTheirText(t *testing.T) {
	a, b, c := stored(t, allowing("s3:*")), stored(t, allowing("s3:*")), stored(t, allowing("s3:Get*"))
	if unsafe.StringData(a.Text) != unsafe.StringData(b.Text) {
		t.Error("the text is in memory twice")
	}
	if !a.Equal(b) || a.Equal(c) || a != b || a == c {
		t.Error("equal documents are not equal, or others are")
	}
	if a.Parsed() != b.Parsed() {
		t.Error("the document is parsed twice")
	}
	if (Document{}).Parsed() != nil {
		t.Error("no document has a parsed form")
	}
}

// However many documents there are, the parsed ones are bounded, and the ones
// that are asked for all the time stay.
func TestParsedDocumentsAreBounded(t *testing.T) {
	cache := &documents{limit: 64 << 10}
	often := stored(t, allowing("sts:AssumeRole"))
	kept := cache.get(often)
	var running sync.WaitGroup
	for worker := range 4 {
		running.Go(func() {
			for i := range 2000 {
				action := fmt.Sprintf("s3:%d-%d", worker, i)
				if got := cache.get(stored(t, allowing(action))).Statements[0].Actions.Values[0]; got != action {
					t.Errorf("%s is parsed as %s", action, got)
				}
				if cache.get(often) != kept {
					t.Error("what is asked for all the time was forgotten")
				}
			}
		})
	}
	running.Wait()
	size := 0
	for _, half := range []map[key]*policy.Document{cache.young, cache.old} {
		for k := range half {
			size += sizeOf(k.Value())
		}
	}
	if size > cache.limit || size < cache.limit/4 {
		t.Errorf("%d bytes are kept, of %d", size, cache.limit)
	}
}

func BenchmarkParsed(b *testing.B) {
	var all []Document
	for i := range 20_000 {
		all = append(all, stored(b, allowing(fmt.Sprintf("s3:Get%d", i))))
	}
	for _, roles := range []int{100, 20_000} { // all of them fit, or nearly none do
		b.Run(fmt.Sprint(roles), func(b *testing.B) {
			b.ReportAllocs()
			cache := &documents{limit: 1 << 20}
			for i := 0; b.Loop(); i++ {
				cache.get(all[i%roles])
			}
		})
	}
}
