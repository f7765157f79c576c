package sources_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// TestGolden reads the files of each archive of testdata that are not wanted
// ones. "parameters" holds NAME=VALUE lines. An archive says what its files are
// and where they come from.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) {
		folder := t.TempDir()
		o := sources.Options{KnowsManaged: func(arn string) bool { return strings.HasSuffix(arn, "/AmazonS3ReadOnlyAccess") }}
		given := a.Files[:0:0]
		for _, f := range a.Files {
			switch {
			case strings.HasPrefix(f.Name, "want-"):
				continue
			case f.Name == "parameters":
				o.Parameters = map[string]string{}
				for _, line := range strings.Fields(string(f.Data)) {
					name, value, _ := strings.Cut(line, "=")
					o.Parameters[name] = value
				}
			default:
				if err := os.WriteFile(filepath.Join(folder, f.Name), f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			given = append(given, f)
		}
		t.Chdir(folder)
		a.Files = append(given, read(t, o)...)
	})
}

// read reads the working directory.
func read(t *testing.T, o sources.Options) []txtar.File {
	t.Helper()
	found, err := o.Read(".")
	if err != nil {
		return []txtar.File{{Name: "want-errors", Data: []byte(err.Error() + "\n")}}
	}
	var out []txtar.File
	if err := found.Validate(); err != nil {
		out = append(out, txtar.File{Name: "want-errors", Data: []byte(err.Error() + "\n")})
	}
	state, err := statefile.Marshal(found.State)
	if err != nil {
		t.Fatal(err)
	}
	var notes, policies bytes.Buffer
	for _, n := range found.Notes {
		fmt.Fprintf(&notes, "%s%s\n", n, map[bool]string{true: " (unchecked)"}[n.Unchecked])
	}
	for i := range found.Policies {
		p := &found.Policies[i]
		checkPlaces(t, p)
		fmt.Fprintf(&policies, "%s: %s of %s %s: %s\n", p.Place(0, 0), p.Type, p.Account, p.Owner, p.Address)
		if doc, err := policy.Parse(p.Text); err == nil {
			for _, s := range doc.Statements {
				fmt.Fprintf(&policies, "  statement at %s\n", p.Place(s.Start.Line, s.Start.Column))
			}
		}
	}
	return append(out, txtar.File{Name: "want-notes", Data: notes.Bytes()}, txtar.File{Name: "want-policies", Data: policies.Bytes()},
		txtar.File{Name: "want-state", Data: state})
}

// checkPlaces looks at every character of a policy that is a file or a string of
// a JSON file: it must be what the file has at its place.
func checkPlaces(t *testing.T, p *sources.Policy) {
	t.Helper()
	first := p.Place(1, 1)
	src, err := os.ReadFile(first.File)
	if err != nil {
		t.Errorf("%s: %v", p.Address, err)
		return
	}
	lines := strings.Split(string(src), "\n")
	at := func(line, column int) rune {
		p := p.Place(line, column)
		rest := lines[p.Line-1]
		for i := 1; i < p.Column && rest != ""; i++ {
			_, size := utf8.DecodeRuneInString(rest)
			rest = rest[size:]
		}
		r, _ := utf8.DecodeRuneInString(rest)
		return r
	}
	if p.Place(1, 2) == p.Place(1, 3) {
		return // only its parts have places, or none
	}
	line, column := 1, 1
	for _, r := range string(p.Text) {
		if got := at(line, column); got != r && !strings.ContainsRune(`\%$`, got) && r != '\n' && p.Place(line, column) != p.Place(line, column+1) {
			t.Errorf("%s: the policy has %q at %d:%d, the file %q at %s", p.Address, r, line, column, got, p.Place(line, column))
			return
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
}

func TestLoad(t *testing.T) {
	t.Chdir("testdata")
	t.Run("mistakes have a type", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "trust.json")
		if err := os.WriteFile(file, []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "allow"}]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := load(file)
		var mistakes strictyaml.Errors
		if !errors.As(err, &mistakes) || len(mistakes) != 1 || mistakes[0].Line != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no such file", func(t *testing.T) {
		if _, _, err := load("nowhere"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing of ours", func(t *testing.T) {
		if _, _, err := load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no file there that irsa-emu reads") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the standard input", func(t *testing.T) {
		if _, _, err := load("-"); err == nil {
			t.Error("read without one")
		}
		s, _, err := sources.Options{Stdin: strings.NewReader(`{"Url": "issuer.example.com", "ClientIDList": ["a"]}`), Account: "222233334444"}.Load("-")
		if err != nil || s.Accounts["222233334444"].OIDCProviders[0].URL != "https://issuer.example.com" {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, file, src, want string }{
		{"a saved plan", "plan.out", "PK\x03\x04…", "terraform show -json plan.out > plan.json"},
		{"a raw state", "terraform.tfstate", `{"version": 4, "serial": 1, "lineage": "x", "resources": []}`, "terraform show -json > state.json"},
		{"another format", "plan.json", `{"format_version": "2.0", "planned_values": {}}`, "format_version 2.0"},
		{"an empty file", "a.json", "", "not JSON"},
		{"a list", "a.json", "[]", "not of a kind"},
		{"no statement", "a.json", `{"Version": "2012-10-17"}`, "a policy without Statement"},
		{"broken", "a.json", `{"Statement": [}`, "a.json:1:16: not JSON"},
		{"not encoded", "a.json", `{"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "AssumeRolePolicyDocument": "%7B%zz"}]}`, "not percent-encoded"},
		{"a role without ARN", "a.json", `{"RoleDetailList": [{"RoleName": "r"}]}`, "no RoleName or no Arn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(tt.file, []byte(tt.src), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := (sources.Options{}).Read(tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzRead looks for panics: every source is a file that somebody wrote.
func FuzzRead(f *testing.F) {
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if len(file.Data) < 8000 {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if bytes.Contains(src, []byte("file:")) {
			return // a State document may name files of this machine
		}
		found, err := sources.Options{Stdin: bytes.NewReader(src)}.Read("-")
		if err != nil {
			return
		}
		for i := range found.Policies {
			for _, line := range []int{0, 1, 3} {
				found.Policies[i].Place(line, 7)
			}
		}
		if err := found.Validate(); err == nil {
			if _, err := statefile.Marshal(found.State); err != nil {
				t.Errorf("a state that cannot be written: %v", err)
			}
		}
	})
}

// 1,000 roles are read, parsed and validated in a fraction of a second.
func BenchmarkReadAccount(b *testing.B) {
	file := filepath.Join(b.TempDir(), "account.json")
	if err := os.WriteFile(file, account(1000), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := load(file); err != nil {
			b.Fatal(err)
		}
	}
}

// account is the output of get-account-authorization-details with so many roles.
func account(roles int) []byte {
	var out bytes.Buffer
	out.WriteString(`{"RoleDetailList": [`)
	for i := range roles {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"Path": "/", "RoleName": "role-%d", "Arn": "arn:aws:iam::111122223333:role/role-%[1]d", "AssumeRolePolicyDocument": {"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"},
 "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:aud": "sts.amazonaws.com",
 "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub": "system:serviceaccount:namespace-%[1]d:name"}}}]}}`, i)
	}
	out.WriteString("]}")
	return out.Bytes()
}

func load(paths ...string) (statefile.State, []sources.Note, error) {
	return sources.Options{}.Load(paths...)
}
