package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// mostRefusals are looked through for the last one of the account's own.
const mostRefusals = 1000

// readRefusals reads what the emulator refused before the doctor made calls of its own.
func (x *examination) readRefusals(ctx context.Context) {
	list, err := ask(ctx, x, func(c *control.Client, ctx context.Context) ([]*decision.Decision, error) {
		return c.Decisions(ctx, control.DecisionQuery{Limit: mostRefusals, Outcome: decision.Refused})
	})
	if err == nil { // else there is nothing to show
		x.refusals = list
	}
}

// lastRefusal shows why the emulator last refused a call of the account's pods:
// with a chain that is whole, what people look for is a permission.
func (x *examination) lastRefusal(context.Context) Link {
	subject := x.who().Subject()
	session := aws.SessionARN(x.role.partition, x.role.account, x.role.name, "")
	for _, d := range x.refusals { // the newest first
		own := d.Caller != nil && x.role.arn != "" && strings.HasPrefix(d.Caller.ARN, session) && !strings.HasSuffix(d.Caller.ARN, "/"+sessionName)
		own = own || d.Token != nil && d.Token.Subject == subject
		if !own {
			continue
		}
		link := Link{Status: Warning, Detail: fmt.Sprintf("the last one that was refused: %s:%s on %s, at %s", d.Service, d.Action, cmp.Or(d.Resource, "no resource"), d.Time.UTC().Format(time.RFC3339))}
		if d.Error != nil {
			link = link.because(d.Error.Code + ": " + d.Error.Message)
		}
		if d.Reason != nil {
			link = link.because(d.Reason.Message)
			if advice := d.Reason.Advice(); advice != "" {
				link = link.because(advice)
			}
		}
		link.Fix = []string{"irsa-emu explain " + d.RequestID}
		return link
	}
	return Link{}
}

// staleEndpoint is a running pod whose variables lead to an address that no
// Service has any more: the emulator's Service was made anew, or is gone.
func (x *examination) staleEndpoint(ctx context.Context) Link {
	if x.pod == nil || !hasIdentity(x.pod) {
		return Link{}
	}
	host, now := hostOf(endpointOf(x.pod)), ""
	if x.dryRun != nil {
		now = hostOf(endpointOf(x.dryRun))
	}
	if host == "" || host == now || now == "" && !ofWebhook(x.pod) {
		return Link{}
	}
	var services corev1.ServiceList
	if err := x.list(ctx, ref{resource: "services"}, nil, &services); err != nil {
		return Link{} // [examination.pointsElsewhere] says what is known
	}
	emulator := false
	for i := range services.Items {
		s := &services.Items[i]
		if s.Spec.ClusterIP == host || strings.HasPrefix(host, s.Name+"."+s.Namespace) {
			return Link{}
		}
		emulator = emulator || s.Namespace == deploy.Namespace && s.Labels[deploy.ComponentLabel] == "emulator"
	}
	link := broken(fmt.Sprintf("the pod's variables lead to %s, which no Service of the cluster has", endpointOf(x.pod)))
	if !emulator {
		link.Fix = append(x.reinstall(), x.recreate("")...)
		return link.because("irsa-emu is not in the cluster any more")
	}
	if now != "" {
		link = link.because("a new pod is led to " + endpointOf(x.dryRun))
	}
	link.Fix = x.recreate("")
	return link.because("irsa-emu was installed anew after the pod was made")
}

// ofWebhook says whether irsa-emu's webhook gave a pod its endpoint: the authority
// comes with it.
func ofWebhook(pod *corev1.Pod) bool {
	for _, c := range containersOf(pod) {
		for _, m := range c.VolumeMounts {
			if m.MountPath == webhook.AuthorityMountPath {
				return true
			}
		}
	}
	return false
}

// reinstall brings irsa-emu back into a cluster that it is gone from.
func (x *examination) reinstall() []string {
	name, ofKind := strings.CutPrefix(x.Cluster, "kind-")
	if !ofKind {
		return []string{x.Kubectl + " apply -k deploy/   # irsa-emu's manifests"}
	}
	up := "irsa-emu up"
	if name != "irsa-emu" {
		up += " --name " + word(name)
	}
	return []string{up + "   # or, in a cluster that it did not make: " + x.Kubectl + " apply -k deploy/"}
}

// endpointOf is the URL that a pod's variables give its calls to the STS.
func endpointOf(pod *corev1.Pod) string {
	for _, c := range containersOf(pod) {
		for _, name := range []string{aws.EnvEndpoint + "_STS", aws.EnvEndpoint} {
			if v := envOf(c, name); v != "" {
				return v
			}
		}
	}
	return ""
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
