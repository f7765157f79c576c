package irsaemu

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The partition of an ARN is a fact about an account: who writes "arn:aws: into
// code has forgotten China, GovCloud and the others. Package aws makes ARNs. An
// example in a sentence follows a space, and is no such code. Clients in compat
// speak with an emulator of the default partition. aws.DefaultPartition says that it is
// meant.
func TestNoPartitionIsWrittenDown(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--", "*.go", ":!:*_test.go", ":!:aws/", ":!:compat/").Output()
	if err != nil {
		t.Skipf("git ls-files: %v: this is no work tree", err)
	}
	written := regexp.MustCompile(`["\x60=+(|]arn:` + `aws:|ARN\("aws"|Partition: "aws`)
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("git ls-files finds %d files", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted and not committed yet
		}
		for i, line := range strings.Split(string(text), "\n") {
			if code, _, _ := strings.Cut(line, "//"); written.MatchString(code) {
				t.Errorf("%s:%d: %s: write aws.PartitionARN or aws.ARN", file, i+1, strings.TrimSpace(line))
			}
		}
	}
}
