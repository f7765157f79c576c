//go:build replicas

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/state"
)

const (
	replicasToken  = "a control token"
	replicasIssuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
	accountARN     = "arn:aws:iam::111122223333:"
)

type outcome int

const (
	kept outcome = iota
	notKept
	unknown
)

// writeOutcome is what the answer to a write says of it. No answer says nothing; neither does the one that says so.
func writeOutcome(err error) outcome {
	var answered *smithyhttp.ResponseError
	switch {
	case err == nil:
		return kept
	case !errors.As(err, &answered) || answered.HTTPStatusCode() != http.StatusServiceUnavailable, strings.Contains(reasonOf(err), state.ErrUncertain.Error()):
		return unknown
	}
	return notKept
}

func reasonOf(err error) string {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) && answered.Response != nil {
		return answered.Response.Header.Get(hint.ReasonHeader)
	}
	return ""
}

// addresses and numbers make the same reason another one each time.
var addresses = regexp.MustCompile(`[0-9.]+:[0-9]+(,[0-9.]+:[0-9]+)*`)

// trustOf allows the one service account, or nobody.
func trustOf(allows bool) string {
	effect := "Allow"
	if !allows {
		effect = "Deny"
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"Federated":"` + accountARN + `oidc-provider/` + strings.TrimPrefix(replicasIssuer, "https://") +
		`"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
}

// load is the traffic that goes on through all faults.
type load struct {
	*history
	url     string // the balancer's
	steady  atomic.Bool
	stop    chan struct{}
	running sync.WaitGroup

	multiparts multiparts

	mu       sync.Mutex
	problems []string          // answers that should not be
	said503  map[string]int    // reasons of writes that were refused
	shared   map[string][2]int // by writer: the last number that was acknowledged of its tag on the common role, and the last that was tried
}

// ourTransport makes a new connection for each call, so that the balancer chooses anew.
func ourTransport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 20 * time.Second}
}

func startLoad(url string, h *history) *load {
	l := &load{history: h, url: url, stop: make(chan struct{}), said503: map[string]int{}, shared: map[string][2]int{}}
	l.steady.Store(true)
	for w := range 3 {
		l.running.Go(func() { l.writeRoles(w) })
		l.running.Go(func() { l.ask() })
	}
	l.running.Go(l.rotate)
	l.running.Go(l.uploadParts)
	return l
}

func (l *load) end() {
	close(l.stop)
	l.running.Wait()
}

func (l *load) over(pause time.Duration) bool {
	select {
	case <-l.stop:
		return true
	case <-time.After(pause):
		return false
	}
}

func (l *load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// wrote notes the reason of a write that was refused, and what should not be.
func (l *load) wrote(what string, err error) {
	var answered *smithyhttp.ResponseError
	if err == nil || !errors.As(err, &answered) || answered.HTTPStatusCode() == 0 { // nobody answered
		return
	}
	var api smithy.APIError
	errors.As(err, &api)
	if answered.HTTPStatusCode() != http.StatusServiceUnavailable || api.ErrorCode() != "ServiceUnavailable" || !strings.HasPrefix(reasonOf(err), "unavailable: ") {
		l.problem("%s: %v (%s)", what, err, reasonOf(err))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said503[addresses.ReplaceAllString(reasonOf(err), "HOST")]++
}

// writeRoles makes roles, changes who may assume them, and removes most of them again.
func (l *load) writeRoles(writer int) {
	ctx := context.Background()
	client := iam.NewFromConfig(awsConfig(l.url, ourTransport()))
	for n := 0; ; n++ {
		name := fmt.Sprintf("role-%d-%d", writer, n)
		current := roleVersion{}
		for step := range 8 {
			if l.over(5*time.Millisecond + rand.N(15*time.Millisecond)) {
				return
			}
			next, err := current, error(nil)
			switch {
			case step == 0:
				next = roleVersion{exists: true, allows: true}
			case step == 7 && n%4 != 0:
				next = roleVersion{}
			default:
				next.allows = !next.allows
			}
			if step > 0 && !current.exists {
				break // it could not be made
			}
			outcome := l.write(name, next)
			switch {
			case step == 0:
				_, err = client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustOf(true))})
			case !next.exists:
				_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
			default:
				_, err = client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: aws.String(trustOf(next.allows))})
			}
			outcome(err)
			l.wrote("writing "+name, err)
			how := writeOutcome(err)
			if how == kept {
				current = next
			}
			if how == unknown {
				break // nobody touches it any more: it is to be as it was, or as it was to become
			}
			if how == notKept && l.over(100*time.Millisecond) {
				return
			}
		}
		l.tagShared(ctx, client, writer, n)
	}
}

// tagShared puts the writer's own tag on a role that all of them write to: none may undo what another did.
func (l *load) tagShared(ctx context.Context, client *iam.Client, writer, n int) {
	key := fmt.Sprint("writer-", writer)
	l.mu.Lock()
	l.shared[key] = [2]int{l.shared[key][0], n}
	l.mu.Unlock()
	_, err := client.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("shared"), Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(fmt.Sprint(n))}}})
	l.wrote("tagging", err)
	l.history.mu.Lock()
	defer l.history.mu.Unlock()
	switch writeOutcome(err) {
	case kept:
		l.mu.Lock()
		l.shared[key] = [2]int{n, n}
		l.mu.Unlock()
		l.now().acked++
	case notKept:
		l.now().refused++
	default:
		l.now().uncertain++
	}
}

// ask assumes roles with tokens that some replica signs, and uses the sessions, each through whichever replica comes next.
func (l *load) ask() {
	ctx := context.Background()
	transport := ourTransport()
	client := sts.NewFromConfig(awsConfig(l.url, transport))
	token := ""
	for !l.over(5*time.Millisecond + rand.N(10*time.Millisecond)) {
		role, ok := l.pick()
		if !ok {
			continue
		}
		if token == "" || rand.IntN(3) == 0 {
			fresh, err := mint(l.url, transport)
			if err != nil {
				l.problem("a token: %v", err)
				continue
			}
			if fresh == "" {
				l.unconnected()
				continue
			}
			token = fresh
		}
		a := answer{role: role, began: time.Now()}
		out, err := client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(accountARN + "role/" + role), RoleSessionName: aws.String("session"), WebIdentityToken: &token,
		})
		if !l.note(a, err, "AccessDenied") || err != nil {
			continue
		}
		cfg := awsConfig(l.url, transport)
		cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		b := answer{role: role, session: true, began: time.Now()}
		_, err = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
		l.note(b, err, "InvalidClientTokenId")
	}
}

// note records an answer; one that was refused has the code, or is a problem.
func (l *load) note(a answer, err error, code string) bool {
	a.came, a.ok, a.said = time.Now(), err == nil, reasonOf(err)
	var api smithy.APIError
	switch {
	case err == nil:
	case !errors.As(err, &api):
		l.unconnected() // a replica was killed with the call
		return false
	case api.ErrorCode() != code && l.cutOffSaid(a):
		return false
	case api.ErrorCode() != code:
		l.problem("%s (session: %v): %v (%s)", a.role, a.session, err, reasonOf(err))
		return false
	}
	l.answered(a)
	return true
}

// mint is a token of the issuer; empty when the connection broke.
func mint(url string, transport *http.Transport) (string, error) {
	var answer struct{ Token string }
	connected, err := callControl(url, transport, "/_emu/tokens", `{"issuer":"`+replicasIssuer+`","serviceAccount":"ns/sa"}`, &answer)
	if !connected {
		return "", nil
	}
	return answer.Token, err
}

func callControl(url string, transport *http.Transport, path, body string, into any) (connected bool, err error) {
	req, err := http.NewRequest(http.MethodPost, url+path, strings.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+replicasToken)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return true, fmt.Errorf("%s: %d %s", path, resp.StatusCode, content)
	}
	if into == nil {
		return true, nil
	}
	return true, json.Unmarshal(content, into)
}

// rotate gives the issuer new keys, and the sessions, and moves the clock past the time in which a sealing key is only learned.
func (l *load) rotate() {
	transport := ourTransport()
	for n := 0; !l.over(2 * time.Second); n++ {
		if !l.steady.Load() {
			continue
		}
		calls := [][2]string{{"/_emu/keys/rotate", `{"issuer":"` + replicasIssuer + `"}`}}
		if n%3 == 0 {
			calls = append(calls, [2]string{"/_emu/keys/rotate", `{"sealing":true}`}, [2]string{"/_emu/clock", `{"advance":"61s"}`})
		}
		for _, call := range calls {
			if connected, err := callControl(l.url, transport, call[0], call[1], nil); connected && err != nil && !strings.Contains(err.Error(), " 503 ") {
				l.problem("%s: %v", call[0], err)
			}
		}
	}
}

// final compares what a replica has, when everything is quiet, with what was acknowledged.
func (l *load) final(t *testing.T, name, url string) (lost int) {
	t.Helper()
	ctx := context.Background()
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	cfg := awsConfig(url, transport)
	// The SDK breaks the connection of one in fifty large answers that come very soon, since it closes the request's body
	// while net/http still looks for its end, and so it tries again by default (aws-sdk-go-v2 2737, 2949).
	cfg.RetryMaxAttempts = 0
	client := iam.NewFromConfig(cfg)
	there := map[string]roleVersion{}
	for pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, role := range page.Roles {
			there[*role.RoleName] = roleVersion{exists: true, allows: strings.Contains(*role.AssumeRolePolicyDocument, "Allow%22") || strings.Contains(*role.AssumeRolePolicyDocument, `"Allow"`)}
		}
	}
	l.history.mu.Lock()
	defer l.history.mu.Unlock()
	for role, r := range l.roles {
		matched := false
		for _, v := range r.last() {
			matched = matched || v.exists == there[role].exists && (!v.exists || v.allows == there[role].allows)
		}
		if !matched {
			lost++
			t.Errorf("%s: role %s is %+v, and was acknowledged as %+v", name, role, there[role], r.last())
		}
	}
	shared, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("shared")})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, tag := range shared.Role.Tags {
		want := l.shared[*tag.Key]
		if *tag.Value != fmt.Sprint(want[0]) && *tag.Value != fmt.Sprint(want[1]) {
			lost++
			t.Errorf("%s: tag %s of the shared role is %s, and was acknowledged as %d (tried: %d)", name, *tag.Key, *tag.Value, want[0], want[1])
		}
	}
	return lost + l.finalUploads(t, name, cfg)
}
