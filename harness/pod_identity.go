package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eksauth/types"

	"github.com/irsa-emu/irsa-emu/agent"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
)

// PodIdentity says how [Exec] gets the credentials of EKS Pod Identity.
type PodIdentity struct {
	// Cluster is the EKS cluster's name; the only one that there is when empty.
	Cluster string
	// AdminSecret is the emulator's: the node's agent asks as the administrator
	// of the cluster's account. Default test.
	AdminSecret string
	// Refused hears why the agent got no credentials, each reason once; nil does not.
	Refused func(*decision.Decision)
}

// placed asks where the cluster is, and fills in what follows from it.
func (c *ExecConfig) placed(ctx context.Context, api *control.Client) (control.PodIdentity, error) {
	where, err := api.PodIdentity(ctx, control.PodIdentityQuery{ServiceAccount: c.ServiceAccount, Cluster: c.PodIdentity.Cluster})
	switch {
	case err != nil:
		return where, err
	case where.Cluster == "":
		return where, errors.New("the emulator has no EKS cluster, and so no association; give it a State document with clusters.NAME.podIdentityAssociations")
	}
	if c.Region == "" {
		c.Region = where.Region
	}
	if c.Issuer == "" {
		c.Issuer = where.Issuer
	}
	if len(c.Audience) == 0 {
		c.Audience = []string{aws.PodIdentityService}
	}
	if c.Pod == "" {
		c.Pod = podOf(c.ServiceAccount)
	}
	return where, nil
}

// podOf names the pod that stands in for a service account's: EKS Pod Identity
// is for pods alone, and their name is in the session's.
func podOf(serviceAccount string) string {
	account, _ := aws.ParseServiceAccount(serviceAccount)
	return account.Name
}

// node is the agent of EKS Pod Identity for one command, on loopback, which the
// SDKs take beside the addresses of a real node.
type node struct {
	url    string
	source *explaining
	stop   func()
}

func (c *ExecConfig) startNode(ctx context.Context, api *control.Client, cluster control.PodIdentity) (*node, error) {
	clock := &emulatorClock{ctx: ctx, api: api}
	if err := clock.ask(); err != nil {
		return nil, err
	}
	auth := agent.NewEKSAuth(sdk.Config{
		Region: cluster.Region, BaseEndpoint: &api.URL, HTTPClient: control.HTTP(), // a busy machine's emulator may take longer than a node's agent waits
		Credentials: credentials.NewStaticCredentialsProvider(cluster.Account, cmp.Or(c.PodIdentity.AdminSecret, "test"), ""),
	}, cluster.Cluster)
	source := &explaining{EKSAuth: auth, control: api, tell: c.PodIdentity.Refused, told: map[string]bool{}}
	a := agent.New(agent.Config{
		Source: source, Hosts: []string{"127.0.0.1"}, Retention: agent.DefaultRetention, CacheSize: agent.DefaultCacheSize, RenewalQPS: agent.DefaultRenewalQPS,
		Now: clock.now,
	})
	serving, end := context.WithCancel(ctx)
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- a.Serve(serving, agent.ServeConfig{
			Bind: []string{"127.0.0.1"}, ProbePort: -1, MetricsPort: -1, Ready: func(addresses []string) { ready <- addresses[0] },
		})
	}()
	select {
	case err := <-ended:
		end()
		return nil, fmt.Errorf("the agent of EKS Pod Identity: %w", errors.Join(err, context.Cause(ctx)))
	case address := <-ready:
		return &node{url: "http://" + address + agent.Path, source: source, stop: func() { end(); <-ended; auth.Close() }}, nil
	}
}

// emulatorClock is the emulator's time, which may be moved while a command runs.
type emulatorClock struct {
	ctx context.Context
	api *control.Client

	mu     sync.Mutex
	offset time.Duration
	asked  time.Time
}

// askAgain is after how long it is asked whether the clock was moved.
const askAgain = 100 * time.Millisecond

func (c *emulatorClock) ask() error {
	got, err := c.api.Clock(c.ctx)
	if err == nil {
		c.offset, c.asked = time.Duration(got.Offset), time.Now()
	}
	return err
}

func (c *emulatorClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.asked) > askAgain {
		_ = c.ask() // without an emulator there are no credentials whose time could be told
	}
	return time.Now().Add(c.offset)
}

// first asks once before the command does. A pod without an association has no
// variables, and does not get as far as asking: there is nothing to run then.
func (n *node) first(ctx context.Context, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", token)
	client := &http.Client{Transport: &http.Transport{DialContext: new(net.Dialer).DialContext}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the agent of EKS Pod Identity: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("the agent of EKS Pod Identity: %w", err)
	}
	if d := n.source.last(); d != nil && d.Error != nil && d.Reason != nil {
		return errors.New(hint.Sentence(strings.TrimSuffix(d.Error.Message, "."), d.Reason.Advice()))
	}
	return errors.New(strings.TrimSpace(string(body)))
}

// explaining is EKS Auth, with the reasons of what it refuses.
type explaining struct {
	*agent.EKSAuth
	control *control.Client
	tell    func(*decision.Decision)

	mu      sync.Mutex
	told    map[string]bool
	refused *decision.Decision
}

func (e *explaining) last() *decision.Decision { e.mu.Lock(); defer e.mu.Unlock(); return e.refused }

// Credentials are those of the token's pod.
func (e *explaining) Credentials(ctx context.Context, token string) (agent.Credentials, error) {
	got, err := e.EKSAuth.Credentials(ctx, token)
	var response *awshttp.ResponseError
	if err == nil || !errors.As(err, &response) {
		return got, err
	}
	d, unknown := e.control.Decision(ctx, response.ServiceRequestID())
	if unknown != nil || d.Reason == nil { // the decision is a help, the error is what counts
		return got, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = d
	var missing *types.ResourceNotFoundException
	if line := d.ReasonLine(); !e.told[line] && e.tell != nil && !errors.As(err, &missing) {
		e.told[line] = true
		e.tell(d)
	}
	return got, err
}

// assumePodIdentity asks EKS Auth as the agent of a node does.
func (a *Assume) assumePodIdentity(ctx context.Context, s *stage) (*answer, string, error) {
	where, err := s.control.PodIdentity(ctx, control.PodIdentityQuery{ServiceAccount: a.PodIdentity, Cluster: a.Cluster})
	if err != nil || where.Cluster == "" { // EKS Auth says that there is no such cluster
		where = control.PodIdentity{Cluster: a.Cluster, Account: s.account, Region: s.region}
		if a.Cluster == "" {
			return nil, "", errors.Join(errors.New("which cluster's association? Write cluster: NAME, one of given's clusters"), err)
		}
	}
	token, _, err := a.webIdentityToken(ctx, s)
	if err != nil {
		return nil, "", err
	}
	got, err := call(ctx, s.awsConfig(s.administrator(where.Account), where.Region), "eks-auth", "AssumeRoleForPodIdentity", map[string]any{"ClusterName": where.Cluster, "Token": token})
	if err != nil {
		return nil, token, err
	}
	return got, token, nil
}

// asAssumed gives the answer of EKS Auth the names of the STS's.
func asAssumed(output map[string]any) map[string]any {
	renamed := map[string]any{"AssumedRoleUser": map[string]any{"Arn": text(output, "AssumedRoleUser", "Arn")}, "Audience": output["Audience"], "Credentials": output["Credentials"]}
	renamed["SubjectFromWebIdentityToken"] = aws.ServiceAccount{Namespace: text(output, "Subject", "Namespace"), Name: text(output, "Subject", "ServiceAccount")}.Subject()
	return renamed
}

// podToken is what the webhook's volume holds in a pod with EKS Pod Identity.
func (s *stage) podToken(ctx context.Context, id Identity) (string, error) {
	id.ServiceAccount = id.PodIdentity
	if len(id.Audience) == 0 {
		id.Audience = Strings{aws.PodIdentityService}
	}
	id.standIn = id.Pod == ""
	if id.standIn {
		id.Pod = podOf(id.ServiceAccount)
	}
	return s.token(ctx, id)
}
