package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
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
	subject := "system:serviceaccount:" + x.Namespace + ":" + x.ServiceAccount
	session := fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/", x.role.partition, x.role.account, x.role.name)
	for _, d := range x.refusals { // the newest first
		own := d.Caller != nil && x.role.arn != "" && strings.HasPrefix(d.Caller.ARN, session) && !strings.HasSuffix(d.Caller.ARN, "/"+sessionName)
		own = own || d.Token != nil && d.Token.Subject == subject
		if !own {
			continue
		}
		link := Link{Status: Warning, Detail: fmt.Sprintf("the last one that was refused: %s:%s on %s, at %s", d.Service, d.Action, orDefault(d.Resource, "no resource"), d.Time.UTC().Format(time.RFC3339))}
		if d.Error != nil {
			link = link.because(d.Error.Code + ": " + d.Error.Message)
		}
		if d.Reason != nil {
			link = link.because(d.Reason.Message)
			if advice := d.Reason.Advice(); advice != "" {
				link = link.because(advice)
			}
		}
		link.Mend = []string{"irsa-emu explain " + d.RequestID}
		return link
	}
	return Link{}
}

// staleEndpoint is a running pod whose variables lead to an address that no
// Service has any more: the emulator's Service was made anew.
func (x *examination) staleEndpoint(ctx context.Context) Link {
	if x.pod == nil || x.dryRun == nil || !hasIdentity(x.pod) {
		return Link{}
	}
	host, now := hostOf(endpointOf(x.pod)), hostOf(endpointOf(x.dryRun))
	if host == "" || now == "" || host == now {
		return Link{}
	}
	var services corev1.ServiceList
	if err := x.list(ctx, ref{resource: "services"}, nil, &services); err != nil {
		return Link{} // [examination.pointsElsewhere] says what is known
	}
	for i := range services.Items {
		s := &services.Items[i]
		if s.Spec.ClusterIP == host || strings.HasPrefix(host, s.Name+"."+s.Namespace) {
			return Link{}
		}
	}
	return broken(fmt.Sprintf("the pod's variables lead to %s, which no Service of the cluster has", endpointOf(x.pod)), x.recreate("")...).
		because("a new pod is led to "+endpointOf(x.dryRun), "irsa-emu was installed anew after the pod was made")
}

// endpointOf is the URL that a pod's variables give its calls to the STS.
func endpointOf(pod *corev1.Pod) string {
	for _, c := range containersOf(pod) {
		for _, name := range []string{"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"} {
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
