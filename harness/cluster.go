package harness

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Cluster is where service account tokens come from, beside one emulator that
// belongs to the scenario alone. A step that needs what the cluster cannot do is
// skipped. What a cluster does for it is in the interfaces below.
type Cluster interface {
	// Name is what run --cluster calls it.
	Name() string
	// URL is the emulator, as this machine reaches it.
	URL() string
	// Token is a projected token of a service account, as the kubelet requests it.
	Token(context.Context, TokenRequest) (string, error)
	// Can says whether it can give what a step needs.
	Can(Need) bool
	// Close ends what belongs to the scenario.
	Close() error
}

// TokenRequest asks a cluster for a service account's token.
type TokenRequest struct {
	Issuer         string   // one of the target's Others; the cluster's own when empty
	ServiceAccount string   // NAMESPACE/NAME
	Pod            string   // the pod that the token is bound to; none when empty
	StandIn        bool     // a pod that does not exist is made, and never runs
	Audience       []string // sts.amazonaws.com when empty
	ExpiresIn      time.Duration
	Claims         map[string]any // put over the token's own; needs NeedClaims
}

// Applier is a cluster with an API server.
type Applier interface {
	Apply(ctx context.Context, manifests []byte) error
}

// PodRunner is a cluster that runs pods.
type PodRunner interface {
	RunPod(context.Context, PodSpec) (PodResult, error)
}

// KeyRotator is a cluster whose signing keys can be replaced.
type KeyRotator interface {
	RotateKeys(context.Context) error
}

// LogKeeper is a cluster with logs of its own: those of what runs beside the
// emulator. They are kept when a scenario fails.
type LogKeeper interface {
	KeepLogs(ctx context.Context, folder string) error
}

// KubeconfigHolder is a cluster that kubectl can reach; run steps get its
// file as KUBECONFIG.
type KubeconfigHolder interface{ Kubeconfig() string }

// Need is a power that not all clusters have.
type Need string

// Needs that steps have.
const (
	NeedManifests Need = "manifests"  // an Applier
	NeedPods      Need = "pods"       // a PodRunner
	NeedRotation  Need = "rotateKeys" // a KeyRotator
	NeedClaims    Need = "claims"     // tokens with any claims
	NeedAlone     Need = "alone"      // nobody else's pods, and no other scenario beside it: what all pods stand on may be taken away
	NeedIntercept Need = "intercept"  // pods are led to the emulator by AWS's own host names
	NeedClusters  Need = "clusters"   // others can be started beside it, for further issuers
)

type power struct {
	need    Need
	lacking string
}

// needs are all that there are, each with what is said of a cluster that cannot
// give it.
var needs = []power{
	{NeedManifests, "has no API server to apply manifests to"},
	{NeedPods, "runs no pods"},
	{NeedRotation, "cannot replace its signing keys"},
	{NeedClaims, "makes its tokens' claims itself"},
	{NeedAlone, "is shared with other workloads, which this scenario would disrupt"},
	{NeedIntercept, "does not lead AWS's host names to the emulator"},
	{NeedClusters, "cannot start the further clusters that cluster.others asks for"},
}

func needNames() []string {
	names := make([]string, len(needs))
	for i := range needs {
		names[i] = string(needs[i].need)
	}
	return names
}

// lacks says why a cluster cannot give what is needed; empty when it can.
func lacks(c Cluster, n Need) string {
	if c.Can(n) {
		return ""
	}
	i := slices.IndexFunc(needs, func(p power) bool { return p.need == n })
	if i < 0 {
		return fmt.Sprintf("cluster %s has no %s", c.Name(), n)
	}
	return fmt.Sprintf("cluster %s %s", c.Name(), needs[i].lacking)
}

// StartCluster starts a cluster for one scenario, with an emulator that holds
// nothing yet. It may hand out a share of one that is already running.
type StartCluster func(context.Context, Target) (Cluster, error)

// UnfitError is why a cluster cannot play a scenario, from its start, or a
// step: they are skipped.
type UnfitError struct{ Reason string }

func (e *UnfitError) Error() string { return e.Reason }

// Target is what a scenario needs of its cluster.
type Target struct {
	Scenario string   // its name
	Issuer   string   // "" leaves the choice to the cluster
	Others   []string // issuers of further clusters
	Version  string   // of Kubernetes, or the beginning of one; "" leaves the choice to the cluster
	Region   string
	Needs    []Need
	// Namespaces are those that its steps name. No other scenario may change
	// what is in them meanwhile.
	Namespaces []string
	// Images are those that its pods run, as far as they are written down.
	Images []string
}

// Emulator is a running emulator.
type Emulator interface {
	URL() string
	Close() error
}

// StartEmulator starts an emulator that holds nothing.
type StartEmulator func(context.Context) (Emulator, error)
