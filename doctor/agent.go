package doctor

import (
	"context"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/deploy"
)

// agentNamespaces are where the agent's DaemonSet is: here, and on EKS.
var agentNamespaces = []string{deploy.Namespace, "kube-system"}

// nodeAgent is whether the pod's node has an agent that answers; of a service
// account, whether every node has.
func (x *examination) nodeAgent(ctx context.Context) Link {
	if !x.byPodIdentity(ctx) {
		return Link{}
	}
	set, err := x.agentSet(ctx)
	switch {
	case err != nil:
		return unknown("the node's agent: " + err.Error())
	case set == nil:
		return broken("there is no DaemonSet "+aws.PodIdentityAddon+": nobody answers at http://"+aws.PodIdentityIPv4,
			x.Kubectl+" apply -k deploy/   # irsa-emu's; on EKS: "+x.awsEKS("create-addon --addon-name "+aws.PodIdentityAddon))
	}
	where := set.Namespace + "/" + set.Name
	mend := []string{
		x.kubectlIn(set.Namespace, "get pods -o wide -l %s", labels.FormatLabels(set.Spec.Selector.MatchLabels)),
		x.kubectlIn(set.Namespace, "describe daemonset/%s", set.Name),
	}
	wanted, ready := set.Status.DesiredNumberScheduled, set.Status.NumberReady
	if pod := x.boundPod(); pod != nil && pod.Spec.NodeName != "" {
		return x.agentOn(ctx, set, pod.Spec.NodeName, mend)
	}
	switch {
	case wanted == 0:
		return broken("DaemonSet "+where+" has no node to run on: its nodeSelector or the nodes' labels keep it away", mend...)
	case ready == 0:
		return broken(fmt.Sprintf("DaemonSet %s: none of its %d pods is ready", where, wanted), append(mend, x.agentLogs(set))...)
	case ready < wanted:
		return ok(fmt.Sprintf("DaemonSet %s, ready on %d of %d nodes", where, ready, wanted)).warn("pods on the others get no credentials")
	}
	return ok(fmt.Sprintf("DaemonSet %s, ready on all nodes (%d)", where, ready))
}

// daemonSet is what is looked at of one; as [mutatingWebhook].
type daemonSet struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector *metav1.LabelSelector `json:"selector"`
	} `json:"spec"`
	Status struct {
		DesiredNumberScheduled int32 `json:"desiredNumberScheduled"`
		NumberReady            int32 `json:"numberReady"`
	} `json:"status"`
}

func (x *examination) agentSet(ctx context.Context) (*daemonSet, error) {
	var failed error
	for _, namespace := range agentNamespaces {
		set := new(daemonSet)
		err := x.get(ctx, ref{group: "apps", namespace: namespace, resource: "daemonsets", name: aws.PodIdentityAddon}, set)
		switch {
		case err == nil && set.Spec.Selector != nil:
			return set, nil
		case err != nil && !apierrors.IsNotFound(err):
			failed = err
		}
	}
	return nil, failed
}

func (x *examination) agentLogs(set *daemonSet) string {
	return x.kubectlIn(set.Namespace, "logs daemonset/%s --all-containers", set.Name)
}

// agentOn is about one node.
func (x *examination) agentOn(ctx context.Context, set *daemonSet, node string, mend []string) Link {
	var pods corev1.PodList
	err := x.list(ctx, ref{namespace: set.Namespace, resource: "pods"},
		url.Values{"labelSelector": {labels.FormatLabels(set.Spec.Selector.MatchLabels)}, "fieldSelector": {"spec.nodeName=" + node}}, &pods)
	if err != nil {
		return unknown("the agent of node " + node + ": " + err.Error())
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.DeletionTimestamp != nil || pod.Spec.NodeName != node {
			continue
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return ok(fmt.Sprintf("%s/%s on node %s is ready", set.Namespace, pod.Name, node))
			}
		}
		return broken(fmt.Sprintf("%s/%s on node %s is not ready: the node's pods get no credentials", set.Namespace, pod.Name, node),
			x.kubectlIn(set.Namespace, "logs %s --all-containers", pod.Name), x.kubectlIn(set.Namespace, "describe pod %s", pod.Name))
	}
	return broken(fmt.Sprintf("node %s, where the pod is, has no agent", node), mend...).
		because("the DaemonSet's nodeSelector or affinity passes over the node; EKS's is not for Fargate, Windows and hybrid nodes")
}
