package eks_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

const adminPolicy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

// TestAccessEntries makes the calls that terraform-aws-modules/eks makes for
// access entries (recorded 16), and what users reported beside them.
func TestAccessEntries(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	name, role := aws.String("your-cluster-name"), aws.String(roleApp)
	create := func(change func(*sdk.CreateAccessEntryInput)) (*sdk.CreateAccessEntryOutput, error) {
		in := &sdk.CreateAccessEntryInput{ClusterName: name, PrincipalArn: role, Tags: map[string]string{"a": "b"}}
		change(in)
		return c.CreateAccessEntry(ctx, in)
	}
	made := must[*sdk.CreateAccessEntryOutput](t)(create(func(*sdk.CreateAccessEntryInput) {})).AccessEntry
	if !strings.HasPrefix(*made.AccessEntryArn, "arn:aws:eks:us-west-2:111122223333:access-entry/your-cluster-name/role/111122223333/app/") ||
		*made.Type != "STANDARD" || *made.Username != "arn:aws:sts::111122223333:assumed-role/app/{{SessionName}}" || made.KubernetesGroups == nil || made.Tags["a"] != "b" {
		t.Errorf("made %+v", made)
	}
	_, err := create(func(*sdk.CreateAccessEntryInput) {})
	refused(t, err, http.StatusConflict, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
	for _, bad := range []string{"arn:aws:iam::111122223333:role/none", "arn:aws:iam::111122223333:root", "app", "arn:aws-us-gov:iam::222233334444:role/app"} {
		_, err = create(func(in *sdk.CreateAccessEntryInput) { in.PrincipalArn = aws.String(bad) })
		refused(t, err, http.StatusBadRequest, "InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
	}
	_, err = create(func(in *sdk.CreateAccessEntryInput) {
		in.PrincipalArn = aws.String("arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS")
	})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")
	_, err = create(func(in *sdk.CreateAccessEntryInput) { in.KubernetesGroups = []string{"viewers", "system:masters"} })
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "The kubernetes group name system:masters is invalid, it cannot start with system:")

	const missing = "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'."
	_, err = c.DescribeAccessEntry(ctx, &sdk.DescribeAccessEntryInput{ClusterName: name, PrincipalArn: aws.String("arn:aws:iam::111122223333:role/none")})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", missing)

	associate := func(scope types.AccessScope) (*sdk.AssociateAccessPolicyOutput, error) {
		return c.AssociateAccessPolicy(ctx, &sdk.AssociateAccessPolicyInput{ClusterName: name, PrincipalArn: role, PolicyArn: aws.String(adminPolicy), AccessScope: &scope})
	}
	must[*sdk.AssociateAccessPolicyOutput](t)(associate(types.AccessScope{Type: types.AccessScopeTypeCluster}))
	_, err = associate(types.AccessScope{Type: types.AccessScopeTypeNamespace})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "At least 1 namespace must be provided if the type is set as namespace")
	_, err = associate(types.AccessScope{Type: types.AccessScopeTypeCluster, Namespaces: []string{"ns"}})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "accessScope should not include namespaces if the type is not set as namespace")
	again := must[*sdk.AssociateAccessPolicyOutput](t)(associate(types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"ns"}})).AssociatedAccessPolicy
	if again.AccessScope.Type != types.AccessScopeTypeNamespace || !slices.Equal(again.AccessScope.Namespaces, []string{"ns"}) {
		t.Errorf("associated again: %+v", again)
	}
	list := must[*sdk.ListAssociatedAccessPoliciesOutput](t)(c.ListAssociatedAccessPolicies(ctx, &sdk.ListAssociatedAccessPoliciesInput{ClusterName: name, PrincipalArn: role}))
	if len(list.AssociatedAccessPolicies) != 1 || *list.AssociatedAccessPolicies[0].PolicyArn != adminPolicy {
		t.Errorf("policies %+v", list.AssociatedAccessPolicies)
	}
	entries := must[*sdk.ListAccessEntriesOutput](t)(c.ListAccessEntries(ctx, &sdk.ListAccessEntriesInput{ClusterName: name, AssociatedPolicyArn: aws.String(adminPolicy)}))
	if !slices.Equal(entries.AccessEntries, []string{roleApp}) {
		t.Errorf("entries %v", entries.AccessEntries)
	}

	updated := must[*sdk.UpdateAccessEntryOutput](t)(c.UpdateAccessEntry(ctx, &sdk.UpdateAccessEntryInput{ClusterName: name, PrincipalArn: role, KubernetesGroups: []string{"viewers"}})).AccessEntry
	if !slices.Equal(updated.KubernetesGroups, []string{"viewers"}) || *updated.Username != *made.Username {
		t.Errorf("updated %+v", updated)
	}
	must[*sdk.TagResourceOutput](t)(c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: made.AccessEntryArn, Tags: map[string]string{"c": "d"}}))
	described := must[*sdk.DescribeAccessEntryOutput](t)(c.DescribeAccessEntry(ctx, &sdk.DescribeAccessEntryInput{ClusterName: name, PrincipalArn: role})).AccessEntry
	if described.Tags["a"] != "b" || described.Tags["c"] != "d" || !slices.Equal(described.KubernetesGroups, []string{"viewers"}) {
		t.Errorf("described %+v", described)
	}

	must[*sdk.DisassociateAccessPolicyOutput](t)(c.DisassociateAccessPolicy(ctx, &sdk.DisassociateAccessPolicyInput{ClusterName: name, PrincipalArn: role, PolicyArn: aws.String(adminPolicy)}))
	_, err = c.DisassociateAccessPolicy(ctx, &sdk.DisassociateAccessPolicyInput{ClusterName: name, PrincipalArn: role, PolicyArn: aws.String(adminPolicy)})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "The specified policyArn is not associated with the access entry.")
	must[*sdk.DeleteAccessEntryOutput](t)(c.DeleteAccessEntry(ctx, &sdk.DeleteAccessEntryInput{ClusterName: name, PrincipalArn: role}))
	_, err = c.DeleteAccessEntry(ctx, &sdk.DeleteAccessEntryInput{ClusterName: name, PrincipalArn: role})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", missing)
}

// TestAccessEntriesOfNodes: nodes have neither groups nor policies of their own.
func TestAccessEntriesOfNodes(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	name, role := aws.String("your-cluster-name"), aws.String(roleApp)
	const notStandard = `This operation can only be performed on Access Entries with a type of "STANDARD".`
	for want, in := range map[string]sdk.CreateAccessEntryInput{
		`The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is "EC2_LINUX"`: {KubernetesGroups: []string{"x"}},
		`The specified username is invalid: setting username is not allowed when the type is "EC2_LINUX"`:                 {Username: aws.String("x")},
		"AccessEntry principalArn must be IAM role when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]": {
			PrincipalArn: aws.String("arn:aws:iam::444455556666:user/someone")},
		"AccessEntry principalArn must be from the same account as the cluster when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]": {
			PrincipalArn: aws.String("arn:aws:iam::444455556666:role/app")},
		"The username must not begin with eks:": {Type: aws.String("STANDARD"), Username: aws.String("eks:me")},
	} {
		in.ClusterName = name
		if in.PrincipalArn == nil {
			in.PrincipalArn = role
		}
		if in.Type == nil {
			in.Type = aws.String("EC2_LINUX")
		}
		_, err := c.CreateAccessEntry(ctx, &in)
		refused(t, err, http.StatusBadRequest, "InvalidParameterException", want)
	}
	made := must[*sdk.CreateAccessEntryOutput](t)(c.CreateAccessEntry(ctx, &sdk.CreateAccessEntryInput{ClusterName: name, PrincipalArn: role, Type: aws.String("EC2_LINUX")})).AccessEntry
	if *made.Username != "system:node:{{EC2PrivateDNSName}}" || !slices.Equal(made.KubernetesGroups, []string{"system:nodes"}) {
		t.Errorf("made %+v", made)
	}
	_, err := c.AssociateAccessPolicy(ctx, &sdk.AssociateAccessPolicyInput{ClusterName: name, PrincipalArn: role, PolicyArn: aws.String(adminPolicy),
		AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster}})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", notStandard)
}
