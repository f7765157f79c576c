package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// findIAM says where the links behind this one are looked up.
func (x *examination) findIAM(ctx context.Context) Link {
	x.reachIAM(ctx)
	if stale := x.staleEndpoint(ctx); stale.Status == Broken {
		return stale
	}
	if x.iam == nil {
		return x.iamLink
	}
	return x.pointsElsewhere(ctx)
}

// reachIAM finds the emulator, once, and reads what it has.
func (x *examination) reachIAM(ctx context.Context) {
	if x.iamAsked {
		return
	}
	x.iamAsked = true
	x.iamLink = x.readIAM(ctx)
}

func (x *examination) readIAM(ctx context.Context) Link {
	if x.AWS {
		return ok("AWS's own; its STS is asked with the token")
	}
	var where string
	if x.Emulator != nil {
		where = "emulator at " + x.Emulator.URL
		x.named = true
		if x.isInCluster(ctx) {
			where += ", the cluster's own"
		}
	} else {
		name, link := x.inCluster(ctx)
		if link.Status != "" {
			return link
		}
		where = "emulator " + name + " in the cluster"
	}
	state, err := ask(ctx, x, (*control.Client).State)
	if err != nil {
		x.Emulator = nil
		mend := note("start it with irsa-emu serve; or leave --url and IRSA_EMU_URL out, to ask the one in the cluster")
		if refused := (*control.Refused)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			mend = note("write its control token: --control-token, or IRSA_EMU_CONTROL_TOKEN")
		}
		return broken(fmt.Sprintf("the %s does not say what it has: %v", where, err), mend)
	}
	view, err := sts.NewDocumentView(state)
	if err != nil {
		return broken(fmt.Sprintf("the %s has a state that cannot be read: %v", where, err))
	}
	x.view, x.clusters = view, state.Clusters
	if x.iam = state.Accounts; x.iam == nil {
		x.iam = map[string]statefile.Account{}
	}
	x.readRefusals(ctx)
	link := ok(where)
	clock, err := ask(ctx, x, (*control.Client).Clock)
	if err != nil {
		return link.warn("its clock is not known: " + err.Error())
	}
	if d := clock.Now.Sub(clock.Real).Round(time.Second); d.Abs() > time.Minute {
		x.clockSet = true
		link = link.warn(fmt.Sprintf("its clock was set, and is %s from the real time", d))
	}
	return link
}

// outOfReach is for a cluster without an emulator.
func (x *examination) outOfReach(why string) Link {
	who := "--service-account " + x.ServiceAccount
	if x.Pod != "" {
		who = "--pod " + x.Pod
	}
	return unknown(why, fmt.Sprintf("irsa-emu doctor --namespace %s %s --aws   # sends a fresh token to AWS's STS", x.Namespace, who))
}

func (x *examination) emulators(ctx context.Context) (services corev1.ServiceList, err error) {
	err = x.list(ctx, ref{namespace: deploy.Namespace, resource: "services"}, url.Values{"labelSelector": {deploy.ComponentLabel + "=emulator"}}, &services)
	return services, err
}

// clusterToken is the control token of the emulators in the cluster, or "".
func (x *examination) clusterToken(ctx context.Context) string {
	var secret corev1.Secret
	if x.get(ctx, ref{namespace: deploy.Namespace, resource: "secrets", name: deploy.Name}, &secret) != nil {
		return ""
	}
	return string(secret.Data["control-token"])
}

// isInCluster says whether the emulator that was named by its URL is the one in the
// cluster, as that of irsa-emu up is: they have one control token.
func (x *examination) isInCluster(ctx context.Context) bool {
	if x.Emulator.Token == "" || x.Emulator.Token != x.clusterToken(ctx) {
		return false
	}
	services, err := x.emulators(ctx)
	if err != nil || len(services.Items) == 0 {
		return false
	}
	x.service = x.chosen(services.Items)
	return true
}

// inCluster finds the emulator that the cluster's pods use.
func (x *examination) inCluster(ctx context.Context) (name string, failed Link) {
	services, err := x.emulators(ctx)
	switch {
	case err != nil && !apierrors.IsNotFound(err) && x.endpointURL() != "":
		return "", unknown("the pod's variables lead to "+x.endpointURL()+", which is not known: "+err.Error(),
			note("say with --url where that emulator is reached from here"))
	case err != nil && !apierrors.IsNotFound(err):
		return "", x.outOfReach("AWS's own, or an emulator in the cluster: " + err.Error())
	case len(services.Items) == 0 && x.findHook(ctx) == nil && x.hook.isOurs() && x.endpointURL() == "":
		return "", broken("there is no emulator: the webhook is irsa-emu's, and namespace "+deploy.Namespace+" has no Service of one", x.reinstall()...)
	case len(services.Items) == 0:
		return "", x.outOfReach("AWS's own, which the cluster cannot see")
	}
	service := x.chosen(services.Items)
	x.service = service
	name = service.Namespace + "/" + service.Name
	ready, err := x.readyPods(ctx, service.Namespace, service.Name)
	switch {
	case err != nil:
		return "", unknown(fmt.Sprintf("the pods behind emulator %s: %v", name, err))
	case len(ready) == 0:
		return "", broken("no pod is ready behind emulator "+name, x.revive(ctx, service.Namespace, service.Name)...)
	case x.Forward == nil:
		return "", unknown("emulator " + name + " is in the cluster; say where it is reached with --url")
	}
	port := ready[0].ports["http"]
	if port == 0 {
		port = control.DefaultPort
	}
	forwarded, err := x.Forward(ctx, service.Namespace, ready[0].name, port)
	if err != nil {
		if strings.Contains(err.Error(), " cannot create ") { // the upgrade of a connection is refused in words only
			err = &forbidden{"create", ref{namespace: service.Namespace, resource: "pods", sub: "portforward"}, err}
		}
		return "", unknown(fmt.Sprintf("emulator %s cannot be reached: %v", name, err),
			x.kubectlIn(service.Namespace, "port-forward service/%s %d &", service.Name, control.DefaultPort), "and the same again with --url "+control.DefaultURL)
	}
	// Behind a port-forward the connection comes from loopback, where no token
	// is asked for: it is a help, not a must.
	x.Emulator = &control.Client{URL: forwarded, Token: x.clusterToken(ctx)}
	return name, Link{}
}

// pointsElsewhere is findIAM's link, with what is wrong with where the pod's calls are led.
func (x *examination) pointsElsewhere(ctx context.Context) Link {
	pod := x.thisPod()
	if x.service == nil || pod == nil || !hasIdentity(pod) {
		return x.iamLink
	}
	host := x.endpointHost()
	switch {
	case host == "":
		return x.ledByName(ctx, pod)
	case host != x.service.Spec.ClusterIP && !strings.HasPrefix(host, x.service.Name+"."+x.service.Namespace):
		return x.iamLink.warn("the pod's variables lead to another: " + x.endpointURL())
	}
	return x.iamLink
}

// ledByName is about a pod that has no endpoint: whoever wants FIPS or dual-stack
// endpoints gets none, and is led by AWS's host names.
func (x *examination) ledByName(ctx context.Context, pod *corev1.Pod) Link {
	why := "the pod has no AWS_ENDPOINT_URL"
	for _, c := range containersOf(pod) {
		if v := webhook.RefusesEndpoints(c.Env); v != "" {
			why = "the pod has no AWS_ENDPOINT_URL, which SDKs refuse beside its " + v
		}
	}
	var dns corev1.ConfigMap
	err := x.get(ctx, ref{namespace: "kube-system", resource: "configmaps", name: "coredns"}, &dns)
	switch {
	case err != nil || len(pod.Spec.HostAliases) > 0 || pod.Spec.DNSConfig != nil:
		return x.iamLink.warn(why + ": it gets there by AWS's host names alone, if they lead there (deploy/README.md)")
	case !strings.Contains(dns.Data["Corefile"], " "+deploy.Intercept+"."+deploy.Namespace+".svc."):
		return broken(why+", and AWS's host names do not lead to the emulator: it calls AWS", x.kubectlIn("kube-system", "edit configmap coredns   # deploy/README.md says what to write"))
	}
	return x.iamLink
}

// chosen is the emulator that the pod's variables lead to, else the one that is
// called irsa-emu.
func (x *examination) chosen(services []corev1.Service) *corev1.Service {
	host := x.endpointHost()
	found := &services[0]
	for i := range services {
		s := &services[i]
		if host != "" && (s.Spec.ClusterIP == host || strings.HasPrefix(host, s.Name+"."+s.Namespace)) {
			return s
		}
		if s.Name == deploy.Name {
			found = s
		}
	}
	return found
}

// endpointHost is the host to which the pod's variables lead its calls to the STS.
func (x *examination) endpointHost() string {
	return hostOf(x.endpointURL())
}

func (x *examination) endpointURL() string {
	for _, pod := range []*corev1.Pod{x.pod, x.dryRun} {
		if pod == nil || !hasIdentity(pod) {
			continue
		}
		return endpointOf(pod)
	}
	return ""
}

// forwarded says whether people reach the emulator through a port-forward alone: it
// is the cluster's own, and nobody named a URL of it.
func (x *examination) forwarded() bool { return x.service != nil && !x.named }

// curl calls the control API, with the token where one was given. Behind a
// port-forward none is asked for.
func (x *examination) curl() string {
	if x.named && x.Emulator.Token != "" {
		return `curl -H "Authorization: Bearer $IRSA_EMU_CONTROL_TOKEN"`
	}
	return "curl"
}

// ask calls the emulator's control API.
func ask[T any](ctx context.Context, x *examination, what func(*control.Client, context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client := *x.Emulator
	if client.HTTP == nil {
		client.HTTP = x.HTTP
	}
	return what(&client, ctx)
}
