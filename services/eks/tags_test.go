package eks_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// TestTagsOfNewThings: what is made with tags needs eks:TagResource on what is made,
// beside the permission to make it.
func TestTagsOfNewThings(t *testing.T) {
	s, _ := start(t)
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	tags := map[string]string{"team": "a"}
	cases := []struct {
		action, resource string
		call             func(*sdk.Client, map[string]string) error
	}{
		{"eks:CreatePodIdentityAssociation", "podidentityassociation/your-cluster-name/a-", func(c *sdk.Client, tags map[string]string) error {
			_, err := c.CreatePodIdentityAssociation(t.Context(), &sdk.CreatePodIdentityAssociationInput{ClusterName: aws.String("your-cluster-name"), Namespace: aws.String("n"),
				ServiceAccount: aws.String("s"), RoleArn: aws.String("arn:aws:iam::111122223333:role/app"), Tags: tags})
			return err
		}},
		{"eks:CreateAccessEntry", "access-entry/your-cluster-name/role/111122223333/app/", func(c *sdk.Client, tags map[string]string) error {
			_, err := c.CreateAccessEntry(t.Context(), &sdk.CreateAccessEntryInput{ClusterName: aws.String("your-cluster-name"), PrincipalArn: aws.String("arn:aws:iam::111122223333:role/app"), Tags: tags})
			return err
		}},
		{"eks:CreateAddon", "addon/your-cluster-name/kube-proxy/", func(c *sdk.Client, tags map[string]string) error {
			_, err := c.CreateAddon(t.Context(), &sdk.CreateAddonInput{ClusterName: aws.String("your-cluster-name"), AddonName: aws.String("kube-proxy"), Tags: tags})
			return err
		}},
	}
	for _, tc := range cases {
		with := func(more ...string) *sdk.Client {
			return client(s.Role(servicetest.Account, "maker", append(more, servicetest.Allow("*", tc.action, "iam:PassRole", "iam:GetRole"))...))
		}
		err := tc.call(with(), tags)
		if want := "eks:TagResource on resource: arn:aws:eks:us-west-2:111122223333:" + tc.resource; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", tc.action, err, want)
		}
		if err := tc.call(with(servicetest.Allow("arn:aws:eks:us-west-2:111122223333:"+tc.resource+"*", "eks:TagResource")), tags); err != nil {
			t.Errorf("%s with both: %v", tc.action, err)
		}
	}
}
