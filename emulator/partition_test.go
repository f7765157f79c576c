package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const partitionState = `apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  given: {account: "ACCOUNT", issuer: "ISSUER"}
accounts:
  "ACCOUNT":
    WRITTEN
    oidcProviders: [{url: "ISSUER", clientIDs: [sts.amazonaws.com]}]
    roles:
      - name: app
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Federated: "arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST"}, Action: "sts:AssumeRoleWithWebIdentity", Condition: {StringEquals: {"HOST:sub": "system:serviceaccount:ns:app", "HOST:aud": sts.amazonaws.com}}}]}
        attachedPolicies: [arn:PARTITION:iam::aws:policy/ReadOnlyAccess]
    secrets: [{name: given, value: x}]
    buckets: [{name: given-bucket}]
`

// An account is in the partition of --region, or in the one that the state says, and
// every ARN that any service gives is of it.
func TestPartitions(t *testing.T) {
	for name, c := range map[string]struct{ serve, account, region, issuer string }{
		"GovCloud by region": {"us-gov-west-1", aws.DefaultAccount, "us-gov-west-1", aws.EKSIssuer("us-gov-west-1", "A")},
		"China by region":    {"cn-north-1", aws.DefaultAccount, "cn-north-1", aws.EKSIssuer("cn-north-1", "A")},
		"China by state":     {"us-east-1", "222233334444", "cn-north-1", "https://issuer.example.com"},
		"GovCloud by state":  {"us-east-1", "222233334444", "us-gov-west-1", "https://issuer.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			partition := aws.PartitionOf(c.region)
			written := ""
			if c.serve != c.region {
				written = "partition: " + partition.ID
			}
			text := strings.NewReplacer("ACCOUNT", c.account, "ISSUER", c.issuer, "HOST", aws.IssuerName(c.issuer), "PARTITION", partition.ID, "WRITTEN", written).Replace(partitionState)
			given, err := statefile.Parse("state.yaml", []byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			emu := Start(t, Config{Region: c.serve, Given: []statefile.State{given}})
			config := emu.AWSConfig()
			config.Region, config.Credentials = c.region, credentials.NewStaticCredentialsProvider(c.account, "test", "")
			for what, arn := range arnsOf(t, emu, config, c.account, c.issuer) {
				if parts, ok := aws.SplitARN(arn); !ok || parts[1] != partition.ID || parts[3] != "" && parts[3] != c.region {
					t.Errorf("%s: %s is not of %s in %s", what, arn, partition.ID, c.region)
				}
			}
			refusesForeign(t, config, c.account)
			var info control.Info
			if status := callControl(t, emu, http.MethodGet, "/_emu/info?account="+c.account, "", &info); status != 200 || info.Region != c.region {
				t.Errorf("GET /_emu/info: %d, %+v; want %s", status, info, c.region)
			}
		})
	}
}

// arnsOf are the ARNs that calls of all services answer with, by what they are.
func arnsOf(t *testing.T, emu *Running, config sdk.Config, account, issuer string) map[string]string {
	t.Helper()
	ctx := context.Background()
	all := map[string]string{}
	note := func(what string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, word := range strings.Split(string(text), `"`) {
			if strings.HasPrefix(word, "arn:") {
				n++
				all[fmt.Sprint(what, " ", n)] = word
			}
		}
		if n == 0 {
			t.Errorf("%s: no ARN in %s", what, text)
		}
	}
	identity, roles, clusters := sts.NewFromConfig(config), iam.NewFromConfig(config), eks.NewFromConfig(config)
	caller, err := identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	note("the caller", caller, err)
	app, err := roles.GetRole(ctx, &iam.GetRoleInput{RoleName: sdk.String("app")})
	note("a role", app, err)
	attached, err := roles.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: sdk.String("app")})
	note("a managed policy", attached, err)
	linked, err := roles.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: sdk.String("eks.amazonaws.com")})
	note("a service-linked role", linked, err)
	providers, err := roles.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	note("a provider", providers, err)
	cluster, err := clusters.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: sdk.String("given")})
	note("a cluster", cluster, err)
	made, err := clusters.CreateCluster(ctx, &eks.CreateClusterInput{Name: sdk.String("made"), RoleArn: app.Role.Arn, ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}}})
	note("a new cluster", made, err)
	if region, _, ok := aws.EKSIssuerParts(sdk.ToString(made.Cluster.Identity.Oidc.Issuer)); !ok || region != config.Region {
		t.Errorf("a new cluster's issuer is %s", *made.Cluster.Identity.Oidc.Issuer)
	}
	entry, err := clusters.CreateAccessEntry(ctx, &eks.CreateAccessEntryInput{ClusterName: sdk.String("given"), PrincipalArn: app.Role.Arn})
	note("an access entry", entry, err)
	policies, err := clusters.ListAccessPolicies(ctx, &eks.ListAccessPoliciesInput{})
	note("an access policy", policies, err)
	secrets, err := secretsmanager.NewFromConfig(config).ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
	note("a secret", secrets, err)
	bucket, err := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: sdk.String("given-bucket")})
	note("a bucket", bucket, err)
	token, err := emu.Token(ctx, control.TokenRequest{Issuer: issuer, ServiceAccount: "ns/app"})
	if err != nil {
		t.Fatal(err)
	}
	assumed, err := identity.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: app.Role.Arn, RoleSessionName: sdk.String("session"), WebIdentityToken: &token})
	note("a session, and its provider", assumed, err)
	federated, err := identity.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: sdk.String("name")})
	note("a federated user", federated, err)
	var state json.RawMessage
	callControl(t, emu, http.MethodGet, "/_emu/state", "", &state)
	note("the exported state", state, nil)
	return all
}

// refusesForeign: what is of the partition aws is nothing that an account elsewhere has.
func refusesForeign(t *testing.T, config sdk.Config, account string) {
	t.Helper()
	ctx := context.Background()
	roles, identity, clusters := iam.NewFromConfig(config), sts.NewFromConfig(config), eks.NewFromConfig(config)
	own, app := aws.PartitionOf(config.Region).ID, sdk.String("app")
	role := aws.RoleARN(own, account, "", *app)
	foreign := sdk.String(aws.PolicyARN("", "aws", "", "ReadOnlyAccess"))
	_, attached := roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: app, PolicyArn: foreign})
	_, bound := roles.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: app, PermissionsBoundary: foreign})
	_, session := identity.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: sdk.String("name"), PolicyArns: []ststypes.PolicyDescriptorType{{Arn: foreign}}})
	_, access := clusters.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{ClusterName: sdk.String("given"), PrincipalArn: &role,
		PolicyArn: sdk.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"), AccessScope: &ekstypes.AccessScope{Type: ekstypes.AccessScopeTypeCluster}})
	for what, err := range map[string]error{"attached": attached, "as a boundary": bound, "for a session": session, "of EKS": access} {
		var refused smithy.APIError
		if !errors.As(err, &refused) {
			t.Errorf("a policy of another partition, %s: %v", what, err)
		}
	}
}

// No partition knows roles of another, nor credentials. One that is used elsewhere is
// served, since one address stands for all partitions, and the decision says what AWS
// answers.
func TestAcrossPartitions(t *testing.T) {
	const text = `apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333":
    roles: [{name: app, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]}}]
  "222233334444":
    partition: aws-cn
    roles: [{name: app, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]}}]
`
	given, err := statefile.Parse("state.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := Start(t, Config{Given: []statefile.State{given}})
	ctx := t.Context()
	config := emu.AWSConfig()
	config.Region, config.Credentials = "cn-north-1", credentials.NewStaticCredentialsProvider("222233334444", "test", "")
	last := func() (d decision.Decision) {
		t.Helper()
		var answer control.Decisions
		if status := callControl(t, emu, http.MethodGet, "/_emu/decisions?limit=1", "", &answer); status != 200 || len(answer.Decisions) != 1 {
			t.Fatalf("%d, %+v", status, answer)
		}
		return *answer.Decisions[0]
	}
	assume := func(role string) (*sts.AssumeRoleOutput, error) {
		return sts.NewFromConfig(config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: sdk.String("session")})
	}
	const foreign = "arn:aws:iam::111122223333:role/app"
	_, err = assume(foreign)
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" || refused.ErrorMessage() != "User: arn:aws-cn:iam::222233334444:root is not authorized to perform: sts:AssumeRole on resource: "+foreign {
		t.Errorf("a role of another partition: %v", err)
	}
	if d := last(); d.Reason.Code != "across-partitions" || d.Reason.Kind != decision.RoleNotFound {
		t.Errorf("%+v", d.Reason)
	}
	own, err := assume("arn:aws-cn:iam::222233334444:role/app")
	if err != nil {
		t.Fatal(err)
	}
	config.Credentials = credentials.NewStaticCredentialsProvider(*own.Credentials.AccessKeyId, *own.Credentials.SecretAccessKey, *own.Credentials.SessionToken)
	for region, here := range map[string]bool{"cn-north-1": true, "cn-northwest-1": true, "us-east-1": false, "us-gov-west-1": false} {
		config.Region = region
		for code, call := range map[string]func() error{
			"InvalidClientTokenId": func() error {
				_, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
				return err
			},
			"UnrecognizedClientException": func() error {
				_, err := secretsmanager.NewFromConfig(config).GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{})
				return err
			},
			"InvalidToken": func() error {
				_, err := s3.NewFromConfig(config).ListBuckets(ctx, &s3.ListBucketsInput{})
				return err
			},
		} {
			err := call()
			if errors.As(err, &refused) && refused.ErrorCode() == code {
				t.Errorf("%s: refused, %v", region, err)
			}
			d := last()
			if here != (len(d.Beyond) == 0) || !here && (d.Beyond[0].Code != "other-partition" || !strings.Contains(d.Beyond[0].Message, code)) {
				t.Errorf("%s, %s: %+v", region, code, d.Beyond)
			}
		}
	}
}
