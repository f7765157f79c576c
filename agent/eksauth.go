package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
)

// EKSAuth is the source that asks EKS Auth for the pods of one cluster.
type EKSAuth struct {
	client  *eksauth.Client
	cluster string
	idle    interface{ CloseIdleConnections() }
}

// NewEKSAuth asks the EKS Auth that the configuration leads to (endpoint,
// region, the node's credentials). Unless the configuration has an HTTP client of
// another kind than the SDK's own, that has upstream's timeouts: half a second to
// connect, a second in all; the SDK tries again.
func NewEKSAuth(config aws.Config, cluster string) *EKSAuth {
	given, buildable := config.HTTPClient.(*awshttp.BuildableClient)
	if config.HTTPClient == nil || buildable {
		transport := &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 500 * time.Millisecond}).DialContext,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		}
		if buildable { // its authorities
			transport.TLSClientConfig = given.GetTransport().TLSClientConfig
		}
		config.HTTPClient = &http.Client{Timeout: time.Second, Transport: transport}
	}
	e := &EKSAuth{client: eksauth.NewFromConfig(config), cluster: cluster}
	e.idle, _ = config.HTTPClient.(interface{ CloseIdleConnections() })
	return e
}

// Close closes idle connections.
func (e *EKSAuth) Close() {
	if e.idle != nil {
		e.idle.CloseIdleConnections()
	}
}

// Credentials are those of the token's pod.
func (e *EKSAuth) Credentials(ctx context.Context, token string) (Credentials, error) {
	out, err := e.client.AssumeRoleForPodIdentity(ctx, &eksauth.AssumeRoleForPodIdentityInput{ClusterName: &e.cluster, Token: &token})
	if err != nil {
		return Credentials{}, fmt.Errorf("unable to fetch credentials from EKS Auth: %w", err)
	}
	if out.Credentials == nil || out.AssumedRoleUser == nil {
		return Credentials{}, errors.New("invalid response from server: it has no credentials or no role")
	}
	role, err := arn.Parse(aws.ToString(out.AssumedRoleUser.Arn))
	if err != nil {
		return Credentials{}, fmt.Errorf("unable to parse arn from assumed role: %w", err)
	}
	return Credentials{
		AccessKeyID: aws.ToString(out.Credentials.AccessKeyId), SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		Token: aws.ToString(out.Credentials.SessionToken), AccountID: role.AccountID, Expiration: aws.ToTime(out.Credentials.Expiration),
	}, nil
}
