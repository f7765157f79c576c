package eks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	podsTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
	roleApp   = "arn:aws:iam::111122223333:role/app"
)

// TestAssociationsAsRecorded makes the thirteen calls that were recorded on EKS
// (recorded 14), and expects what came of them.
func TestAssociationsAsRecorded(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	name := aws.String("your-cluster-name")
	create := func(change func(*sdk.CreatePodIdentityAssociationInput)) (*types.PodIdentityAssociation, error) {
		in := &sdk.CreatePodIdentityAssociationInput{
			ClusterName: name, Namespace: aws.String("capture-absent"), ServiceAccount: aws.String("capture-sa"), RoleArn: aws.String(roleApp),
			ClientRequestToken: aws.String("c2b9a276-9528-43ee-9511-4538cbd86f96"), Tags: map[string]string{"capture": "x"},
		}
		change(in)
		out, err := c.CreatePodIdentityAssociation(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.Association, nil
	}
	same := func(*sdk.CreatePodIdentityAssociationInput) {}
	_, err := create(func(in *sdk.CreatePodIdentityAssociationInput) {
		in.ClientRequestToken = aws.String("2081e15d636e45288e8e21573a4966bb")
	})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "The client request token parameter must be between 33 and 126 characters.")

	made := must[*types.PodIdentityAssociation](t)(create(same))
	if !strings.HasPrefix(*made.AssociationArn, "arn:aws:eks:us-west-2:111122223333:podidentityassociation/your-cluster-name/a-") || len(*made.AssociationId) != 19 ||
		!made.CreatedAt.Equal(*made.ModifiedAt) || *made.DisableSessionTags || made.TargetRoleArn != nil || made.Tags["capture"] != "x" {
		t.Errorf("made %+v", made)
	}
	again := must[*types.PodIdentityAssociation](t)(create(func(in *sdk.CreatePodIdentityAssociationInput) { in.DisableSessionTags = aws.Bool(true) }))
	if *again.AssociationId != *made.AssociationId || *again.DisableSessionTags {
		t.Errorf("the same token gave %+v", again)
	}
	_, err = create(func(in *sdk.CreatePodIdentityAssociationInput) {
		in.ClientRequestToken = aws.String("007a17cd-e8ec-4062-9471-c37a1c69e602")
	})
	refused(t, err, http.StatusConflict, "ResourceInUseException", "Association already exists: "+*made.AssociationId)
	_, err = create(func(in *sdk.CreatePodIdentityAssociationInput) {
		in.Namespace, in.ClientRequestToken = aws.String("Invalid_Namespace"), aws.String("d4471b2e-f72d-4cba-94ba-8c51c823b1b5")
	})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", `The parameter namespace contains invalid characters. It should conform to the regular expression "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`)

	update := func(in sdk.UpdatePodIdentityAssociationInput) *types.PodIdentityAssociation {
		in.ClusterName, in.AssociationId = name, made.AssociationId
		out := must[*sdk.UpdatePodIdentityAssociationOutput](t)(c.UpdatePodIdentityAssociation(ctx, &in)).Association
		shown := must[*sdk.DescribePodIdentityAssociationOutput](t)(c.DescribePodIdentityAssociation(ctx, &sdk.DescribePodIdentityAssociationInput{ClusterName: name, AssociationId: made.AssociationId})).Association
		if *shown.DisableSessionTags != *out.DisableSessionTags || aws.ToString(shown.ExternalId) != aws.ToString(out.ExternalId) {
			t.Errorf("updated %+v, described %+v", out, shown)
		}
		return out
	}
	up := update(sdk.UpdatePodIdentityAssociationInput{DisableSessionTags: aws.Bool(true), TargetRoleArn: aws.String(roleApp)})
	if *up.ExternalId != "us-west-2/111122223333/your-cluster-name/capture-absent/capture-sa" || *up.TargetRoleArn != roleApp || !*up.DisableSessionTags {
		t.Errorf("with a target role: %+v", up)
	}
	up = update(sdk.UpdatePodIdentityAssociationInput{TargetRoleArn: aws.String("")})
	if up.ExternalId != nil || up.TargetRoleArn != nil || !*up.DisableSessionTags {
		t.Errorf("the target role removed: %+v", up)
	}
	list := must[*sdk.ListPodIdentityAssociationsOutput](t)(c.ListPodIdentityAssociations(ctx, &sdk.ListPodIdentityAssociationsInput{
		ClusterName: name, Namespace: aws.String("capture-absent"), ServiceAccount: aws.String("capture-sa"), MaxResults: aws.Int32(1)})).Associations
	if len(list) != 1 || *list[0].AssociationId != *made.AssociationId {
		t.Errorf("listed %+v", list)
	}
	gone := &sdk.DescribePodIdentityAssociationInput{ClusterName: name, AssociationId: made.AssociationId}
	must[*sdk.DeletePodIdentityAssociationOutput](t)(c.DeletePodIdentityAssociation(ctx, &sdk.DeletePodIdentityAssociationInput{ClusterName: name, AssociationId: made.AssociationId}))
	_, err = c.DescribePodIdentityAssociation(ctx, gone)
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No service account role association found for ID: "+*made.AssociationId)
}

// What EKS looks at in the role (terraform-provider-aws 34711, 41483; CDK users on sts:TagSession).
func TestAssociationsRole(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	for name, trust := range map[string]string{
		"good":       podsTrust,
		"two":        `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","pods.eks.amazonaws.com"]},"Action":"sts:Tag*"}]}`,
		"condition":  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"other"}}}]}`,
		"no-tags":    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
		"irsa":       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/X"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`,
		"everything": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:*"}]}`,
	} {
		s.Role(servicetest.Account, name)
		s.Trust(servicetest.Account, name, trust)
	}
	const invalid = "Trust policy of the role provided is invalid."
	for _, tt := range []struct {
		role, want string
		change     func(*sdk.CreatePodIdentityAssociationInput)
	}{
		{role: "good"}, {role: "two"}, {role: "condition"}, {role: "everything"},
		{role: "no-tags", want: invalid}, {role: "irsa", want: invalid},
		{role: "no-tags", change: func(in *sdk.CreatePodIdentityAssociationInput) { in.DisableSessionTags = aws.Bool(true) }},
		{role: "none", want: "Role provided in the request does not exist."},
		{role: "good", want: "Cross-account pass role is not allowed.", change: func(in *sdk.CreatePodIdentityAssociationInput) {
			in.RoleArn = aws.String("arn:aws:iam::444455556666:role/good")
		}},
		{role: "good", want: "When policy is specified, disableSessionTags must be set to true", change: func(in *sdk.CreatePodIdentityAssociationInput) {
			in.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
		}},
		{role: "good", want: `The parameter serviceAccount contains invalid characters. It should conform to the regular expression "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"`, change: func(in *sdk.CreatePodIdentityAssociationInput) {
			in.ServiceAccount = aws.String("*")
		}},
	} {
		in := &sdk.CreatePodIdentityAssociationInput{
			ClusterName: aws.String("your-cluster-name"), Namespace: aws.String("ns"), ServiceAccount: aws.String("sa-" + tt.role), RoleArn: aws.String("arn:aws:iam::111122223333:role/" + tt.role),
		}
		if tt.change != nil {
			in.ServiceAccount = aws.String("sa-changed-" + tt.role)
			tt.change(in)
		}
		_, err := c.CreatePodIdentityAssociation(ctx, in)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.role, err, tt.want)
		}
	}
}

const anyObject = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`

// The limits of what an association can be given, the same for making and for changing one.
func TestAssociationLimits(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	long := `{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("s", 2048) + `","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	many := map[string]string{}
	for i := range 51 {
		many[strings.Repeat("k", i+1)] = ""
	}
	name := aws.String("your-cluster-name")
	create := func(change func(*sdk.CreatePodIdentityAssociationInput)) (*sdk.CreatePodIdentityAssociationOutput, error) {
		in := &sdk.CreatePodIdentityAssociationInput{ClusterName: name, Namespace: aws.String("ns"), ServiceAccount: aws.String("sa"), RoleArn: aws.String(roleApp)}
		change(in)
		return c.CreatePodIdentityAssociation(ctx, in)
	}
	tags := func(tags map[string]string) func(*sdk.CreatePodIdentityAssociationInput) {
		return func(in *sdk.CreatePodIdentityAssociationInput) { in.Tags = tags }
	}
	for want, change := range map[string]func(*sdk.CreatePodIdentityAssociationInput){
		"tags must have 1 to 50 entries.":                               tags(many),
		"The tag key AWS:x is reserved: keys must not begin with aws:.": tags(map[string]string{"AWS:x": ""}),
		"A tag's key must be between 1 and 128 characters.":             tags(map[string]string{strings.Repeat("k", 129): ""}),
		"The value of the tag k must have at most 256 characters.":      tags(map[string]string{"k": strings.Repeat("v", 257)}),
		"The policy has 2153 characters; it can have at most 2048.": func(in *sdk.CreatePodIdentityAssociationInput) {
			in.DisableSessionTags, in.Policy = aws.Bool(true), &long
		},
		"When policy is specified, disableSessionTags must be set to true": func(in *sdk.CreatePodIdentityAssociationInput) { in.Policy = aws.String(anyObject) },
	} {
		_, err := create(change)
		refused(t, err, http.StatusBadRequest, "InvalidParameterException", want)
	}
	made := must[*sdk.CreatePodIdentityAssociationOutput](t)(create(func(in *sdk.CreatePodIdentityAssociationInput) {
		in.DisableSessionTags, in.Policy = aws.Bool(true), aws.String(anyObject)
	})).Association
	_, err := c.UpdatePodIdentityAssociation(ctx, &sdk.UpdatePodIdentityAssociationInput{ClusterName: name, AssociationId: made.AssociationId, DisableSessionTags: aws.Bool(false)})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "When policy is specified, disableSessionTags must be set to true")
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: made.AssociationArn, Tags: map[string]string{"aws:x": ""}})
	refused(t, err, http.StatusBadRequest, "BadRequestException", "The tag key aws:x is reserved: keys must not begin with aws:.")
	_, err = c.DeletePodIdentityAssociation(ctx, &sdk.DeletePodIdentityAssociationInput{ClusterName: name, AssociationId: aws.String("None")})
	refused(t, err, http.StatusBadRequest, "InvalidParameterException", "The parameter associationId should be 19 characters long.")
	declare(t, s, map[string]statefile.Cluster{"your-cluster-name": {Issuer: issuer, Region: "us-west-2", Account: servicetest.Account,
		PodIdentityAssociations: []statefile.PodIdentityAssociation{{ServiceAccount: "ns/by-hand", Role: roleApp, ID: "a-1"}}}})
	must[*sdk.DescribePodIdentityAssociationOutput](t)(c.DescribePodIdentityAssociation(ctx, &sdk.DescribePodIdentityAssociationInput{ClusterName: name, AssociationId: aws.String("a-1")}))
}

// iam:PassRole knows for what the role is passed on: for the cluster.
func TestAssociationPassesTheRoleForItsCluster(t *testing.T) {
	s, _ := start(t)
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	for cluster, want := range map[string]bool{"your-cluster-name": true, "another": false} {
		pass := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"pods.eks.amazonaws.com"},` +
			`"ArnEquals":{"iam:AssociatedResourceArn":"arn:aws:eks:us-west-2:111122223333:cluster/` + cluster + `"}}}]}`
		c := client(s.Role(servicetest.Account, "maker", pass, servicetest.Allow("*", "eks:*")))
		_, err := c.CreatePodIdentityAssociation(t.Context(), &sdk.CreatePodIdentityAssociationInput{
			ClusterName: aws.String("your-cluster-name"), Namespace: aws.String("ns"), ServiceAccount: aws.String("for-" + cluster), RoleArn: aws.String(roleApp)})
		if (err == nil) != want {
			t.Errorf("passed for %s: %v", cluster, err)
		}
	}
}
