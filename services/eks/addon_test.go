package eks_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// TestAddons makes the calls that terraform-aws-modules/eks makes for add-ons (recorded 17).
func TestAddons(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	cluster, name := aws.String("your-cluster-name"), aws.String("eks-pod-identity-agent")

	versions := must[*sdk.DescribeAddonVersionsOutput](t)(c.DescribeAddonVersions(ctx, &sdk.DescribeAddonVersionsInput{AddonName: name, KubernetesVersion: aws.String("1.36")}))
	if v := versions.Addons[0].AddonVersions[0]; *v.AddonVersion != "v1.3.10-eksbuild.3" || !v.Compatibilities[0].DefaultVersion || *v.Compatibilities[0].ClusterVersion != "1.36" {
		t.Errorf("versions %+v", v)
	}
	schema := must[*sdk.DescribeAddonConfigurationOutput](t)(c.DescribeAddonConfiguration(ctx, &sdk.DescribeAddonConfigurationInput{AddonName: name, AddonVersion: aws.String("v1.3.10-eksbuild.3")}))
	if s := *schema.ConfigurationSchema; !json.Valid([]byte(s)) || !strings.Contains(s, `"agent"`) || schema.PodIdentityConfiguration == nil || len(schema.PodIdentityConfiguration) != 0 {
		t.Errorf("schema %s, %v", s, schema.PodIdentityConfiguration)
	}
	_, err := c.DescribeAddonConfiguration(ctx, &sdk.DescribeAddonConfigurationInput{AddonName: name, AddonVersion: aws.String("v0")})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "Addon version specified is not supported")
	_, err = c.DescribeAddonConfiguration(ctx, &sdk.DescribeAddonConfigurationInput{AddonName: aws.String("coredns"), AddonVersion: aws.String("v0")})
	refused(t, err, http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement eks:DescribeAddonConfiguration of coredns.")
	made := must[*sdk.CreateAddonOutput](t)(c.CreateAddon(ctx, &sdk.CreateAddonInput{ClusterName: cluster, AddonName: name})).Addon
	if made.Status != types.AddonStatusCreating || *made.AddonVersion != "v1.3.10-eksbuild.3" || made.Tags == nil || len(made.Health.Issues) != 0 ||
		!strings.HasPrefix(*made.AddonArn, "arn:aws:eks:us-west-2:111122223333:addon/your-cluster-name/eks-pod-identity-agent/") || *made.NamespaceConfig.Namespace != "kube-system" {
		t.Errorf("made %+v", made)
	}
	_, err = c.CreateAddon(ctx, &sdk.CreateAddonInput{ClusterName: cluster, AddonName: name})
	refused(t, err, http.StatusConflict, "ResourceInUseException", "Addon already exists.")
	_, err = c.DescribeAddon(ctx, &sdk.DescribeAddonInput{ClusterName: cluster, AddonName: aws.String("none")})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No addon: none found in cluster: your-cluster-name")

	csi := aws.String("aws-ebs-csi-driver")
	for want, in := range map[string]sdk.CreateAddonInput{
		"Addon version specified is not supported":                              {AddonVersion: aws.String("1.48.0")},
		"The ConfigurationValues provided is not in valid YAML or JSON format.": {ConfigurationValues: aws.String(`{"a":`)},
		"Provided namespace value is not a valid RFC 1123 DNS label":            {NamespaceConfig: &types.AddonNamespaceConfigRequest{Namespace: aws.String("Not_One")}},
	} {
		in.ClusterName, in.AddonName = cluster, csi
		_, err := c.CreateAddon(ctx, &in)
		refused(t, err, http.StatusBadRequest, "InvalidParameterException", want)
	}
	_, err = c.CreateAddon(ctx, &sdk.CreateAddonInput{ClusterName: cluster, AddonName: csi, ServiceAccountRoleArn: aws.String("arn:aws:iam::444455556666:role/app")})
	refused(t, err, http.StatusForbidden, "AccessDeniedException", "Cross-account pass role is not allowed.")
	withPods := must[*sdk.CreateAddonOutput](t)(c.CreateAddon(ctx, &sdk.CreateAddonInput{
		ClusterName: cluster, AddonName: csi, AddonVersion: aws.String("v1.48.0-eksbuild.1"), ConfigurationValues: aws.String(`{"a":1}`), Tags: map[string]string{"a": "b"},
		PodIdentityAssociations: []types.AddonPodIdentityAssociations{{RoleArn: aws.String(roleApp), ServiceAccount: aws.String("ebs-csi-controller-sa")}},
	})).Addon
	describe := func() *types.Addon {
		return must[*sdk.DescribeAddonOutput](t)(c.DescribeAddon(ctx, &sdk.DescribeAddonInput{ClusterName: cluster, AddonName: csi})).Addon
	}
	read := describe()
	if read.Status != types.AddonStatusActive || *read.AddonVersion != "v1.48.0-eksbuild.1" || *read.ConfigurationValues != `{"a":1}` || read.Tags["a"] != "b" ||
		!slices.Equal(read.PodIdentityAssociations, withPods.PodIdentityAssociations) || len(read.PodIdentityAssociations) != 1 {
		t.Errorf("read %+v", read)
	}
	associations := must[*sdk.ListPodIdentityAssociationsOutput](t)(c.ListPodIdentityAssociations(ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: cluster})).Associations
	if len(associations) != 1 || *associations[0].Namespace != "kube-system" || *associations[0].AssociationArn != read.PodIdentityAssociations[0] || *associations[0].OwnerArn != *read.AddonArn {
		t.Errorf("associations %+v", associations)
	}

	// An update without associations keeps them, an empty list removes them.
	update := must[*sdk.UpdateAddonOutput](t)(c.UpdateAddon(ctx, &sdk.UpdateAddonInput{ClusterName: cluster, AddonName: csi, AddonVersion: aws.String("v1.49.0-eksbuild.1")})).Update
	done := must[*sdk.DescribeUpdateOutput](t)(c.DescribeUpdate(ctx, &sdk.DescribeUpdateInput{Name: cluster, AddonName: csi, UpdateId: update.Id})).Update
	if update.Status != types.UpdateStatusInProgress || done.Status != types.UpdateStatusSuccessful || *done.Params[0].Value != "v1.49.0-eksbuild.1" {
		t.Errorf("update %+v, then %+v", update, done)
	}
	if read := describe(); *read.AddonVersion != "v1.49.0-eksbuild.1" || len(read.PodIdentityAssociations) != 1 {
		t.Errorf("after the update %+v", read)
	}
	must[*sdk.UpdateAddonOutput](t)(c.UpdateAddon(ctx, &sdk.UpdateAddonInput{ClusterName: cluster, AddonName: csi, PodIdentityAssociations: []types.AddonPodIdentityAssociations{}}))
	if read := describe(); len(read.PodIdentityAssociations) != 0 {
		t.Errorf("after an empty list %+v", read)
	}

	must[*sdk.TagResourceOutput](t)(c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: withPods.AddonArn, Tags: map[string]string{"c": "d"}}))
	if read := describe(); read.Tags["c"] != "d" {
		t.Errorf("tags %v", read.Tags)
	}
	names := must[*sdk.ListAddonsOutput](t)(c.ListAddons(ctx, &sdk.ListAddonsInput{ClusterName: cluster})).Addons
	if !slices.Equal(names, []string{"aws-ebs-csi-driver", "eks-pod-identity-agent"}) {
		t.Errorf("add-ons %v", names)
	}
	gone := must[*sdk.DeleteAddonOutput](t)(c.DeleteAddon(ctx, &sdk.DeleteAddonInput{ClusterName: cluster, AddonName: csi})).Addon
	if gone.Status != types.AddonStatusDeleting {
		t.Errorf("deleted %+v", gone)
	}
	_, err = c.DeleteAddon(ctx, &sdk.DeleteAddonInput{ClusterName: cluster, AddonName: csi})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No addon: aws-ebs-csi-driver found in cluster: your-cluster-name")
}
