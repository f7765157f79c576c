package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// hasAgent is whether some container has what the webhook gives for EKS Pod Identity.
func hasAgent(pod *corev1.Pod) bool {
	return slices.ContainsFunc(containersOf(pod), func(c corev1.Container) bool { return hasEnv(c, aws.EnvAgentURI) && hasEnv(c, aws.EnvAgentTokenFile) })
}

// hasIdentity is whether some container has either mechanism's variables.
func hasIdentity(pod *corev1.Pod) bool { return hasRole(pod) || hasAgent(pod) }

// associated is an association, and the cluster that it belongs to.
type associated struct {
	name    string // of the cluster
	cluster statefile.Cluster
	statefile.PodIdentityAssociation
}

// account is the cluster's.
func (a *associated) account() string { return cmp.Or(a.cluster.Account, aws.DefaultAccount) }

// byPodIdentity is whether this chain is one of EKS Pod Identity: a pod that
// runs has what it was given, whatever came later; the next one gets what the
// webhook gives it, or ought to by what EKS has.
func (x *examination) byPodIdentity(ctx context.Context) bool {
	if x.mechanismKnown {
		return x.podIdentity
	}
	x.mechanismKnown = true
	switch {
	case x.pod != nil && hasIdentity(x.pod):
		x.podIdentity = !hasRole(x.pod)
	case x.dryRun != nil && hasIdentity(x.dryRun):
		x.podIdentity = !hasRole(x.dryRun)
	}
	x.findAssociation(ctx)
	if x.association != nil && !(x.pod != nil && hasRole(x.pod)) {
		x.podIdentity = true
	}
	return x.podIdentity
}

// who is the service account that is asked about.
func (x *examination) who() aws.ServiceAccount {
	return aws.ServiceAccount{Namespace: x.Namespace, Name: x.ServiceAccount}
}

// findAssociation looks for the service account's in what the emulator's EKS has.
func (x *examination) findAssociation(ctx context.Context) {
	x.reachIAM(ctx)
	issuer, err := x.issuerOf(ctx)
	if err != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(x.clusters)) {
		c := x.clusters[name]
		if c.Issuer == issuer {
			x.ofEKS = append(x.ofEKS, name)
		}
		for _, a := range c.PodIdentityAssociations {
			switch {
			case a.ServiceAccount != x.who().String():
			case c.Issuer == issuer:
				x.association = &associated{name, c, a}
			default:
				x.elsewhere = append(x.elsewhere, fmt.Sprintf("%s, whose issuer is %s", name, c.Issuer))
			}
		}
	}
}

// theAssociation is the link that EKS Pod Identity has in place of the annotation.
func (x *examination) theAssociation(ctx context.Context) Link {
	if !x.byPodIdentity(ctx) {
		return Link{}
	}
	list := x.awsEKS("list-pod-identity-associations --namespace " + x.Namespace + " --service-account " + x.ServiceAccount)
	a := x.association
	switch {
	case a != nil:
	case x.iam == nil:
		return unknown("EKS has one, as the variables of its pods show; which role it gives is not known", list)
	default:
		link := broken("EKS has no association for it, though its pods have the variables of one: it was deleted, or is another cluster's", x.createAssociation()...)
		return x.whereElse(link)
	}
	role, valid := parseRole(a.Role)
	if !valid {
		return broken(fmt.Sprintf("the association's role %q is not a role's ARN", a.Role), x.createAssociation()...)
	}
	x.role = role
	link := ok(fmt.Sprintf("%s of cluster %s: %s", cmp.Or(a.ID, "one"), a.name, a.Role))
	if a.TargetRole != "" {
		link = link.because("its sessions go on to the target role " + a.TargetRole)
	}
	if x.account != nil && x.account.Annotations[aws.RoleAnnotation] != "" {
		link = link.because("the annotation " + aws.RoleAnnotation + " does not count beside it")
	}
	return link
}

// awsEKS is a command of the aws CLI for this cluster.
func (x *examination) awsEKS(rest string) string {
	name := "CLUSTER"
	switch {
	case x.association != nil:
		name = x.association.name
	case len(x.ofEKS) > 0:
		name = x.ofEKS[0]
	}
	verb, rest, _ := strings.Cut(rest, " ")
	return "aws eks " + verb + " --cluster-name " + name + " " + rest
}

func (x *examination) createAssociation() []string {
	role := x.role.arn
	if role == "" {
		role = aws.RoleARN(aws.PartitionOf(x.region()).ID, x.accountOfCluster(), "", "ROLE")
	}
	return append(x.pointAWS(), x.awsEKS(fmt.Sprintf("create-pod-identity-association --namespace %s --service-account %s --role-arn %s", x.Namespace, x.ServiceAccount, role)))
}

func (x *examination) accountOfCluster() string {
	if len(x.ofEKS) > 0 {
		return cmp.Or(x.clusters[x.ofEKS[0]].Account, aws.DefaultAccount)
	}
	return "ACCOUNT"
}

func (x *examination) whereElse(link Link) Link {
	for _, where := range x.elsewhere {
		link = link.because("the service account has an association of cluster " + where + "; this cluster's is " + x.issuer)
	}
	return link
}

// agentContainer is a container of a pod with EKS Pod Identity.
func (x *examination) agentContainer(c corev1.Container) Link {
	switch {
	case hasEnv(c, aws.EnvAccessKey):
		return broken(fmt.Sprintf("container %s has %s, which SDKs take before the agent", c.Name, aws.EnvAccessKey), x.recreate("take the access key out of the pod's template")...)
	case hasEnv(c, aws.EnvAgentPath):
		return broken(fmt.Sprintf("container %s has %s, which SDKs take before %s", c.Name, aws.EnvAgentPath, aws.EnvAgentURI), x.recreate("take it out of the pod's template")...)
	case !hasEnv(c, aws.EnvAgentURI) && !hasEnv(c, aws.EnvAgentTokenFile):
		return x.noAgentVariables(c)
	case !hasEnv(c, aws.EnvAgentURI) || !hasEnv(c, aws.EnvAgentTokenFile):
		missing := map[bool]string{true: aws.EnvAgentTokenFile, false: aws.EnvAgentURI}[hasEnv(c, aws.EnvAgentURI)]
		return broken(fmt.Sprintf("container %s lacks %s: the webhook gives neither to a container that has one of its own", c.Name, missing),
			x.recreate(fmt.Sprintf("take %s and %s out of the pod's template", aws.EnvAgentURI, aws.EnvAgentTokenFile))...)
	case envOf(c, aws.EnvAgentURI) != webhook.PodIdentityURI:
		return broken(fmt.Sprintf("container %s has %s %s, where no agent of a node is", c.Name, aws.EnvAgentURI, envOf(c, aws.EnvAgentURI)), x.recreate("take it out of the pod's template")...)
	}
	for _, proxy := range []string{"HTTP_PROXY", "http_proxy"} {
		if envOf(c, proxy) != "" && !strings.Contains(envOf(c, "NO_PROXY")+envOf(c, "no_proxy"), "169.254.") {
			return broken(fmt.Sprintf("container %s sends its calls to the agent to its proxy (%s), which does not reach the node", c.Name, proxy),
				x.recreate("write NO_PROXY with "+aws.PodIdentityIPv4+",["+aws.PodIdentityIPv6+"] in the pod's template")...)
		}
	}
	return ok(c.Name)
}

func (x *examination) noAgentVariables(c corev1.Container) Link {
	link := x.noVariables(c)
	link.Detail = fmt.Sprintf("container %s has neither %s nor %s", c.Name, aws.EnvAgentURI, aws.EnvAgentTokenFile)
	a := x.association
	switch {
	case x.skipped(c.Name):
		link.Detail = fmt.Sprintf("the pod's annotation %s names container %s, so that it gets no variables", aws.SkipAnnotation, c.Name)
	case a != nil && x.pod.CreationTimestamp.Time.Before(a.Created):
		link.Detail = "the pod is older than the association, and the webhook sees new pods only"
		link.More = append(link.More, fmt.Sprintf("the pod was created %s, the association %s", x.ago(x.pod.CreationTimestamp.Time), x.ago(a.Created)))
	}
	return link
}

// podTrust asks the role's trust policy what EKS asks of it.
func (x *examination) podTrust() Link {
	if x.AWS || x.view == nil || x.role.arn == "" || x.association == nil {
		return unknown("not known without the role", x.showRole())
	}
	role, why := x.view.Role(x.role.arn)
	if role == nil {
		return unknown("not known without the role: " + why)
	}
	a := x.association
	pod := &sts.Pod{
		Account: a.account(), Region: cmp.Or(a.cluster.Region, x.region()), Cluster: a.name, Namespace: x.Namespace, ServiceAccount: x.ServiceAccount, Name: "POD", UID: "UID",
		DisableSessionTags: a.DisableSessionTags,
	}
	pod.ClusterARN = aws.EKSClusterARN(pod.Region, pod.Account, a.name)
	if bound := x.boundPod(); bound != nil {
		pod.Name, pod.UID = bound.Name, string(bound.UID)
	}
	if o := x.iam[pod.Account].Organization; o != nil {
		pod.OrganizationID, pod.OrganizationPath = o.ID, o.Path
	}
	for _, c := range pod.AskTrust(role, pod.SessionName(uuid.Nil), x.Now()) {
		d := c.Decision
		if d.Allowed {
			continue
		}
		var mend []string
		for _, known := range d.Hints {
			mend = append(mend, note(known.String()))
		}
		d.Hints = nil // those are the fix
		return broken(fmt.Sprintf("it does not allow %s to %s", c.Action, aws.PodIdentityService), append(mend, x.fixTrust()...)...).
			because(strings.Split(strings.TrimRight(d.String(), "\n"), "\n")...)
	}
	return ok("it allows " + strings.Join(pod.Actions(), " and ") + " to " + aws.PodIdentityService)
}

// boundPod is the pod that tokens are bound to: EKS takes no others.
func (x *examination) boundPod() *corev1.Pod {
	if x.pod != nil {
		return x.pod
	}
	return x.stand
}

// findStand takes a pod of the service account that runs, where none is asked about.
func (x *examination) findStand(ctx context.Context) {
	pods, err := x.podsOfAccount(ctx)
	if err != nil {
		return
	}
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodRunning && pods[i].DeletionTimestamp == nil {
			x.stand = &pods[i]
			return
		}
	}
}

// assumeForPod makes the call that the agent makes, as the administrator.
func (x *examination) assumeForPod(ctx context.Context) *assumption {
	if x.assumed != nil || x.token == "" || x.association == nil || x.Emulator == nil || x.AWS || x.boundPod() == nil {
		return x.assumed
	}
	a := new(assumption)
	x.assumed = a
	url := x.Emulator.URL
	client := eksauth.NewFromConfig(sdk.Config{
		Region: cmp.Or(x.association.cluster.Region, x.region()), BaseEndpoint: &url, RetryMaxAttempts: 1, HTTPClient: x.HTTP,
		Credentials: credentials.NewStaticCredentialsProvider(x.association.account(), "test", ""),
	})
	out, err := client.AssumeRoleForPodIdentity(ctx, &eksauth.AssumeRoleForPodIdentityInput{ClusterName: &x.association.name, Token: &x.token})
	if err == nil {
		c := out.Credentials
		a.arn, a.until = sdk.ToString(out.AssumedRoleUser.Arn), sdk.ToTime(c.Expiration)
		a.credentials = credentials.NewStaticCredentialsProvider(sdk.ToString(c.AccessKeyId), sdk.ToString(c.SecretAccessKey), sdk.ToString(c.SessionToken))
		return a
	}
	a.refused(ctx, x, err)
	return a
}
