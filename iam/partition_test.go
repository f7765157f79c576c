package iam_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func govTrust() statefile.Document {
	return statefile.NewDocument(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws-us-gov:iam::` + account +
		`:oidc-provider/issuer.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`)
}

func TestPartitionOfAnAccount(t *testing.T) {
	w := newWorld(t)
	in := statefile.Account{
		Partition:        "aws-us-gov",
		OIDCProviders:    []statefile.OIDCProvider{{URL: "https://issuer.example.com"}},
		Policies:         []statefile.Policy{{Name: "P", Document: statefile.NewDocument(strings.ReplaceAll(read, "arn:aws:", "arn:aws-us-gov:"))}},
		Roles:            []statefile.Role{{Name: "R", TrustPolicy: govTrust(), AttachedPolicies: []string{"arn:aws-us-gov:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws-us-gov:iam::" + account + ":policy/P"}}},
		Groups:           []statefile.Group{{Name: "G"}},
		Users:            []statefile.User{{Name: "U", Groups: []string{"G"}}},
		InstanceProfiles: []statefile.InstanceProfile{{Name: "I", Role: "R"}},
	}
	if err := w.apply(in); err != nil {
		t.Fatal(err)
	}
	r := w.store.Snapshot()
	for _, found := range []func() bool{
		func() bool { _, ok := iam.RoleByARN(r, "arn:aws-us-gov:iam::"+account+":role/R"); return ok },
		func() bool { _, ok := iam.UserByARN(r, "arn:aws-us-gov:iam::"+account+":user/U"); return ok },
		func() bool { _, ok := iam.PolicyByARN(r, "arn:aws-us-gov:iam::"+account+":policy/P"); return ok },
		func() bool { _, ok := iam.PolicyByARN(r, "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"); return ok },
		func() bool { _, ok := iam.RoleByARN(r, "arn:aws:iam::"+account+":role/R"); return !ok },
		func() bool { _, ok := iam.PolicyByARN(r, "arn:aws-nowhere:iam::aws:policy/ReadOnlyAccess"); return !ok },
	} {
		if !found() {
			t.Error(asJSON(t, w.export()))
		}
	}
	out := w.export()
	if out.Partition != "aws-us-gov" || asJSON(t, out.Roles[0].AttachedPolicies) != asJSON(t, in.Roles[0].AttachedPolicies) {
		t.Error(asJSON(t, out))
	}
	again := newWorld(t)
	if err := again.apply(out); err != nil {
		t.Fatal(err)
	}
	if got := again.export(); asJSON(t, got) != asJSON(t, out) {
		t.Errorf("the export became\n%s", asJSON(t, got))
	}
	// It holds something now, and stays where it is.
	if err := w.apply(statefile.Account{Partition: "aws-cn"}); err == nil || !strings.Contains(err.Error(), "aws-us-gov already") {
		t.Error(err)
	}
}

// The documents of AWS's managed policies have the ARNs of the partition.
func TestManagedPoliciesElsewhere(t *testing.T) {
	w := newWorld(t)
	p, ok := iam.PolicyByARN(w.store.Snapshot(), "arn:aws-cn:iam::aws:policy/AmazonEKSLocalOutpostClusterPolicy")
	if !ok {
		t.Fatal("there is none")
	}
	if text := p.DefaultVersion().Document.Text; strings.Contains(text, `"arn:aws:`) || !strings.Contains(text, `"arn:aws-cn:`) {
		t.Error(text)
	}
	for p := range iam.ManagedPolicies("aws-cn") {
		if !strings.HasPrefix(p.ARN(), "arn:aws-cn:iam::aws:policy/") {
			t.Fatal(p.ARN())
		}
	}
}

func TestPartitionOfTheOthers(t *testing.T) {
	w := newWorld(t)
	if err := w.store.Update(t.Context(), func(tx *state.Txn) error { iam.SetPartition(tx, "aws-iso-b"); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := iam.RootARN(w.store.Snapshot(), account); got != "arn:aws-iso-b:iam::"+account+":root" {
		t.Error(got)
	}
	if got := w.export().Partition; got != "aws-iso-b" {
		t.Error(got)
	}
}

// An account is of one partition, and so are those that its roles can trust
// (DataDog/cloudformation-template#71).
func TestPrincipalsOfAnotherPartition(t *testing.T) {
	w := newWorld(t)
	if err := w.store.Update(t.Context(), func(tx *state.Txn) error { iam.SetPartition(tx, "aws-us-gov"); return nil }); err != nil {
		t.Fatal(err)
	}
	for i, rest := range []string{"iam::" + other + ":root", "sts::" + account + ":assumed-role/caller/session"} {
		w.refused(400, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:`+rest+`"`,
			"CreateRole", "RoleName", "target", "AssumeRolePolicyDocument", trusting("arn:aws:"+rest))
		w.must("CreateRole", "RoleName", "target"+string(rune('a'+i)), "AssumeRolePolicyDocument", strings.ReplaceAll(trusting("arn:aws:"+rest), "arn:aws:", "arn:aws-us-gov:"))
	}
}
