package eks_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	issuer     = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
	clusterARN = "arn:aws:eks:us-west-2:111122223333:cluster/your-cluster-name"
)

// start serves EKS with one cluster of a State document; made collects the
// issuers that CreateCluster asks for.
func start(t *testing.T) (s *servicetest.Server, made *[]string) {
	t.Helper()
	made = new([]string)
	s = servicetest.Start(t, eks.Kinds(), false, func(store *state.Store) api.Service {
		return eks.New(eks.Config{Store: store, Rand: rand.Reader, NewIssuer: func(_ context.Context, url string) error {
			*made = append(*made, url)
			return nil
		}})
	})
	declare(t, s, map[string]statefile.Cluster{"your-cluster-name": {Issuer: issuer, Region: servicetest.Region, Account: servicetest.Account}})
	return s, made
}

func declare(t *testing.T, s *servicetest.Server, clusters map[string]statefile.Cluster) {
	t.Helper()
	err := s.Store.Update(t.Context(), func(tx *state.Txn) error {
		for name, c := range clusters {
			if err := eks.Apply(tx, name, c, s.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func client(c aws.Config) *sdk.Client {
	return sdk.NewFromConfig(c, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
}

func must[T any](t *testing.T) func(T, error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e.ErrorCode() != code || e.ErrorMessage() != message {
		t.Errorf("got  %s: %s\nwant %s: %s", e.ErrorCode(), e.ErrorMessage(), code, message)
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() != status {
		t.Errorf("status %d, want %d", answer.HTTPStatusCode(), status)
	}
}

// TestDescribeCluster has what `aws eks update-kubeconfig` and Terraform's data
// source read.
func TestDescribeCluster(t *testing.T) {
	s, _ := start(t)
	c := client(s.Root(servicetest.Account))
	got := must[*sdk.DescribeClusterOutput](t)(c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("your-cluster-name")})).Cluster
	if *got.Identity.Oidc.Issuer != issuer || *got.Arn != clusterARN || got.Status != types.ClusterStatusActive || !got.CreatedAt.Equal(s.Now()) {
		t.Errorf("got %+v", got)
	}
	if *got.Endpoint != "https://EXAMPLED539D4633E53DE1B71EXAMPLE.gr7.us-west-2.eks.amazonaws.com" {
		t.Errorf("endpoint %s", *got.Endpoint)
	}
	text, err := base64.StdEncoding.DecodeString(*got.CertificateAuthority.Data)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if ca := must[*x509.Certificate](t)(x509.ParseCertificate(block.Bytes)); !ca.IsCA {
		t.Error("the certificate authority is none")
	}
	if got.ResourcesVpcConfig == nil || got.KubernetesNetworkConfig == nil || got.AccessConfig == nil || got.RoleArn == nil || got.Version == nil || got.PlatformVersion == nil {
		t.Errorf("members are missing: %+v", got)
	}
	again := must[*sdk.DescribeClusterOutput](t)(c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("your-cluster-name")})).Cluster
	if *again.CertificateAuthority.Data != *got.CertificateAuthority.Data || *again.ResourcesVpcConfig.VpcId != *got.ResourcesVpcConfig.VpcId {
		t.Error("the same cluster is described differently")
	}
}

// TestErrors: the texts are AWS's, seen in users' reports and by moto.
func TestErrors(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	root := client(s.Root(servicetest.Account))
	_, err := root.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: aws.String("nowhere")})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: nowhere.")
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || missing.ClusterName == nil || *missing.ClusterName != "nowhere" {
		t.Errorf("the error does not name the cluster: %v", err)
	}
	_, err = root.CreateCluster(ctx, &sdk.CreateClusterInput{Name: aws.String("your-cluster-name"), RoleArn: aws.String("arn:aws:iam::111122223333:role/r"), ResourcesVpcConfig: &types.VpcConfigRequest{}})
	refused(t, err, http.StatusConflict, "ResourceInUseException", "Cluster already exists with name: your-cluster-name")
	_, err = root.ListNodegroups(ctx, &sdk.ListNodegroupsInput{ClusterName: aws.String("your-cluster-name")})
	refused(t, err, http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement eks:ListNodegroups.")

	reader := client(s.Role(servicetest.Account, "reader", servicetest.Allow("arn:aws:eks:*:*:cluster/other", "eks:DescribeCluster")))
	for _, name := range []string{"your-cluster-name", "nowhere"} {
		_, err = reader.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: &name})
		refused(t, err, http.StatusForbidden, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/reader/test is not authorized to perform: eks:DescribeCluster on resource: arn:aws:eks:us-west-2:111122223333:cluster/"+name+
			" because no identity-based policy allows the eks:DescribeCluster action")
	}
	if d := s.Last(); d.Outcome != decision.Refused || d.Action != "DescribeCluster" || len(d.Checks) != 1 {
		t.Errorf("decision %+v", d)
	}
	_, err = reader.ListClusters(ctx, &sdk.ListClustersInput{})
	refused(t, err, http.StatusForbidden, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/reader/test is not authorized to perform: eks:ListClusters on resource: arn:aws:eks:us-west-2:111122223333:cluster/*"+
		" because no identity-based policy allows the eks:ListClusters action")
	_, err = reader.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: aws.String("other")})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: other.")
}

func TestCreateListDelete(t *testing.T) {
	s, made := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	for _, name := range []string{"b", "a"} {
		out := must[*sdk.CreateClusterOutput](t)(c.CreateCluster(ctx, &sdk.CreateClusterInput{
			Name: &name, RoleArn: aws.String("arn:aws:iam::111122223333:role/r"), Version: aws.String("1.33"), Tags: map[string]string{"team": "x"},
			ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1"}, EndpointPrivateAccess: aws.Bool(true)},
		})).Cluster
		if *out.Identity.Oidc.Issuer != (*made)[len(*made)-1] || *out.Version != "1.33" || out.Tags["team"] != "x" ||
			!cmp.Equal(out.ResourcesVpcConfig.SubnetIds, []string{"subnet-1"}) || !out.ResourcesVpcConfig.EndpointPrivateAccess || out.ResourcesVpcConfig.VpcId == nil {
			t.Errorf("created %+v", out)
		}
	}
	var names []string
	pages := sdk.NewListClustersPaginator(c, &sdk.ListClustersInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		names = append(names, must[*sdk.ListClustersOutput](t)(pages.NextPage(ctx)).Clusters...)
	}
	if !cmp.Equal(names, []string{"a", "b", "your-cluster-name"}) {
		t.Errorf("listed %v", names)
	}
	must[*sdk.DeleteClusterOutput](t)(c.DeleteCluster(ctx, &sdk.DeleteClusterInput{Name: aws.String("a")}))
	_, err := c.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: aws.String("a")})
	refused(t, err, http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: a.")

	// Creating needs iam:PassRole for the role too.
	creator := client(s.Role(servicetest.Account, "creator", servicetest.Allow("*", "eks:CreateCluster")))
	_, err = creator.CreateCluster(ctx, &sdk.CreateClusterInput{Name: aws.String("c"), RoleArn: aws.String("arn:aws:iam::111122223333:role/r"),
		ResourcesVpcConfig: &types.VpcConfigRequest{}, Tags: map[string]string{"team": "a"}})
	if err == nil || !strings.Contains(err.Error(), "not authorized to perform: eks:TagResource on resource: arn:aws:eks:us-west-2:111122223333:cluster/c") {
		t.Errorf("tags without the permission to tag: %v", err)
	}
	_, err = creator.CreateCluster(ctx, &sdk.CreateClusterInput{Name: aws.String("c"), RoleArn: aws.String("arn:aws:iam::111122223333:role/r"), ResourcesVpcConfig: &types.VpcConfigRequest{}})
	if err == nil || !strings.Contains(err.Error(), "iam:PassRole on resource: arn:aws:iam::111122223333:role/r") {
		t.Errorf("got %v", err)
	}
}

func TestTags(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	must[*sdk.TagResourceOutput](t)(c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: aws.String(clusterARN), Tags: map[string]string{"a": "1", "b": "2"}}))
	must[*sdk.UntagResourceOutput](t)(c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: aws.String(clusterARN), TagKeys: []string{"a"}}))
	got := must[*sdk.ListTagsForResourceOutput](t)(c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: aws.String(clusterARN)}))
	if !cmp.Equal(got.Tags, map[string]string{"b": "2"}) {
		t.Errorf("tags %v", got.Tags)
	}
	tagged := client(s.Role(servicetest.Account, "tagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:DescribeCluster","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/b":"2"}}}]}`))
	must[*sdk.DescribeClusterOutput](t)(tagged.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: aws.String("your-cluster-name")}))
}

// What clients made of a cluster, its access entries and its add-ons comes back
// from a document.
func TestDocumentOfWhatClientsMade(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	c := client(s.Root(servicetest.Account))
	s.Role(servicetest.Account, "app")
	s.Trust(servicetest.Account, "app", podsTrust)
	name, role := aws.String("made"), aws.String(roleApp)
	must[*sdk.CreateClusterOutput](t)(c.CreateCluster(ctx, &sdk.CreateClusterInput{Name: name, RoleArn: role, ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1"}},
		AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi}}))
	must[*sdk.CreateAccessEntryOutput](t)(c.CreateAccessEntry(ctx, &sdk.CreateAccessEntryInput{ClusterName: name, PrincipalArn: role, KubernetesGroups: []string{"viewers"}, Tags: map[string]string{"a": "b"}}))
	for _, scope := range []types.AccessScope{{Type: types.AccessScopeTypeCluster}, {Type: types.AccessScopeTypeNamespace, Namespaces: []string{"ns"}}} {
		must[*sdk.AssociateAccessPolicyOutput](t)(c.AssociateAccessPolicy(ctx, &sdk.AssociateAccessPolicyInput{ClusterName: name, PrincipalArn: role,
			PolicyArn: aws.String("arn:aws:eks::aws:cluster-access-policy/Amazon" + string(scope.Type)), AccessScope: &scope}))
	}
	must[*sdk.CreateAddonOutput](t)(c.CreateAddon(ctx, &sdk.CreateAddonInput{ClusterName: name, AddonName: aws.String("aws-ebs-csi-driver"), ConfigurationValues: aws.String(`{"a":1}`),
		PodIdentityAssociations: []types.AddonPodIdentityAssociations{{RoleArn: role, ServiceAccount: aws.String("ebs-csi-controller-sa")}}}))
	read := func() (all []any) {
		all = append(all, must[*sdk.DescribeClusterOutput](t)(c.DescribeCluster(ctx, &sdk.DescribeClusterInput{Name: name})).Cluster)
		all = append(all, must[*sdk.DescribeAccessEntryOutput](t)(c.DescribeAccessEntry(ctx, &sdk.DescribeAccessEntryInput{ClusterName: name, PrincipalArn: role})).AccessEntry)
		all = append(all, must[*sdk.ListAssociatedAccessPoliciesOutput](t)(c.ListAssociatedAccessPolicies(ctx, &sdk.ListAssociatedAccessPoliciesInput{ClusterName: name, PrincipalArn: role})).AssociatedAccessPolicies)
		all = append(all, must[*sdk.DescribeAddonOutput](t)(c.DescribeAddon(ctx, &sdk.DescribeAddonInput{ClusterName: name, AddonName: aws.String("aws-ebs-csi-driver")})).Addon)
		return append(all, must[*sdk.ListPodIdentityAssociationsOutput](t)(c.ListPodIdentityAssociations(ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: name})).Associations)
	}
	ignored := cmp.FilterPath(func(p cmp.Path) bool {
		return strings.Contains(p.GoString(), "CertificateAuthority") || strings.HasSuffix(p.GoString(), ".ClientRequestToken") || strings.HasSuffix(p.GoString(), ".noSmithyDocumentSerde")
	}, cmp.Ignore())
	before, document := read(), eks.Export(s.Store.Snapshot())
	text, err := statefile.State{Clusters: document}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := statefile.Parse("state.json", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Update(ctx, func(tx *state.Txn) error { eks.Reset(tx, ""); return nil }); err != nil {
		t.Fatal(err)
	}
	declare(t, s, again.Clusters)
	if diff := cmp.Diff(before, read(), ignored); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// TestDocument: what is exported and applied again is exported the same, also
// when two clusters have one name.
func TestDocument(t *testing.T) {
	s, _ := start(t)
	declare(t, s, map[string]statefile.Cluster{
		servicetest.Other + "/eu-west-1/your-cluster-name": {Issuer: issuer + "2", Region: "eu-west-1", Account: servicetest.Other, Version: "1.33", Tags: map[string]string{"a": "b"},
			PodIdentityAssociations: []statefile.PodIdentityAssociation{
				{ServiceAccount: "payments/api", Role: "arn:aws:iam::" + servicetest.Other + ":role/api"},
				{ServiceAccount: "payments/job", Role: "arn:aws:iam::" + servicetest.Other + ":role/job", TargetRole: "arn:aws:iam::111122223333:role/target", DisableSessionTags: true,
					Policy: statefile.NewDocument(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`), Tags: map[string]string{"c": "d"}},
			}},
	})
	first := eks.Export(s.Store.Snapshot())
	if len(first) != 2 {
		t.Fatalf("exported %d clusters, want 2", len(first))
	}
	other, _ := start(t)
	if err := other.Store.Update(t.Context(), func(tx *state.Txn) error { eks.Reset(tx, ""); return nil }); err != nil {
		t.Fatal(err)
	}
	declare(t, other, first)
	if diff := cmp.Diff(first, eks.Export(other.Store.Snapshot())); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/clusters/n", "/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Acluster%2Fn", "/clusters/%zz/updates", "//"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest(http.MethodGet, "http://eks/"+strings.TrimPrefix(path, "/"), nil)
		if err != nil {
			return
		}
		eks.ActionOf(r)
	})
}
