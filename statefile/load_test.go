package statefile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// TestMistakes reads testdata/*.txtar: the first file is the document, others
// are what it names, and "errors" is what the loader has to say.
func TestMistakes(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, archive *txtar.Archive) {
		got := ""
		if _, err := statefile.Parse(archive.Files[0].Name, archive.Files[0].Data, readFrom(archive)); err != nil {
			got = err.Error() + "\n"
		}
		golden.Set(archive, "errors", got)
	})
}

func readFrom(a *txtar.Archive) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		for _, f := range a.Files {
			if f.Name == path {
				return f.Data, nil
			}
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
}

// The example of the contract, with everything that an export can hold.
const full = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  my-cluster: {issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", region: us-west-2, account: "111122223333"}
issuers:
  - {url: "https://issuer.example.com", jwks: {keys: [{kty: RSA, n: AQAB, e: AQAB, kid: "1"}]}}
  - {url: "https://own.example.com", alg: ES256}
accounts:
  111122223333:
    oidcProviders:
      - {url: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", clientIDs: [sts.amazonaws.com]}
    policies:
      - name: SecretsManagerAccess
        description: ""
        document: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: "*"}]}
    roles:
      - name: EKSServiceAccountRole
        created: 2026-01-02T03:04:05Z
        trustPolicy: |
          {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
              "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"}}]
          }
        inlinePolicies: {read-more: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}
        attachedPolicies: [arn:aws:iam::111122223333:policy/SecretsManagerAccess]
        maxSessionDuration: 3600
        permissionsBoundary: arn:aws:iam::111122223333:policy/Boundary
        tags: {team: payments}
    secrets:
      - {name: your-secret-name, region: us-west-2, value: '{"username":"admin","password":"s3cr3t"}'}
      - {name: empty, value: ""}
    buckets:
      - {name: reports, objects: {"2026/a.txt": {content: "hello 😀\nworld"}, b: {binary: AAEC}}}
`

func TestExportIsAccepted(t *testing.T) {
	first, err := statefile.Parse("full.yaml", []byte(full), nil)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := statefile.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"state.yaml": asYAML, "state.json": asJSON, "tabs.json": indented(t, asJSON)} {
		again, err := statefile.Parse(name, text, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if diff := cmp.Diff(compact(t, first), compact(t, again)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := first.Accounts["111122223333"].Secrets[1].Value; got == nil || *got != "" {
		t.Errorf("an empty secret became %v", got)
	}
	if got := string(*first.Accounts["111122223333"].Buckets[0].Objects["2026/a.txt"].Content); got != "hello 😀\nworld" {
		t.Errorf("content is %q", got)
	}
}

// compact is the state as JSON text, so that white space in policies does not count.
func compact(t *testing.T, s statefile.State) string {
	t.Helper()
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func indented(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLoadMergesFilesAndFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	head := "apiVersion: irsa-emu.dev/v1\nkind: State\n"
	write("in/a.yaml", head+`accounts: {"111122223333": {buckets: [{name: one, region: us-west-2}, {name: two}]}}`)
	write("in/deep/b.json", `{"apiVersion": "irsa-emu.dev/v1", "kind": "State", "clusters": {"c": {"issuer": "https://e.example"}}}`)
	write("in/policy.json", `{"Version": "2012-10-17", "Statement": []}`)
	write("in/scenario.yaml", "apiVersion: irsa-emu.dev/v1\nkind: Scenario\n")
	write("over.yaml", head+"accounts: {\"111122223333\": {buckets: [{name: one}, {name: three}]}}\n---\n"+head+`accounts: {"444455556666": {}}`)

	s, err := statefile.Load(filepath.Join(dir, "in"), filepath.Join(dir, "over.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	from := func(name string, line, column int) statefile.Written {
		return statefile.Written{Place: strictyaml.Position{File: filepath.Join(dir, name), Line: line, Column: column}}
	}
	want := []statefile.Bucket{
		{Name: "one", Written: from("over.yaml", 3, 39)}, {Name: "two", Written: from("in/a.yaml", 3, 71)}, {Name: "three", Written: from("over.yaml", 3, 52)},
	}
	if diff := cmp.Diff(want, s.Accounts["111122223333"].Buckets); diff != "" {
		t.Error(diff)
	}
	if len(s.Clusters) != 1 || len(s.Accounts) != 2 {
		t.Errorf("clusters %v, accounts %v", s.Clusters, s.Accounts)
	}
	if _, err := statefile.Load(filepath.Join(dir, "in", "scenario.yaml")); err == nil || !strings.Contains(err.Error(), "this is a Scenario") {
		t.Errorf("a scenario as state: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "none"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := statefile.Load(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "no State document there") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestSchema(t *testing.T) {
	b, err := json.MarshalIndent(statefile.Schema(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"oidcProviders"`, `"apiVersion"`, `"additionalProperties": false`, `"trustPolicy"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the schema lacks %s", want)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"1":{"roles":[{"name":1}]}}}`))
	f.Add([]byte("apiVersion: irsa-emu.dev/v1\nkind: State\nissuers: [{url: &a x, jwks: *a}, {<<: {}}, {signingKeys: [\"-----BEGIN\"]}]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := statefile.Parse("state.yaml", src, nil)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		text, err := statefile.Marshal(s)
		if err != nil {
			t.Fatalf("accepted, and cannot be exported: %v", err)
		}
		if _, err := statefile.Parse("export.yaml", text, nil); err != nil {
			t.Fatalf("accepted, and its export is not: %v\n%s", err, text)
		}
	})
}
