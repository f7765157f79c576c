package statefile_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// Documents that expand, nest or go on: refused, in memory that is a multiple of
// their length.
func TestAttackYAMLBombs(t *testing.T) {
	const head = "apiVersion: irsa-emu.dev/v1\nkind: State\n"
	laughs := "accounts:\n  \"111122223333\":\n    x0: &x0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("    x%d: &x%[1]d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i-1), 10), ", "))
	}
	nested := ""
	for i := range 3000 {
		nested += strings.Repeat(" ", i) + "a:\n"
	}
	for name, src := range map[string]string{
		"a billion laughs":          head + laughs,
		"an alias of itself":        head + "accounts: &a\n  \"111122223333\": *a\n",
		"merges":                    head + "clusters: {a: &a {issuer: \"https://i.example\"}, b: {<<: *a}}\n",
		"nested lists":              head + "accounts: " + strings.Repeat("[", 30_000),
		"nested lists, closed":      head + "accounts: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n",
		"nested mappings":           head + "accounts: " + strings.Repeat("{a: ", 30_000),
		"nested blocks":             head + "accounts:\n" + nested,
		"nested JSON":               `{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + "}",
		"30,000 documents":          strings.Repeat("---\na: 1\n", 30_000),
		"30,000 keys":               head + "accounts: {" + strings.Repeat("a: 1, ", 30_000) + "}\n",
		"30,000 tags":               head + "accounts: " + strings.Repeat("!!map ", 30_000) + "{}\n",
		"directives":                strings.Repeat("%TAG ! tag:x,2000:\n", 30_000) + "---\n" + head,
		"binary that is none":       head + "accounts: !!binary \"" + strings.Repeat("=", 30_000) + "\"\n",
		"a number of 30,000 digits": head + "accounts: " + strings.Repeat("9", 30_000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := statefile.Parse("state.yaml", []byte(src), nil)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("accepted")
			} else if len(err.Error()) > 1<<20+20*len(src) {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if took, most := after.TotalAlloc-before.TotalAlloc, uint64(32<<20+400*len(src)); took > most {
				t.Errorf("%d MB were allocated for %d kB", took>>20, len(src)>>10)
			}
		})
	}
}
