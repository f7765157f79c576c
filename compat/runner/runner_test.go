package runner_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/compat/runner"
	"github.com/irsa-emu/irsa-emu/golden"
)

// gh stands in for GitHub's program: it keeps what it is asked.
const gh = `#!/bin/sh
echo "$@" >>"$GH_LOG"
case "$*" in
*--jq*) cat "$GH_OLD" ;;
*--field*) for a in "$@"; do case $a in body=@*) cp "${a#body=@}" "$GH_BODY" ;; esac; done ;;
esac
`

// TestActionOnTheSample plays the runner for action.yml on docs/ci/sample: the pull
// request of its plan before and after.
func TestActionOnTheSample(t *testing.T) {
	if os.Getenv("IRSA_EMU_COMPAT") == "" {
		t.Skip("it builds the binary as the action does; compat/run plays it (IRSA_EMU_COMPAT=1)")
	}
	temp := t.TempDir() // one for all, as the binary in it
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	play := func(t *testing.T, inputs map[string]string) (*runner.Result, string, string) {
		t.Helper()
		folder := t.TempDir()
		for _, left := range []string{"outputs", "summary", "gh.log", "body"} {
			if err := os.RemoveAll(filepath.Join(temp, left)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "docs/ci/sample"))); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"gh": strings.NewReplacer("$GH_LOG", temp+"/gh.log", "$GH_OLD", temp+"/old", "$GH_BODY", temp+"/body").Replace(gh), "old": ""} {
			if err := os.WriteFile(filepath.Join(temp, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		r := runner.Run{Action: root, Folder: folder, Temp: temp, Path: temp, Inputs: inputs, Context: map[string]string{
			"github.token": "token", "github.repository": "octo-org/octo-repo", "github.event_name": "pull_request", "github.event.pull_request.number": "7",
		}}
		result, err := r.Play(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return result, folder, temp
	}
	t.Run("a pull request that widens a role", func(t *testing.T) {
		result, folder, temp := play(t, map[string]string{"plan": "after.json", "base-plan": "before.json", "assertions": "assertions.yaml", "manifests": "manifests.yaml", "fail-on": "gained refuted", "sarif": "true"})
		if result.Failed != "Review" {
			t.Errorf("failed: %q, want Review\n%s", result.Failed, result.Log)
		}
		comment := read(t, filepath.Join(folder, "irsa-emu-review/comment.md"))
		golden.File(t, filepath.Join(root, "docs/ci/sample/comment.md"), comment)
		if posted := read(t, filepath.Join(temp, "body")); posted != comment || !strings.Contains(read(t, filepath.Join(temp, "gh.log")), "POST repos/octo-org/octo-repo/issues/7/comments") {
			t.Errorf("the comment was not posted: %s", read(t, filepath.Join(temp, "gh.log")))
		}
		if result.Summary != comment {
			t.Error("the summary is not the comment")
		}
		validSARIF(t, filepath.Join(folder, "irsa-emu-review/sarif"), 3)
		for _, page := range []string{"diff.html", "audit.html"} {
			if !strings.Contains(read(t, filepath.Join(folder, "irsa-emu-review", page)), "</html>") {
				t.Errorf("%s is not a page", page)
			}
		}
		if !strings.Contains(strings.Join(result.LeftOut, " "), "upload-sarif") {
			t.Errorf("code scanning was not asked for: %v", result.LeftOut)
		}
	})
	t.Run("a pull request that changes nothing", func(t *testing.T) {
		result, folder, _ := play(t, map[string]string{"plan": "before.json", "base-plan": "before.json", "assertions": "assertions.yaml", "fail-on": "gained refuted undecided lint"})
		if result.Failed != "" {
			t.Errorf("failed: %q\n%s", result.Failed, result.Log)
		}
		if comment := read(t, filepath.Join(folder, "irsa-emu-review/comment.md")); !strings.Contains(comment, "No access is gained or lost.") {
			t.Errorf("the comment: %s", comment)
		}
	})
	t.Run("a plan that is not there", func(t *testing.T) {
		result, _, _ := play(t, map[string]string{"plan": "missing.json", "fail-on": ""})
		if result.Failed != "Review" || !strings.Contains(result.Log, "missing.json") {
			t.Errorf("failed: %q\n%s", result.Failed, result.Log)
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func validSARIF(t *testing.T, folder string, want int) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		n++
		var log struct {
			Version string
			Runs    []json.RawMessage
		}
		if err := json.Unmarshal([]byte(read(t, path)), &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 {
			t.Errorf("%s: %v, version %s, %d runs", path, err, log.Version, len(log.Runs))
		}
		return nil
	})
	if err != nil || n != want {
		t.Errorf("%d SARIF files, want %d: %v", n, want, err)
	}
}
