package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/term"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// symptom is a piece of a program's log that tells what the program is.
type symptom struct {
	text string
	// who says it, and which variables it reads.
	who   string
	reads []string
}

// distrust is how programs say that they do not trust a server, the surer first:
// docs/authority.md has what each of them reads.
var distrust = []symptom{
	{"x509: certificate signed by unknown authority", "a program in Go", []string{"SSL_CERT_DIR"}},
	{"CERTIFICATE_VERIFY_FAILED", "a program in Python", []string{aws.EnvCABundle, "SSL_CERT_DIR"}},
	{"SSL validation failed for", "botocore", []string{aws.EnvCABundle}},
	{"PKIX path building failed", "a program in Java, which reads a trust store", nil},
	{"invalid peer certificate: UnknownIssuer", "a program in Rust", []string{"SSL_CERT_FILE"}},
	{"SSL_connect returned=1", "a program in Ruby", []string{"SSL_CERT_DIR"}},
	{"The remote certificate is invalid", "a program in .NET", []string{"SSL_CERT_FILE"}},
	{"curl: (60)", "curl", []string{"CURL_CA_BUNDLE"}},
	{"UNABLE_TO_VERIFY_LEAF_SIGNATURE", "a program in JavaScript", []string{"NODE_EXTRA_CA_CERTS"}},
	{"self-signed certificate in certificate chain", "a program in JavaScript", []string{"NODE_EXTRA_CA_CERTS"}},
}

// refusesBundle is how AWS's SDKs for Go, v1 and v2, say that the program's own
// HTTP client takes no AWS_CA_BUNDLE.
var refusesBundle = []string{"LoadCustomCABundleError", "unable to add custom RootCAs HTTPClient"}

const (
	mostLogLines = "200"
	mostLogBytes = "65536"
	mostPods     = 3 // of an account whose logs are read
)

// logOf is the end of a container's log, and of the one before it where it was
// started again; "" where it cannot be read.
func (x *examination) logOf(ctx context.Context, pod *corev1.Pod, container string) string {
	query := url.Values{"container": {container}, "tailLines": {mostLogLines}, "limitBytes": {mostLogBytes}}
	read := func() string {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		content, err := x.API.Raw(ctx, ref{namespace: pod.Namespace, resource: "pods", name: pod.Name, sub: "log"}.url()+"?"+query.Encode())
		if err != nil { // no right to it, or the container has not started: there is no more to say then
			return ""
		}
		return string(content)
	}
	text := read()
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if s.Name == container && s.RestartCount > 0 {
			query.Set("previous", "true")
			text += read()
		}
	}
	return text
}

// authority finds a choice of variables that cannot be read, and the pods whose
// programs refuse AWS_CA_BUNDLE: they end before they call anybody, so that nothing
// is seen of them but their log.
func (x *examination) authority(ctx context.Context) Link {
	if x.service == nil {
		return Link{}
	}
	pods := []corev1.Pod{}
	if x.pod != nil {
		pods = append(pods, *x.pod)
	} else if of, err := x.podsOfAccount(ctx); err == nil {
		slices.SortStableFunc(of, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
		pods = of[:min(mostPods, len(of))]
	}
	for i := range pods {
		for _, c := range containersOf(&pods[i]) {
			if !strings.HasPrefix(envOf(c, aws.EnvCABundle), webhook.AuthorityMountPath) {
				continue
			}
			text := x.logOf(ctx, &pods[i], c.Name)
			for _, said := range refusesBundle {
				if strings.Contains(text, said) {
					link := broken(fmt.Sprintf("container %s of %s refuses %s: it is in Go and has an HTTP client of its own", c.Name, pods[i].Name, aws.EnvCABundle),
						x.choose(&pods[i], cmp.Or(strings.Join(others(c), ","), "SSL_CERT_DIR")))
					return link.because("its log has "+said, "SSL_CERT_DIR is enough for programs in Go")
				}
			}
		}
	}
	return x.unreadableChoice()
}

// unreadableChoice is one that the webhook passes over: who makes a Deployment does
// not see its warning.
func (x *examination) unreadableChoice() Link {
	look := func(kind, name, choice string) Link {
		if _, err := webhook.ParseAuthority(choice); err != nil {
			return Link{
				Status: Warning, Detail: fmt.Sprintf("annotation %s of %s %s is passed over: %v", webhook.AuthorityAnnotation, kind, name, err),
				Fix: []string{x.kubectl("annotate %s %s --overwrite %s=%s   # or others", kind, name, webhook.AuthorityAnnotation, strings.Join(webhook.DefaultAuthority, ","))},
			}
		}
		return Link{}
	}
	if x.pod != nil {
		if link := look("pod", x.pod.Name, x.pod.Annotations[webhook.AuthorityAnnotation]); link.Status != "" {
			link.Fix = x.recreate("correct the annotation in the pod's template")
			return link
		}
	}
	if x.account == nil {
		return Link{}
	}
	return look("serviceaccount", x.account.Name, x.account.Annotations[webhook.AuthorityAnnotation])
}

// choose gives the next pods of a service account other variables. A pod's own
// choice counts before it.
func (x *examination) choose(pod *corev1.Pod, variables string) string {
	if pod.Annotations[webhook.AuthorityAnnotation] != "" {
		return note(fmt.Sprintf("in the template of pod %s/%s, which has an annotation of its own, write %s: %q, and make it anew", pod.Namespace, pod.Name, webhook.AuthorityAnnotation, variables))
	}
	return x.kubectlIn(pod.Namespace, "annotate serviceaccount %s --overwrite %s=%s   # and make its pods anew", pod.Spec.ServiceAccountName, webhook.AuthorityAnnotation, variables)
}

// others are the variables beside AWS_CA_BUNDLE by which a container knows the authority.
func others(c corev1.Container) []string {
	var names []string
	for _, v := range c.Env {
		if v.Name != aws.EnvCABundle && strings.HasPrefix(v.Value, webhook.AuthorityMountPath) {
			names = append(names, v.Name)
		}
	}
	return names
}

// brokenHandshake is one of the webhook's list: [incluster.FailedHandshake].
type brokenHandshake struct {
	Namespace, Pod, ServiceAccount, Host string
	// Trusts are the variables by which the pod knows the authority; nil: it was not given it.
	Trusts []string
	Count  int
	Last   time.Time
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
	own := func(h brokenHandshake) bool {
		return x.pod != nil && h.Namespace == x.Namespace && h.Pod == x.pod.Name
	}
	if i := slices.IndexFunc(list, own); i >= 0 { // then others are of no concern
		link.Status, link.Detail = Broken, "this pod does not trust the emulator as "+list[i].Host
		list = slices.DeleteFunc(list, func(h brokenHandshake) bool { return !own(h) })
	}
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
		if h.Pod == "" {
			continue
		}
		more, mend := x.fixTrusting(ctx, h)
		for _, line := range more {
			if !slices.Contains(link.More, line) {
				link = link.because(line)
			}
		}
		if !slices.Contains(link.Fix, mend) {
			link.Fix = append(link.Fix, mend)
		}
	}
	return link
}

// fixTrusting is what a pod lacks that broke off a handshake: endpoints and
// authority, or a variable that its program reads, which its log may tell.
func (x *examination) fixTrusting(ctx context.Context, h brokenHandshake) (more []string, mend string) {
	if h.Trusts == nil {
		var pod corev1.Pod
		if err := x.get(ctx, ref{namespace: h.Namespace, resource: "pods", name: h.Pod}, &pod); err == nil && pod.Annotations[webhook.EndpointsAnnotation] != "" {
			return nil, note(fmt.Sprintf("in the template of pod %s/%s, which has an annotation of its own, write %s: \"true\", and make it anew", h.Namespace, h.Pod, webhook.EndpointsAnnotation))
		}
		return nil, x.kubectlIn(h.Namespace, "annotate serviceaccount %s --overwrite %s=true   # and make its pods anew", h.ServiceAccount, webhook.EndpointsAnnotation)
	}
	more = []string{fmt.Sprintf("%s/%s knows the authority by %s", h.Namespace, h.Pod, cmp.Or(strings.Join(h.Trusts, ", "), "no variable"))}
	pod := corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: h.ServiceAccount}}
	pod.Namespace = h.Namespace
	if err := x.get(ctx, ref{namespace: h.Namespace, resource: "pods", name: h.Pod}, &pod); err == nil {
		for _, c := range containersOf(&pod) {
			text := x.logOf(ctx, &pod, c.Name)
			for _, s := range distrust {
				if !strings.Contains(text, s.text) {
					continue
				}
				more = append(more, fmt.Sprintf("the log of its container %s has %q: %s", c.Name, s.text, s.who))
				lacks := slices.DeleteFunc(slices.Clone(s.reads), func(name string) bool { return slices.Contains(h.Trusts, name) })
				if len(lacks) == 0 {
					return more, note("give its program " + webhook.AuthorityMountPath + "/ca.pem: docs/authority.md says how")
				}
				return more, x.choose(&pod, strings.Join(slices.Concat(h.Trusts, lacks), ","))
			}
		}
	}
	return append(more, "docs/authority.md says which program reads what"), x.choose(&pod, "VARIABLES")
}

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
