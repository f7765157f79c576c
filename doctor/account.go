package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/webhook"
)

func (x *examination) cluster(ctx context.Context) Link {
	var version struct{ GitVersion string }
	err := x.get(ctx, ref{path: "/version"}, &version)
	switch {
	case apierrors.IsUnauthorized(err):
		return broken("the API server of "+x.Cluster+" does not know you: the kubeconfig's credentials are wrong or have expired", x.Kubectl+" auth whoami").ends()
	case err != nil:
		return broken("the API server of "+x.Cluster+" does not answer: "+err.Error(), x.Kubectl+" cluster-info").ends()
	}
	return ok(fmt.Sprintf("%s, Kubernetes %s", x.Cluster, version.GitVersion))
}

func (x *examination) thePod(ctx context.Context) Link {
	if x.Pod == "" {
		return Link{}
	}
	pod := new(corev1.Pod)
	err := x.get(ctx, ref{namespace: x.Namespace, resource: "pods", name: x.Pod}, pod)
	if apierrors.IsNotFound(err) {
		return broken(fmt.Sprintf("there is no pod %s/%s", x.Namespace, x.Pod), x.kubectl("get pods")).ends()
	}
	if err != nil {
		return unknown(err.Error())
	}
	x.pod = pod
	x.ServiceAccount = pod.Spec.ServiceAccountName
	return ok(fmt.Sprintf("%s/%s, %s, created %s", x.Namespace, x.Pod, strings.ToLower(string(pod.Status.Phase)), x.ago(pod.CreationTimestamp.Time)))
}

func (x *examination) ago(t time.Time) string {
	d := x.Now().Sub(t)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

func (x *examination) serviceAccount(ctx context.Context) Link {
	if x.ServiceAccount == "" {
		return unknown("not known without the pod")
	}
	account := new(corev1.ServiceAccount)
	err := x.get(ctx, ref{namespace: x.Namespace, resource: "serviceaccounts", name: x.ServiceAccount}, account)
	if apierrors.IsNotFound(err) {
		return x.noServiceAccount(ctx)
	}
	x.tryPod(ctx)
	if err != nil {
		return unknown(err.Error())
	}
	x.account = account
	return ok(x.who().String())
}

func (x *examination) noServiceAccount(ctx context.Context) Link {
	link := broken(fmt.Sprintf("there is no service account %s/%s", x.Namespace, x.ServiceAccount)).ends()
	var list corev1.ServiceAccountList
	if err := x.list(ctx, ref{namespace: x.Namespace, resource: "serviceaccounts"}, nil, &list); err != nil {
		return link.because(err.Error())
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	if len(names) == 0 { // every namespace has default
		link.Fix = []string{x.Kubectl + " get namespaces   # is there a namespace " + x.Namespace + "?"}
		return link
	}
	link.Fix = []string{x.kubectl("create serviceaccount %s", x.ServiceAccount)}
	return link.because("the namespace has " + strings.Join(names, ", "))
}

// roleARN is the ARN of a role, taken apart.
type roleARN struct{ arn, partition, account, name string }

func parseRole(arn string) (roleARN, bool) {
	if aws.RoleARNProblem(arn) != "" {
		return roleARN{}, false
	}
	a, err := aws.ParseARN(arn)
	name, _ := a.Role()
	return roleARN{arn, a.Partition, a.Account, name}, err == nil
}

func (x *examination) annotation(ctx context.Context) Link {
	x.reachIAM(ctx)
	if x.ServiceAccount != "" && x.byPodIdentity(ctx) {
		return Link{} // the association counts
	}
	if x.account == nil {
		return unknown("not known without the service account")
	}
	arn, written := x.account.Annotations[aws.RoleAnnotation]
	if !written {
		return x.noAnnotation(x.annotate(x.likelyRole(ctx)))
	}
	role, valid := parseRole(arn)
	if !valid {
		meant := strings.Trim(strings.TrimSpace(arn), `"'`)
		if _, valid := parseRole(meant); !valid {
			meant = x.likelyRole(ctx)
		}
		return broken(fmt.Sprintf("%s: %q is not a role's ARN", aws.RoleAnnotation, arn), x.annotate(meant)).because(aws.RoleARNProblem(arn))
	}
	x.role = role
	link := ok(aws.RoleAnnotation + ": " + arn)
	if v, written := x.account.Annotations[aws.ExpirationAnnotation]; written {
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < webhook.MinExpiration || n > webhook.MaxExpiration {
			link = link.warn(fmt.Sprintf("%s: %q is not taken as it is; write seconds from %d to %d", aws.ExpirationAnnotation, v, webhook.MinExpiration, webhook.MaxExpiration))
		}
	}
	return link
}

// likelyRole is the ARN that is written into a mend: what the pod's own annotation
// says, or the one role whose trust policy lets the service account in; else it
// has placeholders.
func (x *examination) likelyRole(ctx context.Context) string {
	if x.pod != nil {
		if _, valid := parseRole(x.pod.Annotations[aws.RoleAnnotation]); valid {
			return x.pod.Annotations[aws.RoleAnnotation]
		}
	}
	issuer, err := x.issuerOf(ctx)
	if err == nil && x.view != nil {
		var trusting []string
		claims, err := x.likelyClaims(issuer)
		for _, id := range slices.Sorted(maps.Keys(x.iam)) {
			for _, r := range x.view.Roles(id) {
				if err == nil && sts.Judge(ctx, x.view, oidc.NotChecked, x.Now(), sts.WebIdentityCall{RoleARN: r.ARN(), RoleSessionName: sessionName, Claims: claims}).Allowed() {
					trusting = append(trusting, r.ARN())
				}
			}
		}
		if len(trusting) == 1 {
			return trusting[0]
		}
	}
	account := "ACCOUNT"
	if x.view != nil {
		account = x.accountOfCluster()
	}
	return aws.RoleARN(aws.PartitionOf(x.region()).ID, account, "", "ROLE")
}

func (x *examination) annotate(arn string) string {
	return x.kubectl("annotate serviceaccount %s --overwrite %s=%s", x.ServiceAccount, aws.RoleAnnotation, arn)
}

// noAnnotation is for a service account without one: a pod may have variables
// of its own, or the webhook a role from its ConfigMap.
func (x *examination) noAnnotation(mend string) Link {
	for _, from := range []struct {
		pod  *corev1.Pod
		what string
	}{{x.pod, "the pod has variables of its own"}, {x.dryRun, "the webhook has a role for it from elsewhere, such as its ConfigMap"}} {
		if from.pod == nil {
			continue
		}
		for _, c := range from.pod.Spec.Containers {
			if role, valid := parseRole(envOf(c, aws.EnvRoleARN)); valid {
				x.role = role
				return ok("none, but " + from.what + ": " + role.arn)
			}
		}
	}
	link := broken("the service account has no annotation "+aws.RoleAnnotation, mend)
	for _, key := range slices.Sorted(maps.Keys(x.account.Annotations)) {
		value := x.account.Annotations[key]
		if _, valid := parseRole(value); valid || strings.Contains(key, "role") {
			link.More = append(link.More, fmt.Sprintf("it has %s: %s, which the webhook does not read", key, value))
			if valid {
				link.Fix = []string{x.annotate(value) + " " + key + "-"}
			}
		}
	}
	if x.pod != nil && x.pod.Annotations[aws.RoleAnnotation] != "" {
		link.More = append(link.More, "the pod has it, but the webhook reads the service account's")
	}
	if len(x.ofEKS) > 0 {
		link.More = append(link.More, "nor has EKS an association for it, in cluster "+strings.Join(x.ofEKS, ", "))
		link.Fix = append(append(link.Fix, note("or, by EKS Pod Identity:")), x.createAssociation()...)
	}
	return x.whereElse(link)
}
