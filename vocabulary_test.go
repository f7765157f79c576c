package irsaemu

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// otherWords are names that JSON has had, or could have, for what has a name
// already: every output says allowed and refused, reason, hint and fix.
var otherWords = map[string]string{
	"mend": "fix", "mended": "fixed", "remedy": "fix", "advice": "hint", "tell": "findOut", "denied": "refused", "forbidden": "refused",
}

// foreignWords are the files that read messages of other programs, which have
// nothing else to go by.
var foreignWords = map[string]string{
	"doctor/ask.go":              "the API server's refusal names the verb in its message only",
	"doctor/aws.go":              "AWS's STS says one code for several mistakes, and tells them apart in its message only",
	"denial/explain.go":          "CloudTrail has an encoded message in the place of AWS's own",
	"doctor/emulator.go":         "the upgrade of a connection is refused in words only",
	"doctor/webhook.go":          "the API server's refusal for a webhook that failed is told from others by its message only",
	"kube/object.go":             "net/http has no error for a lost HTTP/2 connection",
	"state/etcdstore/request.go": "gRPC's limit has the code of other limits",
}

// One vocabulary in every output, and no decision by looking at English: messages,
// hints and reasons can be reworded.
func TestWords(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--", "*.go", ":!:*_test.go", ":!:compat/", ":!:images/").Output()
	if err != nil {
		t.Skipf("git ls-files: %v: this is no work tree", err)
	}
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("git ls-files finds %d files", len(files))
	}
	member := regexp.MustCompile(`json:"(\w+)`)
	read := regexp.MustCompile(`strings\.(Contains|HasPrefix|HasSuffix|Cut|CutPrefix|CutSuffix|Index|TrimPrefix)\([\w.\[\]()]*(\.Error\(\)|\.(?:Error)?Message|\.Hint|\.Fix|\.Why|\.Detail|\.Problem|\.Found|\.message|\.hint|\.why|\.detail|\.problem)[,)]`)
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted and not committed yet
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range member.FindAllStringSubmatch(line, -1) {
				if better := otherWords[m[1]]; better != "" {
					t.Errorf("%s:%d: a member is called %s; write %s, as elsewhere", file, i+1, m[1], better)
				}
			}
			if read.MatchString(line) {
				if foreignWords[file] == "" {
					t.Errorf("%s:%d: %s: a message is read; give what it says as data", file, i+1, strings.TrimSpace(line))
				}
				found[file] = true
			}
		}
	}
	for file, why := range foreignWords {
		if !found[file] {
			t.Errorf("%s reads no message any more (%s): take it out of this test", file, why)
		}
	}
}

// plainPrints are the files of the command that write to its output themselves, and
// not through package term, which escapes what is not theirs.
var plainPrints = map[string]string{
	"cmd/irsa-emu/env.go":      "quoted for a shell",
	"cmd/irsa-emu/lint_fix.go": "the lines of the user's file, for patch",
	"cmd/irsa-emu/schema.go":   "a document of the program's own",
}

// Whatever a command prints is escaped, but for what is listed.
func TestCommandsPrintThroughTerm(t *testing.T) {
	files, err := filepath.Glob("cmd/irsa-emu/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	prints := regexp.MustCompile(`(fmt\.Fprint|io\.WriteString\()\w*\(?p\.std(out|err)\b|\bp\.std(out|err)\.Write`)
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") || !prints.Match(text) {
			continue
		}
		if found[file] = true; plainPrints[file] == "" {
			t.Errorf("%s writes to the terminal itself; use say, complain or out", file)
		}
	}
	for file := range plainPrints {
		if !found[file] {
			t.Errorf("%s prints nothing itself any more: take it out of this test", file)
		}
	}
}
