package page_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/page"
)

func sample() *page.Document {
	return &page.Document{
		Title: "A <title>", Summary: "two rows", RowsTitle: "Rows", Columns: []string{"Name"}, Notes: []string{"a note"},
		Kinds: []page.Kind{{ID: "good", Label: "gets", Mark: "✓", Count: 1}, {ID: "bad", Label: "refused", Mark: "✗", Count: 1}},
		Grid:  &page.Grid{Lines: []string{"a/b", "c/d"}, Columns: []string{"role"}, Cells: [][]page.Cell{{{Kind: "good", Mark: "✓"}}, {{Kind: "bad", Mark: "✗", Row: 1}}}},
		Rows: []page.Row{
			{Kind: "good", Label: "gets", Mark: "✓", Cells: []string{"a/b"}, Why: "it fits", Steps: []string{"one", "two"}},
			{Kind: "bad", Label: "refused", Mark: "✗", Cells: []string{`c/d"><script>alert(1)</script>`}, Why: "</table><img src=x onerror=alert(1)>"},
		},
		Findings: []page.Finding{{Severity: "error", Rule: "r", Place: "f:1:1", Message: "m", Fix: "f"}},
	}
}

func written(t *testing.T, d *page.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNothingIsLoadedAndForeignTextIsEscaped(t *testing.T) {
	text := written(t, sample())
	if regexp.MustCompile(`(src|href)="?https?:|@import|url\(`).MatchString(text) {
		t.Error("the page loads something")
	}
	if !strings.Contains(text, "default-src 'none'") {
		t.Error("the page has no content security policy")
	}
	hidden := sample()
	hidden.Summary, hidden.Rows[0].Why, hidden.Grid.Lines[0] = "a\x1bb", "a\u202eb", "a\u0085b"
	if text := written(t, hidden); strings.ContainsAny(text, "\x1b\u202e\u0085") || !strings.Contains(text, `a\u202eb`) {
		t.Error("what turns text around is not escaped")
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img") || strings.Contains(text, "<title>A <title>") {
		t.Error("foreign text is not escaped")
	}
}

// TestFiltersInABrowser loads the page in a real browser, clicks a filter, types a
// search, and looks at what is shown then.
func TestFiltersInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no chromium or google-chrome on this machine (Debian: apt-get install chromium)")
	}
	text := written(t, sample())
	tests := []struct{ name, script, want, hidden string }{
		{"as it is", ``, "row-0 row-1", ""},
		{"refused rows switched off", `document.querySelector('[data-filter=bad]').click();`, "row-0", "row-1"},
		{"a search", `const i = document.querySelector('input'); i.value = 'C/D'; i.dispatchEvent(new Event('input'));`, "row-1", "row-0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "page.html")
			if err := os.WriteFile(file, []byte(strings.Replace(text, "</html>", "<script>"+tt.script+"</script></html>", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
				"--user-data-dir="+filepath.Join(folder, "profile"), "--dump-dom", "file://"+file)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			dom, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v: %.500s", browser, err, &stderr)
			}
			var shown, hidden []string
			for _, m := range regexp.MustCompile(`<tr id="(row-\d)"([^>]*)>`).FindAllStringSubmatch(string(dom), -1) {
				if strings.Contains(m[2], "hidden") {
					hidden = append(hidden, m[1])
				} else {
					shown = append(shown, m[1])
				}
			}
			if strings.Join(shown, " ") != tt.want || strings.Join(hidden, " ") != tt.hidden {
				t.Errorf("shown %v, hidden %v; want %s, %s", shown, hidden, tt.want, tt.hidden)
			}
			if lines := strings.Count(string(dom), `data-line="" hidden`); lines != len(hidden) {
				t.Errorf("%d lines of the matrix are hidden, want %d", lines, len(hidden))
			}
		})
	}
}
