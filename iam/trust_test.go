package iam_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

func trusting(arn string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + arn + `","arn:aws:iam::` + account + `:root"]},` +
		`"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:PrincipalArn":"` + arn + `"}}}]}`
}

func (w *world) trustOf(name string) string {
	w.t.Helper()
	r, ok := iam.RoleByName(w.store.Snapshot(), account, name)
	if !ok {
		w.t.Fatalf("no role %s", name)
	}
	return r.Trust.Text
}

// TestDeletedPrincipal: a deleted principal stands in trust policies by its
// unique id, and one made anew under its name is not trusted (IAM user guide,
// "AWS JSON policy elements: Principal").
func TestDeletedPrincipal(t *testing.T) {
	const caller = "arn:aws:iam::" + account + ":role/team/caller"
	w := newWorld(t)
	create := func() string {
		return element(w.must("CreateRole", "RoleName", "caller", "Path", "/team/", "AssumeRolePolicyDocument", trust), "RoleId")
	}
	id := create()
	w.must("CreateRole", "RoleName", "target", "AssumeRolePolicyDocument", trusting(caller))
	if got := w.trustOf("target"); got != trusting(caller) {
		t.Errorf("before: %s", got)
	}
	w.must("DeleteRole", "RoleName", "caller")
	// The condition's value is no principal: it stays.
	want := strings.Replace(trusting(caller), `["`+caller+`"`, `["`+id+`"`, 1)
	if got := w.trustOf("target"); got != want {
		t.Errorf("after deletion:\n got %s\nwant %s", got, want)
	}
	if got := w.must("GetRole", "RoleName", "target"); !strings.Contains(got, "%22AWS%22%3A%5B%22"+id) {
		t.Errorf("GetRole does not show %s: %s", id, got)
	}
	w.refused(400, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+id+`"`,
		"UpdateAssumeRolePolicy", "RoleName", "target", "PolicyDocument", want)

	allowed := func() bool {
		role, _ := iam.RoleByName(w.store.Snapshot(), account, "target")
		p := w.sessionPrincipal("caller")
		named := &policy.Named{Name: role.ARN(), Type: policy.TrustPolicy, Document: role.Trust.Parsed()}
		ctx := policy.Context{}
		ctx.Set("aws:PrincipalArn", p.RoleARN)
		return policy.Evaluate(policy.Policies{Trust: named, ResourceAccount: account}, policy.Request{
			Action: "sts:AssumeRole", Resource: role.ARN(), Context: ctx,
			Principal: policy.Principal{Account: account, ARN: p.ARN, RoleARN: p.RoleARN, UniqueID: p.RoleID},
		}).Allowed
	}
	create()
	if allowed() {
		t.Error("a role made anew is trusted")
	}
	w.must("UpdateAssumeRolePolicy", "RoleName", "target", "PolicyDocument", trusting(caller))
	if !allowed() {
		t.Error("the new role is not trusted after the policy was written again")
	}
}

func TestRenamedUser(t *testing.T) {
	const before, after = "arn:aws:iam::" + account + ":user/alice", "arn:aws:iam::" + account + ":user/x/bob"
	w := newWorld(t)
	id := element(w.must("CreateUser", "UserName", "alice"), "UserId")
	w.must("CreateRole", "RoleName", "target", "AssumeRolePolicyDocument", trusting(before))
	w.must("UpdateUser", "UserName", "alice", "NewUserName", "bob", "NewPath", "/x/")
	want := strings.Replace(trusting(before), `["`+before+`"`, `["`+after+`"`, 1)
	if got := w.trustOf("target"); got != want {
		t.Errorf("after the rename:\n got %s\nwant %s", got, want)
	}
	w.must("DeleteUser", "UserName", "bob")
	want = strings.Replace(trusting(before), `["`+before+`"`, `["`+id+`"`, 1)
	if got := w.trustOf("target"); got != want {
		t.Errorf("after deletion:\n got %s\nwant %s", got, want)
	}
}

// TestPrincipalByID: a live principal given by its unique id is shown by its ARN.
func TestPrincipalByID(t *testing.T) {
	w := newWorld(t)
	id := element(w.must("CreateRole", "RoleName", "caller", "AssumeRolePolicyDocument", trust), "RoleId")
	w.must("CreateRole", "RoleName", "target", "AssumeRolePolicyDocument", strings.Replace(trusting("X"), `["X"`, `["`+id+`"`, 1))
	if got := w.trustOf("target"); !strings.Contains(got, `["arn:aws:iam::`+account+`:role/caller"`) {
		t.Errorf("got %s", got)
	}
}

func TestUnknownPrincipals(t *testing.T) {
	w := newWorld(t)
	w.must("CreateRole", "RoleName", "caller", "Path", "/team/", "AssumeRolePolicyDocument", trust)
	for _, arn := range []string{
		"arn:aws:iam::" + account + ":role/nobody",
		"arn:aws:iam::" + account + ":role/caller", // another path
		"arn:aws:iam::" + account + ":user/nobody",
		"arn:aws:iam::" + other + ":role/nobody",
		"AROAAAAAAAAAAAAAAAAAA",
	} {
		w.refused(400, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+arn+`"`,
			"CreateRole", "RoleName", "target", "AssumeRolePolicyDocument", trusting(arn))
	}
	for i, arn := range []string{"arn:aws:iam::" + other + ":root", other, "*", "arn:aws:sts::" + account + ":assumed-role/caller/session"} {
		w.must("CreateRole", "RoleName", "target"+string(rune('a'+i)), "AssumeRolePolicyDocument", trusting(arn))
	}
}
