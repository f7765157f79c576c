// Package doctor walks the chain from a service account to AWS credentials,
// link by link, and names the first one that is broken, with the mend.
//
// It asks the cluster's API server, and where there is one an emulator or AWS's
// own STS, and changes nothing: the pod that it creates is a dry run, the
// session that it gets is thrown away. What it cannot tell it says: on a
// cluster whose IAM is out of reach, the links from the role on.
package doctor

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

// API is what the doctor asks of an API server. Refusals are what
// k8s.io/apimachinery/pkg/api/errors tells apart.
type API interface {
	// Get reads the object or list at a path.
	Get(ctx context.Context, path string, into any) error
	// Raw reads what is at a path and is no JSON.
	Raw(ctx context.Context, path string) ([]byte, error)
	// Create posts an object to a path.
	Create(ctx context.Context, path string, object, into any) error
}

// Config says whose chain is walked, and with what.
type Config struct {
	API API
	// Cluster names the cluster for people, such as the kubeconfig's context.
	Cluster string
	// Kubectl begins the commands that fixes name. Default kubectl.
	Kubectl string
	// Namespace, and one of Pod and ServiceAccount.
	Namespace, Pod, ServiceAccount string
	// Emulator is asked about IAM, and its STS in place of AWS's. Nil asks the one in the cluster, if it has one.
	Emulator *control.Client
	// Forward gives the URL of a port of a pod, to reach an emulator in the cluster.
	Forward func(ctx context.Context, namespace, pod string, port int) (url string, err error)
	// AWS asks AWS's own STS, with a token of the service account, in place of an emulator.
	AWS bool
	// STS is the URL of AWS's STS. Default: that of the pod's region.
	STS string
	// HTTP makes the calls to the emulator and the STS. Default: http.DefaultClient.
	HTTP *http.Client
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// BeforeLink and AfterLink are told of each link before and after it is looked at. They may be nil.
	BeforeLink func(name string)
	AfterLink  func(Link)
}

// Status is what was seen of a link.
type Status string

// The four that there are.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it holds, but not for long or not for all
	Broken  Status = "broken"
	Unknown Status = "unknown" // it could not be told, or builds on one that is broken
)

// Link is one link of the chain.
type Link struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// More are lines that explain Detail.
	More []string `json:"more,omitempty"`
	// Fix are the commands to type, a line each; what else is to be done is a comment among them.
	Fix []string `json:"fix,omitempty"`
	// FindOut are commands that tell what is unknown here.
	FindOut []string `json:"findOut,omitempty"`

	end bool // nothing can be said of the links behind this one
}

// Report is what was seen.
type Report struct {
	Whole       bool   `json:"whole"` // no link is broken
	FirstBroken string `json:"firstBroken,omitempty"`
	// Session is the identity that the chain led to.
	Session string `json:"session,omitempty"`
	Links   []Link `json:"links"`
}

// Examine walks the chain. Every link is looked at, also those behind a broken
// one as far as they can be. The error is the context's.
func Examine(ctx context.Context, c Config) (*Report, error) {
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Kubectl == "" {
		c.Kubectl = "kubectl"
	}
	x := &examination{Config: c}
	report := &Report{Whole: true}
	for _, l := range x.chain() {
		if c.BeforeLink != nil {
			c.BeforeLink(l.name)
		}
		link := l.look(ctx)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if link.Status == "" {
			continue // not part of this chain
		}
		link.Name = l.name
		if link.Status == Broken && report.Whole {
			report.Whole, report.FirstBroken = false, l.name
			x.broken = l.name
		}
		report.Links = append(report.Links, link)
		if c.AfterLink != nil {
			c.AfterLink(link)
		}
		if link.end {
			break
		}
	}
	if x.assumed != nil {
		report.Session = x.assumed.arn
	}
	return report, nil
}

type step struct {
	name string
	look func(context.Context) Link
}

// Names of the links that others speak of.
const (
	linkRole        = "role"
	linkProvider    = "provider"
	linkKeys        = "keys"
	linkTrustPolicy = "trust policy"
	linkCredentials = "credentials"
	linkAuthority   = "authority"
	linkHandshakes  = "handshakes"
)

func (x *examination) chain() []step {
	return []step{
		{"cluster", x.cluster}, {"pod", x.thePod}, {"service account", x.serviceAccount}, {"annotation", x.annotation}, {"association", x.theAssociation},
		{"webhook", x.webhook}, {"webhook called", x.called}, {"variables", x.variables}, {"token volume", x.tokenVolume}, {"token", x.tokenClaims},
		{"agent", x.nodeAgent}, {"IAM", x.findIAM}, {linkRole, x.theRole}, {linkProvider, x.oidcProvider}, {linkKeys, x.keys}, {linkTrustPolicy, x.trustPolicy},
		{linkCredentials, x.credentials}, {"identity", x.callerIdentity}, {linkAuthority, x.authority}, {linkHandshakes, x.handshakes}, {"calls", x.lastRefusal},
	}
}

// Names are the links of the chain in their order.
func Names() []string {
	var names []string
	for _, s := range new(examination).chain() {
		names = append(names, s.name)
	}
	return names
}

// examination is what one walk has found out so far. A nil or empty field was
// not found out.
type examination struct {
	Config
	broken    string                 // the first broken link
	pod       *corev1.Pod            // the one that is asked about
	account   *corev1.ServiceAccount // its own, or the one that is asked about
	dryRun    *corev1.Pod            // what the API server makes of a new pod
	dryErr    error
	role      roleARN
	hook      *hook
	hookAsked bool
	hookErr   error
	noWebhook bool   // the webhook's own link is broken
	audience  string // of the pod's token
	issuer    string // of the cluster's tokens
	token     string
	claims    *oidc.Unverified             // of token
	service   *corev1.Service              // of the emulator in the cluster
	named     bool                         // the emulator is one that was named by its URL
	clockSet  bool                         // of the emulator
	iam       map[string]statefile.Account // of the emulator, by account id
	view      *sts.DocumentView            // of iam
	clusters  map[string]statefile.Cluster // of the emulator's EKS
	iamLink   Link                         // what findIAM says, once it was reached for
	iamAsked  bool

	refusals []*decision.Decision // what the emulator refused before, the newest first

	podIdentity, mechanismKnown bool        // EKS Pod Identity in place of IRSA
	association                 *associated // the service account's
	elsewhere                   []string    // other clusters with an association of that service account
	ofEKS                       []string    // names that EKS has for this cluster
	stand                       *corev1.Pod // a running pod of the service account, where none is asked about

	assumed *assumption
}

func ok(detail string, more ...string) Link { return Link{Status: OK, Detail: detail, More: more} }
func unknown(detail string, tell ...string) Link {
	return Link{Status: Unknown, Detail: detail, FindOut: tell}
}
func broken(detail string, mend ...string) Link {
	return Link{Status: Broken, Detail: detail, Fix: mend}
}

// note is a line of a mend that is no command.
func note(s string) string { return "# " + s }

func (l Link) because(more ...string) Link {
	l.More = append(l.More, more...)
	return l
}

func (l Link) ends() Link {
	l.end = true
	return l
}

// warn makes a link that holds one that does so with reserve.
func (l Link) warn(more ...string) Link {
	if len(more) > 0 && l.Status == OK {
		l.Status = Warning
	}
	return l.because(more...)
}
