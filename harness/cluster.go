package harness

import (
	"context"
	"fmt"
	"time"
)

// Cluster is where service account tokens come from, beside one emulator that
// belongs to the scenario alone. What else a cluster can do are the optional
// interfaces below; a step that needs one which is not there is skipped.
type Cluster interface {
	// Name is what run --cluster calls it.
	Name() string
	// URL is the emulator, as this machine reaches it.
	URL() string
	// Token is a projected token of a service account, as the kubelet requests it.
	Token(context.Context, TokenRequest) (string, error)
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

// ClaimSetter is a cluster whose tokens can be given any claims.
type ClaimSetter interface{ SetsClaims() }

// Sole is a cluster that nobody but the run uses: what all pods stand on, such
// as the webhook, may be taken away for a while.
type Sole interface{ IsSole() }

// Interceptor is a cluster whose pods are led to the emulator by AWS's own
// host names.
type Interceptor interface{ Intercepts() }

// Neighbour is a cluster beside which others can be started, for further issuers.
type Neighbour interface{ HasNeighbours() }

// Need is an optional power of a cluster.
type Need string

// Needs that steps have.
const (
	NeedManifests Need = "manifests"  // Applier
	NeedPods      Need = "pods"       // PodRunner
	NeedRotation  Need = "rotateKeys" // KeyRotator
	NeedClaims    Need = "claims"     // ClaimSetter
	NeedAlone     Need = "alone"      // Sole, and no other scenario beside it
	NeedIntercept Need = "intercept"  // Interceptor
	NeedClusters  Need = "clusters"   // Neighbour
)

var needs = []string{
	string(NeedManifests), string(NeedPods), string(NeedRotation), string(NeedClaims), string(NeedAlone), string(NeedIntercept), string(NeedClusters),
}

// lacks says why a cluster cannot give what is needed; empty when it can.
func lacks(c Cluster, n Need) string {
	var ok bool
	what := ""
	switch n {
	case NeedManifests:
		_, ok = c.(Applier)
		what = "has no API server to apply manifests to"
	case NeedPods:
		_, ok = c.(PodRunner)
		what = "runs no pods"
	case NeedRotation:
		_, ok = c.(KeyRotator)
		what = "cannot replace its signing keys"
	case NeedAlone:
		_, ok = c.(Sole)
		what = "is shared with other workloads, which this scenario would disrupt"
	case NeedIntercept:
		_, ok = c.(Interceptor)
		what = "does not lead AWS's host names to the emulator"
	case NeedClusters:
		_, ok = c.(Neighbour)
		what = "cannot start the further clusters that cluster.others asks for"
	case NeedClaims:
		_, ok = c.(ClaimSetter)
		what = "makes its tokens' claims itself"
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("cluster %s %s", c.Name(), what)
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
