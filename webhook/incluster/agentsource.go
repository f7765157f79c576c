package incluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eksauth/types"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/irsa-emu/irsa-emu/agent"
	ours "github.com/irsa-emu/irsa-emu/aws"
)

// AgentSource is the source of a node's agent in a cluster whose namespaces may
// use emulators of their own: it takes a pod's token to the EKS Auth of its
// namespace's emulator, as the administrator of the cluster's account.
type AgentSource struct {
	*PodIdentity
	// AdminSecret is the secret key of the emulators' administrators.
	AdminSecret string
	Logger      *slog.Logger

	mu      sync.Mutex
	clients map[authKey]*agent.EKSAuth
}

type authKey struct{ emulator, account, region, cluster string }

// mostClients bounds the clients that are kept; a cluster has fewer emulators.
const mostClients = 256

// Credentials are those of the token's pod.
func (s *AgentSource) Credentials(ctx context.Context, token string) (agent.Credentials, error) {
	account, err := subjectOf(token)
	if err != nil {
		return agent.Credentials{}, &types.InvalidTokenException{Message: aws.String(err.Error())}
	}
	found, emulator, err := s.Find(ctx, account.Namespace, account.Name)
	if err != nil {
		return agent.Credentials{}, err
	}
	if found.Cluster == "" {
		return agent.Credentials{}, &types.ResourceNotFoundException{Message: aws.String("the emulator has no EKS cluster with this cluster's issuer")}
	}
	credentials, err := s.client(authKey{emulator, found.Account, found.Region, found.Cluster}).Credentials(ctx, token)
	if err != nil {
		return credentials, err
	}
	return credentials, s.stillGood(ctx, token)
}

// stillGood asks the API server about a token that EKS Auth has verified: its pod
// or its service account may be gone. An API server that does not answer is no
// reason to refuse.
func (s *AgentSource) stillGood(ctx context.Context, token string) error {
	review := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{ours.PodIdentityService}}}
	var got authenticationv1.TokenReview
	err := s.Client.Create(ctx, "/apis/authentication.k8s.io/v1/tokenreviews", &review, &got)
	switch {
	case err != nil:
		if s.Logger != nil {
			s.Logger.Warn("the API server was not asked whether the token's pod is there", "error", err)
		}
		return nil
	case !got.Status.Authenticated:
		return &types.InvalidTokenException{Message: aws.String("the cluster does not take the token, whose pod or service account may be gone: " + got.Status.Error)}
	}
	return nil
}

func (s *AgentSource) client(key authKey) *agent.EKSAuth {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[key]; ok {
		return c
	}
	if s.clients == nil || len(s.clients) >= mostClients {
		for _, c := range s.clients {
			c.Close()
		}
		s.clients = map[authKey]*agent.EKSAuth{}
	}
	c := agent.NewEKSAuth(aws.Config{
		Region: key.region, BaseEndpoint: &key.emulator, Credentials: credentials.NewStaticCredentialsProvider(key.account, s.AdminSecret, ""),
	}, key.cluster)
	s.clients[key] = c
	return c
}

// subjectOf reads whose token it is; nobody has verified it yet.
func subjectOf(token string) (ours.ServiceAccount, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ours.ServiceAccount{}, fmt.Errorf("the token has %d parts, not 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ours.ServiceAccount{}, fmt.Errorf("the token's payload: %w", err)
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		return ours.ServiceAccount{}, fmt.Errorf("the token's payload: %w", err)
	}
	account, ok := ours.ServiceAccountOf(claims.Sub)
	if !ok {
		return ours.ServiceAccount{}, fmt.Errorf("the token's subject is %q, not a service account", claims.Sub)
	}
	return account, nil
}
