package harness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Apply gives Kubernetes manifests to the cluster's API server.
type Apply struct {
	Manifests statefile.Text `json:"manifests" jsonschema_description:"YAML documents, inline or {file: manifests.yaml}."`
}

// Needs is an API server.
func (a *Apply) Needs() []Need { return []Need{NeedManifests} }

// After is nothing.
func (a *Apply) After() []string { return nil }

// Changes is false: what manifests make is seen by pods, and a cluster that
// takes no manifests runs no pods.
func (a *Apply) Changes() bool { return false }

func (a *Apply) perform(ctx context.Context, s *stage) (*outcome, error) {
	if err := s.cluster.(Applier).Apply(ctx, []byte(a.Manifests)); err != nil { // Needs says so
		return nil, fmt.Errorf("applying manifests: %w", err)
	}
	return &outcome{summary: "applied"}, nil
}

// PodSpec is a pod to run to its end, or a workload to wait for.
type PodSpec struct {
	ServiceAccount string            `json:"serviceAccount,omitempty" jsonschema_description:"NAMESPACE/NAME; the pod runs in that namespace."`
	Name           string            `json:"name,omitempty" jsonschema_description:"Name of the pod; made from the step's when left out."`
	Image          string            `json:"image,omitempty"`
	Command        []string          `json:"command,omitempty"`
	Env            map[string]string `json:"env,omitempty"`
	Manifest       *statefile.Text   `json:"manifest,omitempty" jsonschema_description:"The whole pod, in place of image and command; inline or {file: pod.yaml}."`
	Workload       string            `json:"workload,omitempty" jsonschema_description:"NAMESPACE/KIND/NAME of what was applied before, such as your-namespace/deployment/python-app: wait until it is ready."`
}

// PodResult is what a pod did, and what the webhook gave it.
type PodResult struct {
	Pod      string // NAMESPACE/NAME
	ExitCode int
	Logs     string
	Env      map[string]string // of the first container, as the API server has it
	Volumes  []string          // names
	Token    *ProjectedToken   // what the webhook's volume asks the kubelet for; nil without one
}

// ProjectedToken is a service account's token in a pod's volume.
type ProjectedToken struct {
	ServiceAccount string // NAMESPACE/NAME
	Audience       string
	ExpiresIn      time.Duration
}

// Pod runs a pod.
type Pod struct {
	PodSpec
	Expect PodExpect `json:"-"`
}

// PodExpect is what must come of a pod.
type PodExpect struct {
	ExitCode  int              `json:"exitCode,omitempty" jsonschema_description:"0 when left out."`
	Logs      Match            `json:"logs,omitzero"`
	Env       map[string]Match `json:"env,omitempty" jsonschema_description:"Variables that the first container has, from the manifest or the webhook; null is one that it must not have."`
	Volumes   []string         `json:"volumes,omitempty" jsonschema_description:"Names of volumes that the pod has, among others."`
	Claims    statefile.JSON   `json:"claims,omitzero" jsonschema_description:"Claims of the token that the webhook mounts: of one that the cluster makes for this pod as the kubelet does. * stands for any characters."`
	TokenLife Duration         `json:"tokenLife,omitempty" jsonschema_description:"How long that token is good, such as 10m."`
}

func (p *Pod) expectation() any { return &p.Expect }

// Needs is a cluster that runs pods.
func (p *Pod) Needs() []Need { return []Need{NeedPods} }

// After is nothing.
func (p *Pod) After() []string { return nil }

// Changes is true: nobody knows what a pod does. A workload was applied before,
// and is only looked at.
func (p *Pod) Changes() bool { return p.Workload == "" }

func (p *Pod) check(d *strictyaml.Decoder, path string) {
	kinds := nonEmpty(p.Image, p.Workload)
	if p.Manifest != nil {
		kinds = append(kinds, "manifest")
	}
	if len(kinds) != 1 {
		d.PathErrorf(path, "which pod? write one of image, manifest and workload")
	}
	if p.Image != "" && !aws.IsServiceAccount(p.ServiceAccount) {
		d.PathErrorf(path, "serviceAccount is %q; write NAMESPACE/NAME", p.ServiceAccount)
	}
	if p.Workload != "" && strings.Count(p.Workload, "/") != 2 {
		d.PathErrorf(path+".workload", "%q; write NAMESPACE/KIND/NAME, such as your-namespace/deployment/python-app", p.Workload)
	}
	expect := strings.TrimSuffix(path, "pod") + "expect"
	p.Expect.Logs.check(d, expect+".logs")
	checkObject(d, expect+".claims", p.Expect.Claims)
	for name, m := range p.Expect.Env {
		m.check(d, strictyaml.Join(expect+".env", name))
	}
	p.Expect.Logs.checkPresent(d, expect+".logs")
}

// workloadPatience is how long a workload may take to be as expected: it goes on
// while it is looked at, and what it does next may be what is waited for.
const workloadPatience, workloadPause = 30 * time.Second, 500 * time.Millisecond

func (p *Pod) perform(ctx context.Context, s *stage) (*outcome, error) {
	for deadline := time.Now().Add(workloadPatience); ; {
		o, err := p.look(ctx, s)
		if err != nil || len(o.mismatches) == 0 || p.Workload == "" || time.Now().After(deadline) {
			return o, err
		}
		select {
		case <-ctx.Done():
			return o, nil
		case <-time.After(workloadPause):
		}
	}
}

// look runs the pod, or reads what there is of the workload, and compares.
func (p *Pod) look(ctx context.Context, s *stage) (*outcome, error) {
	got, err := s.cluster.(PodRunner).RunPod(ctx, p.PodSpec) // Needs says so
	if err != nil {
		return nil, fmt.Errorf("running the pod: %w", err)
	}
	o := &outcome{summary: firstLine(got.Logs, got.Pod+" ended"), output: []file{{"logs", []byte(got.Logs)}}}
	if got.ExitCode != p.Expect.ExitCode {
		o.mismatches = append(o.mismatches, Mismatch{"exit code", strconv.Itoa(p.Expect.ExitCode), strconv.Itoa(got.ExitCode)})
	}
	o.mismatches = p.Expect.Logs.mismatches(o.mismatches, "logs", got.Logs)
	names := make([]string, 0, len(p.Expect.Env))
	for name := range p.Expect.Env {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		want := p.Expect.Env[name]
		value, there := got.Env[name]
		switch {
		case want.absent && there:
			o.mismatches = append(o.mismatches, Mismatch{"env " + name, "(not set)", value})
		case want.absent:
			continue
		case !there:
			value = "(not set)"
		}
		o.mismatches = want.mismatches(o.mismatches, "env "+name, value)
	}
	for _, name := range p.Expect.Volumes {
		if !slices.Contains(got.Volumes, name) {
			o.mismatches = append(o.mismatches, Mismatch{"volumes", name, join(got.Volumes)})
		}
	}
	if p.Expect.Claims.IsZero() && p.Expect.TokenLife == 0 {
		return o, nil
	}
	return o, p.expectToken(ctx, s, got, o)
}

// expectToken holds a token that is made for the pod against what is expected.
func (p *Pod) expectToken(ctx context.Context, s *stage, got PodResult, o *outcome) error {
	if got.Token == nil {
		o.mismatches = append(o.mismatches, Mismatch{"token", "one in a volume of the pod", "(none)"})
		return nil
	}
	_, pod, _ := strings.Cut(got.Pod, "/")
	token, err := s.cluster.Token(ctx, TokenRequest{
		ServiceAccount: got.Token.ServiceAccount, Pod: pod, Audience: []string{got.Token.Audience}, ExpiresIn: got.Token.ExpiresIn,
	})
	if err != nil {
		return fmt.Errorf("the pod's token: %w", err)
	}
	claims, err := claimsOf(token)
	if err != nil {
		return fmt.Errorf("the pod's token: %w", err)
	}
	if !p.Expect.Claims.IsZero() {
		var want any
		if err := json.Unmarshal(p.Expect.Claims, &want); err != nil {
			return err // refused by check before
		}
		o.mismatches = matchOutput(o.mismatches, "claims", want, claims)
	}
	if want := time.Duration(p.Expect.TokenLife); want != 0 {
		from, _ := claims["iat"].(float64)
		until, _ := claims["exp"].(float64)
		if life := time.Duration(until-from) * time.Second; life != want {
			o.mismatches = append(o.mismatches, Mismatch{"token life", want.String(), life.String()})
		}
	}
	return nil
}

// claimsOf reads a token's claims; the cluster has just made it.
func claimsOf(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts, not three", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, json.Unmarshal(payload, &claims)
}
