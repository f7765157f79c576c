// Command eksctl replays what eksctl's utils associate-iam-oidc-provider asks
// of AWS (eksctl, pkg/actions/irsa and pkg/iam/oidc): one line a step.
package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const cluster = "your-cluster-name"

// replay is what one step leaves to the next.
type replay struct {
	sts *sts.Client
	eks *eks.Client
	iam *iam.Client

	clusterARN awsarn.ARN
	issuer     *url.URL
	provider   string // ARN
	thumbprint string
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		fmt.Printf("not ok the configuration loads\n   # %v\n", err)
		os.Exit(1)
	}
	r := &replay{
		sts: sts.NewFromConfig(cfg, func(o *sts.Options) { o.Retryer = aws.NopRetryer{} }),
		eks: eks.NewFromConfig(cfg),
		iam: iam.NewFromConfig(cfg),
	}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"GetCallerIdentity", r.identity},
		{"DescribeCluster: active, with an https issuer", r.describe},
		{"GetOpenIDConnectProvider: there is none", r.missing},
		{"the issuer's certificate over TLS", r.certificate},
		{"CreateOpenIDConnectProvider with :443 in its URL, and tags", r.create},
		{"the provider's ARN and URL are without the port", r.made},
		{"TagResource on the cluster", r.tag},
		{"a second run finds the provider, and making it again is refused", r.again},
	} {
		if err := step.run(ctx); err != nil {
			fmt.Printf("not ok %s\n   # %v\n", step.name, err)
			os.Exit(1)
		}
		fmt.Println("ok", step.name)
	}
}

func (r *replay) identity(ctx context.Context) error {
	out, err := r.sts.GetCallerIdentity(ctx, nil)
	if err == nil && aws.ToString(out.Account) != "111122223333" {
		err = fmt.Errorf("the account is %s", aws.ToString(out.Account))
	}
	return err
}

func (r *replay) describe(ctx context.Context) error {
	out, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(cluster)})
	if err != nil {
		return err
	}
	if out.Cluster.Status != ekstypes.ClusterStatusActive {
		return fmt.Errorf("the cluster is %s", out.Cluster.Status)
	}
	if r.clusterARN, err = awsarn.Parse(aws.ToString(out.Cluster.Arn)); err != nil {
		return err
	}
	if out.Cluster.Identity == nil || out.Cluster.Identity.Oidc == nil {
		return errors.New("the cluster has no issuer")
	}
	if r.issuer, err = url.Parse(aws.ToString(out.Cluster.Identity.Oidc.Issuer)); err != nil {
		return err
	}
	if r.issuer.Scheme != "https" {
		return fmt.Errorf("the issuer is %s", r.issuer)
	}
	r.provider = fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s%s", r.clusterARN.Partition, r.clusterARN.AccountID, r.issuer.Hostname(), r.issuer.Path)
	return nil
}

func (r *replay) missing(ctx context.Context) error {
	_, err := r.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &r.provider})
	var none *iamtypes.NoSuchEntityException
	if !errors.As(err, &none) {
		return fmt.Errorf("wanted NoSuchEntity, got %v", err)
	}
	return nil
}

// certificate takes the fingerprint of the last one of the chain, the root's side.
func (r *replay) certificate(ctx context.Context) error {
	withPort := *r.issuer
	withPort.Host = r.issuer.Hostname() + ":443"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withPort.String(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.TLS == nil || len(answer.TLS.PeerCertificates) == 0 {
		return errors.New("the issuer shows no certificate")
	}
	last := answer.TLS.PeerCertificates[len(answer.TLS.PeerCertificates)-1]
	sum := sha1.Sum(last.Raw)
	r.thumbprint = hex.EncodeToString(sum[:])
	return nil
}

func (r *replay) input() *iam.CreateOpenIDConnectProviderInput {
	withPort := *r.issuer
	withPort.Host = r.issuer.Hostname() + ":443"
	return &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(withPort.String()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{r.thumbprint},
		Tags: []iamtypes.Tag{
			{Key: aws.String("alpha.eksctl.io/cluster-name"), Value: aws.String(cluster)},
			{Key: aws.String("alpha.eksctl.io/eksctl-version"), Value: aws.String("0.220.0")},
		},
	}
}

func (r *replay) create(ctx context.Context) error {
	out, err := r.iam.CreateOpenIDConnectProvider(ctx, r.input())
	if err == nil && aws.ToString(out.OpenIDConnectProviderArn) != r.provider {
		err = fmt.Errorf("the ARN is %s, not %s", aws.ToString(out.OpenIDConnectProviderArn), r.provider)
	}
	return err
}

func (r *replay) made(ctx context.Context) error {
	out, err := r.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &r.provider})
	if err != nil {
		return err
	}
	if want := r.issuer.Hostname() + r.issuer.Path; aws.ToString(out.Url) != want {
		return fmt.Errorf("the URL is %s, not %s", aws.ToString(out.Url), want)
	}
	if len(out.Tags) != 2 || len(out.ThumbprintList) != 1 || out.ThumbprintList[0] != r.thumbprint {
		return fmt.Errorf("tags %d, thumbprints %q, not %q", len(out.Tags), out.ThumbprintList, r.thumbprint)
	}
	return nil
}

func (r *replay) tag(ctx context.Context) error {
	const key = "alpha.eksctl.io/cluster-oidc-enabled"
	if _, err := r.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: aws.String(r.clusterARN.String()), Tags: map[string]string{key: "true"}}); err != nil {
		return err
	}
	out, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(cluster)})
	if err == nil && out.Cluster.Tags[key] != "true" {
		err = fmt.Errorf("the cluster's tags are %v", out.Cluster.Tags)
	}
	return err
}

func (r *replay) again(ctx context.Context) error {
	if err := r.made(ctx); err != nil {
		return err
	}
	_, err := r.iam.CreateOpenIDConnectProvider(ctx, r.input())
	var exists *iamtypes.EntityAlreadyExistsException
	if !errors.As(err, &exists) {
		return fmt.Errorf("wanted EntityAlreadyExists, got %v", err)
	}
	return nil
}
