package irsaemu

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// saysForeign is how a file says that it was made by others: a licence, a
// copyright, or the address of a repository or a standard that it comes from.
var saysForeign = regexp.MustCompile(`(?i)copyright|apache-2\.0|mit license|"licen[sc]e"|creative commons|` +
	`source"?: ?"?https://github\.com/|"\$?id": "https://docs\.`)

// embedded data of the program that does not say itself where it comes from.
var embeddedData = []string{"iam/managed_index.gz", "iam/managed_policies.gz", "iam/service_roles.json", "services/s3/actions.json"}

// ownLicence are files that say a licence, which is this project's own: packages of other registries must.
var ownLicence = []string{"integrations/node/package.json"}

// TestNotice: NOTICE lists every data file that others made, and nothing that is gone.
func TestNotice(t *testing.T) {
	notice, err := os.ReadFile("NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, path := range regexp.MustCompile(`[a-z][\w.-]*(?:/[\w.-]+)+\.(?:json|txtar|gz)`).FindAllString(string(notice), -1) {
		if _, err := os.Stat(path); err == nil {
			listed[path] = true
		} else if !bytes.Contains(notice, []byte("             "+path)) { // a path in somebody else's repository stands after "Source:"
			t.Errorf("NOTICE names %s, which is not there", path)
		}
	}
	found := embeddedData
	for _, path := range dataFiles(t) {
		head, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ownLicence, path) && saysForeign.Match(head[:min(len(head), 4096)]) {
			found = append(found, path)
		}
	}
	for _, path := range found {
		if !listed[path] {
			t.Errorf("%s comes from others: name it in NOTICE, with its source and its licence", path)
		}
		delete(listed, path)
	}
	for path := range listed {
		t.Errorf("NOTICE names %s, which does not say that it comes from others: let it name its source", path)
	}
}

// dataFiles are all files of the tree but Go code, documents, scripts and what
// is not kept in it.
func dataFiles(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "bin" || name == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".json", ".txtar", ".txt", ".yaml", ".yml", ".xml", ".pem", ".csv", ".index", ".gz":
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
