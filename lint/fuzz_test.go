package lint_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sts"
)

// seeds are the policies of the golden cases, and what is no policy.
func seeds(f testing.TB) [][]byte {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	out := [][]byte{nil, []byte("\xff"), []byte(`[1, "\ud83d\ude00", {"a": null}]`), []byte(`{"a":1,"a":2}`), []byte(`{"Statement":[null,[],{"Condition":7}]}`)}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(src).Files {
			if file.Name == "policy.json" {
				out = append(out, bytes.TrimSpace(file.Data))
			}
		}
	}
	return out
}

var fuzzOptions = lint.Options{Account: "111122223333", AllProviders: true, Providers: []lint.Provider{{Issuer: "https://issuer.example.com", ClientIDs: []string{"a"}}},
	Associations: []lint.Association{{Pod: sts.Pod{Cluster: "c", Namespace: "n", ServiceAccount: "s"}, Place: "x:1:1"}}}

// FuzzLint: no text crashes the linter, each finding is complete, a fixed document
// is as good as the one it was made from, and to fix twice changes nothing more.
func FuzzLint(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		_, before := policy.Parse(src)
		for _, finding := range lint.Lint(src, fuzzOptions) {
			if finding.Rule == "" || finding.Severity == "" || finding.Line < 1 || finding.Column < 1 || finding.Message == "" || finding.Why == "" || finding.Fix == "" {
				t.Fatalf("incomplete finding %+v", finding)
			}
			if finding.Fixed == nil {
				continue
			}
			if !json.Valid(finding.Fixed) {
				t.Fatalf("%s: fixed document is not JSON:\n%s", finding.Rule, finding.Fixed)
			}
			if _, err := policy.Parse(finding.Fixed); err != nil && before == nil {
				t.Fatalf("%s: fixed document cannot be parsed: %v\n%s", finding.Rule, err, finding.Fixed)
			}
		}
		fixed, applied := lint.Fix(src, fuzzOptions, nil)
		if len(applied) < 100 {
			if again, more := lint.Fix(fixed, fuzzOptions, nil); len(more) > 0 || !bytes.Equal(again, fixed) {
				t.Fatalf("fixed again: %s\n%s", more[0].Rule, again)
			}
		}
	})
}

func BenchmarkLint(b *testing.B) {
	src := []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
 "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"},
 "Condition": {"StringEquals": {"oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub": "system:serviceaccount:payments:api", "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:aud": "sts.amazonaws.com"}}}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if len(lint.Lint(src, lint.Options{})) != 0 {
			b.Fatal("findings")
		}
	}
}
