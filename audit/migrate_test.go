package audit_test

import (
	"fmt"
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

// A trust policy that IAM would not take is said to need room, or a role of its own.
func TestMigratedTrustPolicyOutgrowsTheQuota(t *testing.T) {
	for accounts, want := range map[int]string{
		1:   "",
		40:  "characters, and IAM takes 2048 unless the account's quota for role trust policies is raised (to 8192 at most)",
		215: "a role of its own: the trust policy for both would have",
	} {
		subjects := make([]string, accounts)
		for i := range subjects {
			subjects[i] = fmt.Sprintf(`"system:serviceaccount:shop:app%03d"`, i)
		}
		state := strings.ReplaceAll(`
apiVersion: irsa-emu.dev/v1
kind: State
clusters: {c1: {issuer: "https://ISSUER", region: us-west-2, account: "111122223333"}}
accounts:
  "111122223333":
    oidcProviders: [{url: "https://ISSUER", clientIDs: [sts.amazonaws.com]}]
    roles:
      - {name: shop, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/ISSUER"},
          Action: "sts:AssumeRoleWithWebIdentity", Condition: {StringEquals: {"ISSUER:sub": [`+strings.Join(subjects, ",")+`]}}}]}}
`, "ISSUER", "oidc.eks.us-west-2.amazonaws.com/id/C")
		pods := `{apiVersion: v1, kind: ServiceAccount, metadata: {name: app000, namespace: shop, annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/shop"}}}`
		found, o, err := given(t, &txtar.Archive{Files: []txtar.File{{Name: "state.yaml", Data: []byte(state)}, {Name: "pods.yaml", Data: []byte(pods)}}}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		moves, err := audit.Migrate(found, o, audit.PodIdentity)
		if err != nil || len(moves.Moves) != 1 {
			t.Fatalf("%v %+v", err, moves)
		}
		m := moves.Moves[0]
		needs := strings.Join(m.Needs, "\n")
		if want == "" && strings.Contains(needs, "characters") || !strings.Contains(needs, want) || (m.State == audit.Blocked) != (accounts == 215) {
			t.Errorf("%d service accounts: %s, needs %s", accounts, m.State, needs)
		}
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
