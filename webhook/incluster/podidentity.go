package incluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/term"
)

// PodIdentity asks the emulator of a namespace for the associations of EKS Pod
// Identity that its cluster has.
type PodIdentity struct {
	Client *kube.Client
	Routes *Routes
	// ControlToken is that of the emulators.
	ControlToken string
	// HTTP makes the calls of the emulators; nil: a client of its own.
	HTTP *http.Client

	mu     sync.Mutex
	issuer string // the cluster's, once it was read: an API server keeps it for its life
}

// askTimeout bounds what a pod's admission waits for; the API server waits ten seconds. On a
// machine that makes a cluster's pods, two seconds are soon over, and the annotation would count.
const askTimeout = 5 * time.Second

// Find is the association of a service account, and the emulator that has it.
func (p *PodIdentity) Find(ctx context.Context, namespace, serviceAccount string) (found control.PodIdentity, emulator string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	issuer, err := p.clusterIssuer(ctx)
	if err != nil {
		return found, "", err
	}
	host, _, err := p.Routes.Emulator(ctx, namespace)
	if err != nil {
		return found, "", err
	}
	emulator = "http://" + net.JoinHostPort(host, EmulatorPort)
	found, err = p.ask(ctx, emulator, control.PodIdentityQuery{ServiceAccount: namespace + "/" + serviceAccount, Issuer: issuer})
	if err != nil {
		return found, emulator, fmt.Errorf("asking the emulator for associations: %w", err)
	}
	return found, emulator, nil
}

// Cluster is the cluster as the default emulator's EKS has it; without a name if
// it does not.
func (p *PodIdentity) Cluster(ctx context.Context) (found control.PodIdentity, emulator string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	issuer, err := p.clusterIssuer(ctx)
	if err != nil {
		return found, "", err
	}
	host, err := p.Routes.defaultEmulator(ctx)
	if err != nil {
		return found, "", err
	}
	emulator = "http://" + net.JoinHostPort(host, EmulatorPort)
	if found, err = p.ask(ctx, emulator, control.PodIdentityQuery{Issuer: issuer}); err != nil {
		return found, emulator, fmt.Errorf("asking the emulator for the cluster: %w", err)
	}
	return found, emulator, nil
}

// comesUp bounds the wait for an emulator that takes no connection: it starts again,
// or its Service is new and kube-proxy has not told the node of it.
const comesUp = 3 * time.Second

// dialing gives up a connection that nobody answers, so that another is tried.
var dialing = func() *http.Client {
	client := control.HTTP()
	client.Transport.(*http.Transport).DialContext = (&net.Dialer{Timeout: time.Second}).DialContext
	return client
}()

// ask asks an emulator, again while it takes no connection.
func (p *PodIdentity) ask(ctx context.Context, emulator string, query control.PodIdentityQuery) (control.PodIdentity, error) {
	client := control.Client{URL: emulator, Token: p.ControlToken, HTTP: p.HTTP}
	if client.HTTP == nil {
		client.HTTP = dialing
	}
	waiting, cancel := context.WithTimeout(ctx, comesUp)
	defer cancel()
	for {
		found, err := client.PodIdentity(ctx, query)
		var dial *net.OpError
		if !errors.Is(err, control.ErrUnreachable) && !(errors.As(err, &dial) && dial.Op == "dial") {
			return found, err
		}
		select {
		case <-waiting.Done():
			return found, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *PodIdentity) clusterIssuer(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issuer != "" {
		return p.issuer, nil
	}
	keys, err := ReadKeys(ctx, p.Client)
	if err != nil {
		return "", err
	}
	p.issuer = keys.URL
	return p.issuer, nil
}

// IdentityFile is upstream's --watch-container-credentials-config: service
// accounts that have EKS Pod Identity, whatever the emulator says. The file is
// looked at for each pod, so that a mounted ConfigMap that is swapped counts too.
type IdentityFile struct {
	Path   string
	Logger *slog.Logger

	mu         sync.Mutex
	content    string // of the file, as it was read
	identities map[identity]bool
}

type identity struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// Has says whether the file lists a service account: exactly, without wildcards.
// It is read each time, so that no change is missed, however it was made: a write,
// a rename over it, or the new link of a ConfigMap's volume. A missing or empty
// file lists none; one that is no JSON leaves the list as it was.
func (f *IdentityFile) Has(namespace, serviceAccount string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.content, f.identities = "", nil
	case err != nil:
		f.Logger.Warn("container credentials config: the list stays as it was", "error", err)
	case string(content) != f.content:
		f.content = string(content)
		f.load(content)
	}
	return f.identities[identity{namespace, serviceAccount}]
}

func (f *IdentityFile) load(content []byte) {
	var in struct{ Identities []identity }
	if len(content) > 0 {
		if err := json.Unmarshal(content, &in); err != nil {
			f.Logger.Warn("container credentials config: the list stays as it was", "file", f.Path, "error", term.JSON(err))
			return
		}
	}
	f.identities = make(map[identity]bool, len(in.Identities))
	for _, i := range in.Identities {
		f.identities[i] = true
	}
}
