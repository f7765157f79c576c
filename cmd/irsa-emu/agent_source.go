package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/agent"
	emuaws "github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
)

// nodeSource asks EKS Auth for the pods of one cluster, as the node.
func (p *program) nodeSource(f agentFlags) (agent.Source, error) {
	node, err := p.agentsAWS(f)
	if err != nil {
		return nil, err
	}
	if f.endpoint != "" || node.Region != "" && node.Credentials != nil {
		return agent.NewEKSAuth(asNode(node, control.PodIdentity{}, f.adminSecret), f.cluster), nil
	}
	return &clusterSource{name: f.cluster, node: node, adminSecret: f.adminSecret, api: &control.Client{URL: f.url, Token: f.controlToken}}, nil
}

// asNode fills in what neither flags nor the environment say.
func asNode(node aws.Config, cluster control.PodIdentity, adminSecret string) aws.Config {
	if node.Region == "" {
		node.Region = cmp.Or(cluster.Region, emuaws.DefaultRegion)
	}
	if node.Credentials == nil {
		node.Credentials = credentials.NewStaticCredentialsProvider(cmp.Or(cluster.Account, "test"), adminSecret, "")
	}
	return node
}

// clusterSource asks the emulator where the cluster is, and then its EKS Auth there,
// as the administrator of the cluster's account. The cluster may come, and come
// back elsewhere, while the agent runs.
type clusterSource struct {
	name, adminSecret string
	node              aws.Config
	api               *control.Client

	mu    sync.Mutex
	where control.PodIdentity
	auth  *agent.EKSAuth
}

// Credentials are those of the token's pod.
func (s *clusterSource) Credentials(ctx context.Context, token string) (agent.Credentials, error) {
	return s.current(ctx).Credentials(ctx, token)
}

// current is EKS Auth where the cluster is now. An emulator that does not say is
// asked as before, or in the default region: its EKS Auth says what is wrong.
func (s *clusterSource) current(ctx context.Context) *agent.EKSAuth {
	where, err := s.api.PodIdentity(ctx, control.PodIdentityQuery{Cluster: s.name})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.auth != nil && (err != nil || where == s.where) {
		return s.auth
	}
	if s.auth != nil {
		s.auth.Close()
	}
	s.where = where
	s.auth = agent.NewEKSAuth(asNode(s.node, where, s.adminSecret), s.name)
	return s.auth
}

// agentsAWS is where EKS Auth is, and who asks, as far as flags and environment say.
func (p *program) agentsAWS(f agentFlags) (aws.Config, error) {
	endpoint := f.endpoint
	if endpoint == "" {
		endpoint = f.url
	}
	env := func(name string) string { value, _ := p.getenv(name); return value }
	config := aws.Config{BaseEndpoint: &endpoint, Region: cmp.Or(f.region, env(emuaws.EnvRegion), env(emuaws.EnvDefaultRegion))}
	if id := env(emuaws.EnvAccessKey); id != "" {
		secret := env(emuaws.EnvSecretKey)
		if secret == "" {
			return aws.Config{}, errors.New("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both, or neither")
		}
		config.Credentials = credentials.NewStaticCredentialsProvider(id, secret, env(emuaws.EnvSessionToken))
	}
	if file := env(emuaws.EnvCABundle); file != "" {
		roots, err := readRoots(emuaws.EnvCABundle, file)
		if err != nil {
			return aws.Config{}, err
		}
		config.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.TLSClientConfig.RootCAs = roots
		})
	}
	return config, nil
}
