package irsaemu

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/attacks.md names tests of the tree, all attacks among them, and none that
// is gone.
func TestAttacksAreListed(t *testing.T) {
	page, err := os.ReadFile("docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, name := range regexp.MustCompile("`([a-z0-9]+\\.(?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1) {
		listed[name[1]] = true
	}
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range function.FindAllStringSubmatch(string(src), -1) {
			there[filepath.Base(filepath.Dir(path))+"."+name[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		if !there[name] {
			t.Errorf("docs/attacks.md names %s, which is no test", name)
		}
	}
	for name := range there {
		if _, test, _ := strings.Cut(name, "."); !listed[name] && strings.HasPrefix(test, "TestAttack") && test != "TestAttacksAreListed" {
			t.Errorf("docs/attacks.md does not name %s", name)
		}
	}
	if len(listed) < 90 {
		t.Errorf("only %d names were read out of docs/attacks.md", len(listed))
	}
}
