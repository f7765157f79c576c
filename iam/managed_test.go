package iam_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

// TestManagedPolicies: every policy of the data file parses, and is what its
// ARN and its source say.
func TestManagedPolicies(t *testing.T) {
	n := 0
	last, ids := "", map[string]bool{}
	for p := range iam.ManagedPolicies("aws") {
		n++
		if p.StateKey() <= last || ids[p.ID] {
			t.Errorf("%s: not after %s, or its id %s is another's", p.ARN(), last, p.ID)
		}
		last, ids[p.ID] = p.StateKey(), true
		if p.Account != "aws" || !strings.HasPrefix(p.ID, "ANPA") || p.Created.IsZero() || p.Updated.Before(p.Created) {
			t.Errorf("%s: %+v", p.ARN(), p)
		}
		found, ok := iam.PolicyByARN(nil, p.ARN())
		if !ok || found.ID != p.ID {
			t.Errorf("%s is not found by its ARN", p.ARN())
			continue
		}
		if len(found.DefaultVersion().Document.Parsed().Statements) == 0 {
			t.Errorf("%s has no statements", p.ARN())
		}
		// AWS's own are written by other rules, but what an account may not store
		// for its conditions is in none of them.
		if _, err := policy.ValidateInline([]byte(found.DefaultVersion().Document.Text), ""); err != nil && strings.Contains(err.Error(), "legacy") {
			t.Errorf("%s: %v", p.ARN(), err)
		}
	}
	// What users of IRSA attach.
	for _, name := range []string{
		"AmazonS3ReadOnlyAccess", "AmazonS3FullAccess", "SecretsManagerReadWrite", "ReadOnlyAccess", "AmazonEKS_CNI_Policy",
		"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "service-role/AmazonEBSCSIDriverPolicy", "AmazonEKSClusterPolicy",
		"AdministratorAccess", "PowerUserAccess", "CloudWatchAgentServerPolicy", "AmazonSSMReadOnlyAccess", "AWSXRayDaemonWriteAccess",
		"AmazonDynamoDBFullAccess", "AmazonDynamoDBReadOnlyAccess",
	} {
		if _, ok := iam.PolicyByARN(nil, "arn:aws:iam::aws:policy/"+name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if _, ok := iam.PolicyByARN(nil, "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicy"); ok {
		t.Error("a policy is found without its path")
	}
	if n != 1594 { // of release 0.0.656
		t.Errorf("%d policies", n)
	}
}

func TestManagedPolicyDecides(t *testing.T) {
	p, _ := iam.PolicyByARN(nil, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	sets := policy.Policies{Identity: []policy.Named{{Name: p.ARN(), Type: policy.IdentityPolicy, Document: p.DefaultVersion().Document.Parsed()}}}
	for action, want := range map[string]bool{"s3:GetObject": true, "s3:PutObject": false} {
		d := policy.Evaluate(sets, policy.Request{Action: action, Resource: "arn:aws:s3:::b/k",
			Principal: policy.Principal{Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/r/s"}})
		if d.Allowed != want {
			t.Errorf("%s: %v", action, d.Allowed)
		}
	}
}
