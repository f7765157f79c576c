package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/irsa-emu/irsa-emu/golden"
)

// sarifSchema is the schema of the OASIS standard, SARIF 2.1.0 errata 01, as
// published in oasis-tcs/sarif-spec, sarif-2.1/schema.
const sarifSchema = "testdata/sarif-schema-2.1.0.json"

func runs(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	nothing := func(string) (string, bool) { return "", false }
	code = run(context.Background(), args, nothing, strings.NewReader(stdin), &out, &errs)
	return code, golden.Unworded(out.String()), golden.Unworded(errs.String())
}

func validSARIF(t *testing.T, report string) {
	t.Helper()
	src, err := os.ReadFile(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(report))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(instance); err != nil {
		t.Errorf("not SARIF 2.1.0: %v\n%s", err, report)
	}
}

func TestSARIFIsValid(t *testing.T) {
	trust := `{"Version": "2008-10-17", "Statement": [
 {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"}, "Action": "sts:AssumeRoleWithWebIdentity",
  "Condition": {"StringEquals": {"issuer.example.com:iss": "x*"}}},
 {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}`
	names := []string{"trust.json", "with blank & ünïcode.json", "a:b.json", "50%.json"}
	folder := filepath.Join(t.TempDir(), "roles")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	account := `{"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "AssumeRolePolicyDocument": ` + trust + `}]}`
	for _, name := range append(names, "account.json") {
		content := trust
		if name == "account.json" {
			content = account
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := filepath.Abs(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, "roles", "../" + filepath.Base(filepath.Dir(folder)) + "/roles", "./roles/account.json"} {
		t.Run(path, func(t *testing.T) {
			wd := filepath.Dir(folder)
			absolute := filepath.IsAbs(path)
			t.Chdir(wd)
			code, report, errs := runs(t, "", "lint", "-o", "sarif", path)
			if code != exitFailed || errs != "" {
				t.Fatalf("exit %d, %s", code, errs)
			}
			t.Chdir(filepath.Dir(filepath.Dir(schema)))
			validSARIF(t, report)
			checkReport(t, report, absolute)
		})
	}
	code, report, _ := runs(t, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`, "lint", "-o", "sarif", "-")
	if code != exitOK {
		t.Errorf("a clean policy: exit %d", code)
	}
	validSARIF(t, report)
}

// checkReport looks at what a schema cannot: rules exist, URIs lead to the files.
func checkReport(t *testing.T, report string, absolute bool) {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(report), &log); err != nil {
		t.Fatal(err)
	}
	r := log.Runs[0]
	if len(r.Results) < 4 {
		t.Fatalf("%d results", len(r.Results))
	}
	for _, result := range r.Results {
		if id := r.Tool.Driver.Rules[result.RuleIndex].ID; id != result.RuleID {
			t.Errorf("rule %s has the index of %s", result.RuleID, id)
		}
		at := result.Locations[0].Physical.Artifact
		u, err := url.Parse(at.URI)
		if err != nil {
			t.Fatal(err)
		}
		if absolute != (u.Scheme == "file") || absolute == (at.URIBaseID == "%SRCROOT%") {
			t.Errorf("uri %q, base %q", at.URI, at.URIBaseID)
		}
		if strings.ContainsAny(at.URI, " \\") {
			t.Errorf("uri %q is not encoded", at.URI)
		}
		if filepath.Base(u.Path) == "account.json" && len(result.Locations[0].Logical) == 0 {
			t.Error("a role of an account has no logical location")
		}
	}
}

// Every rule that a finding can have is listed, with SARIF's own levels.
func TestSARIFRules(t *testing.T) {
	_, report, _ := runs(t, `{"Version": "2012-10-17", "Statement": []}`, "lint", "-o", "sarif", "-")
	var log sarifLog
	if err := json.Unmarshal([]byte(report), &log); err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		switch r.DefaultConfiguration.Level {
		case "error", "warning", "note":
		default:
			t.Errorf("rule %s has level %q", r.ID, r.DefaultConfiguration.Level)
		}
		if r.ShortDescription.Text == "" {
			t.Errorf("rule %s is not described", r.ID)
		}
	}
}

// 1,000 roles are linted, and all asked, in under a second on an idle machine;
// the bound leaves room for a busy one.
func TestManyRoles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	var b strings.Builder
	b.WriteString(`{"RoleDetailList": [`)
	for i := range 1000 {
		if i > 0 {
			b.WriteString(",")
		}
		n := strings.Repeat("x", i%40+1)
		b.WriteString(`{"RoleName": "role-` + itoa(i) + `", "Arn": "arn:aws:iam::111122223333:role/role-` + itoa(i) + `", "AssumeRolePolicyDocument": {"Version": "2012-10-17",
"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"},
"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub": "system:serviceaccount:` + n + `:*"}}}]}}`)
	}
	b.WriteString("]}")
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	code, report, errs := runs(t, "", "lint", "-o", "json", file)
	if code != exitFailed || strings.Count(report, `"rule"`) != 2000 {
		t.Errorf("lint: exit %d, %d findings, %s", code, strings.Count(report, `"rule"`), errs)
	}
	code, report, errs = runs(t, "", "check", "--given", file, "--service-account", "a/b", "--issuer", "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE")
	if code != exitFailed || !strings.Contains(report, "may assume 0 of 1000 roles") {
		t.Errorf("check: exit %d, %s, %s", code, report, errs)
	}
}

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }
