package irsaemu

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const behaviour = "docs/aws-behaviour.md"

// How comments, golden cases and documents cite [behaviour].
var (
	citesSection = regexp.MustCompile(`(?i)\brecorded (\d+[a-z]?)\b`)
	citesRow     = regexp.MustCompile(`(?i)\brecorded(?: \d+[a-z]?)?[:,] ((?:[a-z0-9]+(?:-[a-z0-9]+)+(?:, )?)+)`)
	citesAnchor  = regexp.MustCompile(`aws-behaviour\.md#([\w-]+)`)
	citesPage    = regexp.MustCompile(`\(recorded|recorded\)|\bRecorded[:.]|(?i)\brecorded (?:on|at|against|from|of) (?:AWS|STS|IAM)`)
)

// citable is what the page defines.
type citable struct {
	sections, rows, anchors, packages map[string]bool
}

func readBehaviour(t *testing.T) citable {
	t.Helper()
	page, err := os.ReadFile(behaviour)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	c := citable{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, m := range regexp.MustCompile(`(?m)^##+ ((?:(\d+[a-z]?)\. )?.*)$`).FindAllStringSubmatch(text, -1) {
		c.sections[m[2]] = true
		c.anchors[slug(m[1])] = true
	}
	for _, m := range regexp.MustCompile("`([a-z0-9]+(?:-[a-z0-9]+)+)`").FindAllStringSubmatch(text, -1) {
		c.rows[m[1]] = true
	}
	_, table, _ := strings.Cut(text, "## Where a package looks\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|").FindAllStringSubmatch(table, -1) {
		c.packages[m[1]] = true
	}
	return c
}

// slug is the anchor that Markdown renderers make of a heading.
func slug(heading string) string {
	kept := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// TestBehaviourIsCitedWell: what code, golden cases and documents cite of AWS's
// recorded behaviour stands on the page, and every package that cites the page
// as a whole says there which sections it means.
func TestBehaviourIsCitedWell(t *testing.T) {
	defined, cited := readBehaviour(t), 0
	missing := func(path, kind, name string, has bool) {
		cited++
		if !has {
			t.Errorf("%s cites the %s %q, which %s does not have", path, kind, name, behaviour)
		}
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		path = filepath.ToSlash(path)
		switch ext := filepath.Ext(path); {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."), entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir() || path == behaviour || path == "behaviour_test.go" || ext != ".go" && ext != ".txtar" && ext != ".md":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(content)
		for _, m := range citesSection.FindAllStringSubmatch(text, -1) {
			missing(path, "section", m[1], defined.sections[m[1]])
		}
		for _, m := range citesRow.FindAllStringSubmatch(text, -1) {
			for _, row := range strings.Split(strings.TrimSuffix(m[1], ", "), ", ") {
				missing(path, "row", row, defined.rows[row])
			}
		}
		for _, m := range citesAnchor.FindAllStringSubmatch(text, -1) {
			missing(path, "anchor", m[1], defined.anchors[m[1]])
		}
		if citesPage.MatchString(text) {
			name, _, _ := strings.Cut(path, "/testdata/")
			if name == path {
				name = filepath.ToSlash(filepath.Dir(path))
			}
			missing(path, "page as a whole, for the package", name, defined.packages[name])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 100 {
		t.Errorf("only %d citations found: do the patterns still fit?", cited)
	}
}
