package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/term"
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

// brokenHandshake is one of the webhook's list: [incluster.FailedHandshake].
type brokenHandshake struct {
	Namespace, Pod, ServiceAccount, Host string
	Count                                int
	Last                                 time.Time
}

// handshakes shows the pods that do not trust the emulator as AWS's host names:
// a controller that uses this account's token is one that the account knows nothing of.
func (x *examination) handshakes(ctx context.Context) Link {
	if x.service == nil || x.Forward == nil {
		return Link{}
	}
	pods, err := x.readyPods(ctx, deploy.Namespace, deploy.Webhook)
	if err != nil || len(pods) == 0 {
		return Link{} // said by the webhook's link
	}
	list, err := x.failedHandshakes(ctx, pods[0].name)
	if err != nil || len(list) == 0 {
		return Link{} // a webhook of an older version has no list
	}
	link := Link{Status: Warning, Detail: "some pods do not trust the emulator as AWS's host names, and end at \"certificate signed by unknown authority\""}
	for i, h := range list {
		if i == 5 {
			link = link.because(fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		who := "a program on the host's network"
		if h.Pod != "" {
			who = h.Namespace + "/" + h.Pod
		}
		link = link.because(fmt.Sprintf("%s as %s, %s, last %s", who, h.Host, term.Plural(h.Count, "time"), x.ago(h.Last)))
		if x.pod != nil && h.Namespace == x.Namespace && h.Pod == x.pod.Name {
			link.Status, link.Detail = Broken, "this pod does not trust the emulator as "+h.Host
		}
		mend := x.kubectlIn(h.Namespace, "annotate serviceaccount %s --overwrite %s=true   # and make its pods anew", h.ServiceAccount, endpointsAnnotation)
		if h.Pod != "" && (len(link.Mend) == 0 || link.Mend[len(link.Mend)-1] != mend) {
			link.Mend = append(link.Mend, mend)
		}
	}
	return link
}

// endpointsAnnotation is incluster.EndpointsAnnotation.
const endpointsAnnotation = "irsa-emu.dev/endpoints"

const webhookMetricsPort = 9999

func (x *examination) failedHandshakes(ctx context.Context, pod string) ([]brokenHandshake, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	base, err := x.Forward(ctx, deploy.Namespace, pod, webhookMetricsPort)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/handshakes", nil)
	if err != nil {
		return nil, err
	}
	answer, err := x.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the webhook answers %s", answer.Status)
	}
	var list []brokenHandshake
	return list, json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 1<<20)).Decode(&list)
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
