package iam_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func (w *world) apply(in statefile.Account) error {
	return w.store.Update(context.Background(), func(tx *state.Txn) error { return iam.Apply(tx, account, in, epoch, w.rand) })
}

func (w *world) export() statefile.Account { return iam.Export(w.store.Snapshot(), account) }

func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func everything() statefile.Account {
	description := "an app"
	return statefile.Account{
		OIDCProviders: []statefile.OIDCProvider{{URL: "https://issuer.example.com", ClientIDs: []string{"sts.amazonaws.com"}, Tags: map[string]string{"a": "1"}}},
		Policies: []statefile.Policy{
			{Name: "Read", Path: "/team/", Document: statefile.NewDocument(read), Description: &description},
			{Name: "Two", Versions: []statefile.PolicyVersion{
				{ID: "v1", Document: statefile.NewDocument(read)}, {ID: "v3", Default: true, Document: statefile.NewDocument(strings.Replace(read, "Get", "Put", 1))},
			}},
		},
		Roles: []statefile.Role{
			// app trusts a role that comes after it, and one that does not exist.
			{Name: "app", TrustPolicy: statefile.NewDocument(trusting("arn:aws:iam::" + account + ":role/z/later")), Description: &description,
				InlinePolicies:      map[string]statefile.Document{"b": statefile.NewDocument(read), "a": statefile.NewDocument(read)},
				AttachedPolicies:    []string{"arn:aws:iam::" + account + ":policy/team/Read", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
				PermissionsBoundary: "arn:aws:iam::" + account + ":policy/Two", MaxSessionDuration: 7200, Tags: map[string]string{"team": "payments"}},
			{Name: "later", Path: "/z/", TrustPolicy: statefile.NewDocument(trusting("arn:aws:iam::" + other + ":role/vendor"))},
		},
		Groups: []statefile.Group{{Name: "readers", AttachedPolicies: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}}},
		Users: []statefile.User{{Name: "alice", Groups: []string{"readers"}, InlinePolicies: map[string]statefile.Document{"p": statefile.NewDocument(read)},
			AccessKeys: []statefile.AccessKey{{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}}},
		InstanceProfiles: []statefile.InstanceProfile{{Name: "app", Role: "app"}},
	}
}

func TestApplyIsIdempotent(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(everything()); err != nil {
		t.Fatal(err)
	}
	before := w.store.Snapshot().Version()
	first := w.export()
	for range 2 { // the same, and what was exported
		if err := w.apply(everything()); err != nil {
			t.Fatal(err)
		}
		if err := w.apply(w.export()); err != nil {
			t.Fatal(err)
		}
	}
	if after := w.store.Snapshot().Version(); after != before {
		t.Errorf("applying the same again changed the state: version %d, then %d", before, after)
	}
	if diff := cmp.Diff(asJSON(t, first), asJSON(t, w.export())); diff != "" {
		t.Error(diff)
	}
	role, _ := iam.RoleByName(w.store.Snapshot(), account, "app")
	later, _ := iam.RoleByName(w.store.Snapshot(), account, "later")
	if diff := cmp.Diff([]iam.TrustPrincipal{{ARN: later.ARN(), ID: later.ID}}, role.TrustPrincipals); diff != "" {
		t.Errorf("the principal that came later is not tied: %s", diff)
	}
}

// TestExportMovesAnAccount: another emulator that is given an export holds the
// same, ids and times included.
func TestExportMovesAnAccount(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	if err := from.apply(everything()); err != nil {
		t.Fatal(err)
	}
	if err := to.apply(from.export()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON(t, from.export()), asJSON(t, to.export())); diff != "" {
		t.Error(diff)
	}
	found := map[string]bool{}
	iam.Accounts(to.store.Snapshot(), found)
	if !found[account] || len(found) != 1 {
		t.Errorf("accounts: %v", found)
	}
	if err := to.store.Update(t.Context(), func(tx *state.Txn) error { iam.Reset(tx, ""); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(statefile.Account{}, to.export()); diff != "" {
		t.Errorf("after Reset: %s", diff)
	}
}

func TestApplyChanges(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(everything()); err != nil {
		t.Fatal(err)
	}
	role, _ := iam.RoleByName(w.store.Snapshot(), account, "app")
	w.must("CreateRole", "RoleName", "other", "AssumeRolePolicyDocument", trust)
	in := everything()
	in.Roles[0].AttachedPolicies = in.Roles[0].AttachedPolicies[:1]
	in.Roles[0].Tags = nil
	in.Policies[0].Document = statefile.NewDocument(strings.Replace(read, "Get", "List", 1))
	if err := w.apply(in); err != nil {
		t.Fatal(err)
	}
	changed, _ := iam.RoleByName(w.store.Snapshot(), account, "app")
	if changed.ID != role.ID || len(changed.Attached) != 1 || len(changed.Tags) != 0 {
		t.Errorf("role: %+v", changed)
	}
	p, _ := iam.PolicyByARN(w.store.Snapshot(), "arn:aws:iam::"+account+":policy/team/Read")
	if p.Default != 2 || len(p.Versions) != 2 || !strings.Contains(p.DefaultVersion().Document.Text, "List") {
		t.Errorf("policy: %+v", p)
	}
	if _, ok := iam.RoleByName(w.store.Snapshot(), account, "other"); !ok {
		t.Error("a role that the document does not name is gone")
	}
}

func TestApplyRefuses(t *testing.T) {
	placed := statefile.NewDocument(`{"Version":"2012-10-17"}`)
	placed.File, placed.Line, placed.Column = "state.yaml", 7, 20
	tests := map[string]struct {
		in   statefile.Account
		want string
	}{
		"provider": {statefile.Account{OIDCProviders: []statefile.OIDCProvider{{URL: "http://x"}}},
			"oidcProviders: http://x: InvalidInput: Invalid Open ID Connect Provider URL. The URL must begin with https://."},
		"trust": {statefile.Account{Roles: []statefile.Role{{Name: "r", TrustPolicy: placed}}},
			"roles: r: trustPolicy: state.yaml:7:20: MalformedPolicyDocument: Could not parse the policy: Statement is empty!"},
		"name": {statefile.Account{Roles: []statefile.Role{{Name: "a b", TrustPolicy: statefile.NewDocument(trust)}}},
			`roles: a b: ValidationError: 1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		"path": {statefile.Account{Roles: []statefile.Role{{Name: "r", Path: "team", TrustPolicy: statefile.NewDocument(trust)}}},
			"roles: r: ValidationError: The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
		"inline": {statefile.Account{Roles: []statefile.Role{{Name: "r", TrustPolicy: statefile.NewDocument(trust), InlinePolicies: map[string]statefile.Document{"p": placed}}}},
			"roles: r: inlinePolicies: p: state.yaml:7:20: MalformedPolicyDocument: Syntax errors in policy.; the policy has no statements"},
		"attached": {statefile.Account{Roles: []statefile.Role{{Name: "r", TrustPolicy: statefile.NewDocument(trust), AttachedPolicies: []string{"arn:aws:iam::" + account + ":policy/x"}}}},
			"roles: r: attachedPolicies: NoSuchEntity: Policy arn:aws:iam::" + account + ":policy/x does not exist or is not attachable."},
		"group": {statefile.Account{Users: []statefile.User{{Name: "u", Groups: []string{"g"}}}},
			"users: u: NoSuchEntity: The group with name g cannot be found."},
		"profile": {statefile.Account{InstanceProfiles: []statefile.InstanceProfile{{Name: "p", Role: "r"}}},
			"instanceProfiles: p: NoSuchEntity: The role with name r cannot be found."},
		"id": {statefile.Account{Groups: []statefile.Group{{Name: "g", ID: "AROAXXXXXXXXXXXXXXXXX"}}},
			`groups: g: InvalidInput: id "AROAXXXXXXXXXXXXXXXXX": write AGPA and 17 capital letters and digits, or leave it out`},
		"default": {statefile.Account{Policies: []statefile.Policy{{Name: "p", Versions: []statefile.PolicyVersion{{ID: "v1", Document: statefile.NewDocument(read)}}}}},
			"policies: p: InvalidInput: one of the versions must be the default"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := w.apply(test.in)
			if want := "account " + account + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("\n got %v\nwant %s", err, want)
			}
			if diff := cmp.Diff(statefile.Account{}, w.export()); diff != "" {
				t.Errorf("half applied: %s", diff)
			}
		})
	}
}

// TestStateSurvivesTheBackend: what is stored is read back the same.
func TestStateSurvivesTheBackend(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(everything()); err != nil {
		t.Fatal(err)
	}
	role, _ := iam.RoleByName(w.store.Snapshot(), account, "app")
	b, err := json.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range iam.Kinds() {
		if kind.Name != "role" {
			continue
		}
		e, err := kind.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(e)
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s\n%s\n%v", b, again, err)
		}
		if len(e.(*iam.Role).Trust.Parsed().Statements) != 1 {
			t.Error("the trust policy is not parsed")
		}
	}
}
