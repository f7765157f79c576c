package authenticator

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/kube"
)

// user is who a principal is in Kubernetes.
type user struct {
	name     string
	groups   []string
	policies []policy
}

// userOf finds a principal where EKS looks: its access entry, then the ConfigMap
// aws-auth, each if the cluster's authentication mode knows it. The one who made
// the cluster is its administrator: of clusters of State documents nobody says
// who that was, and the account's root stands for them.
func (a *Authenticator) userOf(ctx context.Context, c Cluster, id *Identity) (*user, error) {
	config := sdk.Config{Region: c.Region, BaseEndpoint: &c.Emulator, Credentials: credentials.NewStaticCredentialsProvider(c.Account, a.AdminSecret, ""), HTTPClient: a.HTTP}
	client := eks.NewFromConfig(config)
	described, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &c.Name})
	if err != nil {
		return nil, fmt.Errorf("asking EKS for cluster %s: %w", c.Name, err)
	}
	access := described.Cluster.AccessConfig
	if access == nil {
		access = &types.AccessConfigResponse{AuthenticationMode: types.AuthenticationModeConfigMap}
	}
	creates := access.BootstrapClusterCreatorAdminPermissions
	if arn, err := aws.ParseARN(id.Canonical); err == nil && arn.Resource == "root" && arn.Account == c.Account && (creates == nil || *creates) {
		return &user{name: "kubernetes-admin", groups: []string{"system:masters"}}, nil
	}
	if access.AuthenticationMode != types.AuthenticationModeConfigMap {
		if found, err := entryOf(ctx, client, c, id); err != nil || found != nil {
			return found, err
		}
	}
	if access.AuthenticationMode != types.AuthenticationModeApi {
		if found, err := a.mapped(ctx, id); err != nil || found != nil {
			return found, err
		}
	}
	return nil, fmt.Errorf("%s has no access to cluster %s; give it an access entry: "+
		"aws eks create-access-entry --region %s --cluster-name %[2]s --principal-arn %[4]s && "+
		"aws eks associate-access-policy --region %[3]s --cluster-name %[2]s --principal-arn %[4]s --access-scope type=cluster --policy-arn %[5]s",
		id.ARN, c.Name, c.Region, id.Canonical, aws.PartitionARN(aws.PartitionOf(c.Region).ID, "eks", "aws", "cluster-access-policy/AmazonEKSViewPolicy"))
}

// entryOf finds a principal's access entry. The STS does not say a role's path,
// and names are unique within an account.
func entryOf(ctx context.Context, client *eks.Client, c Cluster, id *Identity) (*user, error) {
	pages := eks.NewListAccessEntriesPaginator(client, &eks.ListAccessEntriesInput{ClusterName: &c.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking EKS for the access entries of cluster %s: %w", c.Name, err)
		}
		for _, principal := range page.AccessEntries {
			if aws.WithoutPath(principal) == id.Canonical {
				return readEntry(ctx, client, c, principal, id)
			}
		}
	}
	return nil, nil
}

func readEntry(ctx context.Context, client *eks.Client, c Cluster, principal string, id *Identity) (*user, error) {
	entry, err := client.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: &c.Name, PrincipalArn: &principal})
	if err != nil {
		return nil, fmt.Errorf("asking EKS for the access entry of %s: %w", principal, err)
	}
	if kind := sdk.ToString(entry.AccessEntry.Type); kind != "STANDARD" {
		return nil, fmt.Errorf("the access entry of %s is of type %s: nodes of kind are none of EC2's", principal, kind)
	}
	u := &user{name: id.render(sdk.ToString(entry.AccessEntry.Username)), groups: entry.AccessEntry.KubernetesGroups}
	pages := eks.NewListAssociatedAccessPoliciesPaginator(client, &eks.ListAssociatedAccessPoliciesInput{ClusterName: &c.Name, PrincipalArn: &principal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking EKS for the access policies of %s: %w", principal, err)
		}
		for _, p := range page.AssociatedAccessPolicies {
			arn := sdk.ToString(p.PolicyArn)
			found := policy{name: aws.NameIn(arn)}
			if p.AccessScope != nil && p.AccessScope.Type == types.AccessScopeTypeNamespace {
				found.namespaces = p.AccessScope.Namespaces
			}
			u.policies = append(u.policies, found)
		}
	}
	return u, nil
}

// render fills in what names of users and groups may say of who calls, as
// aws-iam-authenticator does: an @ of a session's name becomes a hyphen.
func (id *Identity) render(template string) string {
	return strings.NewReplacer(
		"{{AccountID}}", id.Account, "{{SessionName}}", strings.ReplaceAll(id.Session, "@", "-"), "{{SessionNameRaw}}", id.Session, "{{AccessKeyID}}", id.AccessKey,
	).Replace(template)
}

// awsAuth is what the ConfigMap has under mapRoles and mapUsers.
type awsAuth struct {
	RoleARN  string   `yaml:"rolearn"`
	UserARN  string   `yaml:"userarn"`
	Username string   `yaml:"username"`
	Groups   []string `yaml:"groups"`
}

// mapped finds a principal in the ConfigMap aws-auth, which knows roles without
// their paths.
func (a *Authenticator) mapped(ctx context.Context, id *Identity) (*user, error) {
	var config corev1.ConfigMap
	err := a.Client.Get(ctx, kube.Path("configmaps", "kube-system", "aws-auth"), &config)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap kube-system/aws-auth: %w", err)
	}
	return mappedBy(config.Data, id)
}

// mappedBy finds a principal in the ConfigMap's data.
func mappedBy(data map[string]string, id *Identity) (*user, error) {
	for _, key := range []string{"mapRoles", "mapUsers"} {
		var list []awsAuth
		if err := yaml.Unmarshal([]byte(data[key]), &list); err != nil {
			return nil, fmt.Errorf("ConfigMap kube-system/aws-auth, %s: %w", key, err)
		}
		for _, m := range list {
			if strings.EqualFold(m.RoleARN, id.Canonical) || strings.EqualFold(m.UserARN, id.Canonical) {
				u := &user{name: id.render(m.Username)}
				if u.name == "" {
					u.name = id.Canonical
				}
				for _, g := range m.Groups {
					u.groups = append(u.groups, id.render(g))
				}
				return u, nil
			}
		}
	}
	var accounts []string
	if err := yaml.Unmarshal([]byte(data["mapAccounts"]), &accounts); err != nil {
		return nil, fmt.Errorf("ConfigMap kube-system/aws-auth, mapAccounts: %w; quote the account ids", err)
	}
	for _, account := range accounts {
		if account == id.Account {
			return &user{name: id.Canonical}, nil
		}
	}
	return nil, nil
}
