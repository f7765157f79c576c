package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
)

// IAM takes every trust policy that Migrate writes, whatever the sources.
func TestMigratedTrustPoliciesAreTaken(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found, o, err := given(t, a, t.TempDir())
		if err != nil {
			continue // what TestGolden expects to be refused
		}
		for _, to := range []audit.Mechanism{"", audit.IRSA, audit.PodIdentity} {
			moves, err := audit.Migrate(found, o, to)
			if err != nil {
				if _, usage := err.(audit.UsageError); !usage {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			for _, m := range moves.Moves {
				if m.State == audit.Change && len(m.Needs) == 0 || m.State == "" {
					t.Errorf("%s: %s/%s is %q and needs nothing", name, m.Namespace, m.ServiceAccount, m.State)
				}
				if m.TrustPolicy == nil {
					continue
				}
				written++
				if _, err := policy.ValidateTrust(m.TrustPolicy, policy.TrustOptions{}); err != nil {
					t.Errorf("%s: %s/%s to %s: %v\n%s", name, m.Namespace, m.ServiceAccount, m.To, err, m.TrustPolicy)
				}
			}
		}
	}
	if written < 5 {
		t.Errorf("only %d trust policies were written", written)
	}
}

// given reads the files of an archive as sources, in a folder, and its options.
func given(t *testing.T, a *txtar.Archive, folder string) (*sources.Found, audit.Options, error) {
	t.Helper()
	o := audit.Options{Now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	so := sources.Options{Account: "111122223333"}
	var paths []string
	for _, f := range a.Files {
		switch f.Name {
		case "want":
			continue
		case "options":
			for _, word := range strings.Fields(string(f.Data)) {
				name, value, _ := strings.Cut(word, "=")
				switch name {
				case "cluster":
					o.Cluster = value
				case "issuer":
					o.Issuer = value
				case "namespace":
					o.Namespace = value
				default:
					t.Fatalf("options: %s", word)
				}
			}
			continue
		}
		path := filepath.Join(folder, f.Name)
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	found, err := so.Read(paths...)
	return found, o, err
}
