package sts

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

// PodsService is the service principal that assumes roles for EKS Pod Identity.
const PodsService = "pods.eks.amazonaws.com"

// The lives of the sessions, whatever the role's own maximum (recorded 14); a
// target role is assumed by role chaining, which bounds it.
const (
	podSession    = 6 * time.Hour
	chainedPodEnd = time.Hour
)

// Pod is a pod for which EKS assumes a role, and how its association wants it.
type Pod struct {
	Account, Region, Cluster, ClusterARN string
	Namespace, ServiceAccount, Name, UID string
	RoleARN, TargetRoleARN, ExternalID   string
	DisableSessionTags                   bool
	Policy                               string // session policy
}

// PodSession is what the pod gets.
type PodSession struct {
	ARN, RoleID string // RoleID is AROA…:SESSION
	Credentials Credentials
}

// tags are those of every session of EKS Pod Identity, in the order of the
// STS call's record (recorded 14); all of them are transitive.
func (p *Pod) tags() sessionTags {
	if p.DisableSessionTags {
		return sessionTags{}
	}
	var tags sessionTags
	for _, tag := range [...][2]string{
		{"eks-cluster-arn", p.ClusterARN}, {"eks-cluster-name", p.Cluster}, {"kubernetes-namespace", p.Namespace},
		{"kubernetes-service-account", p.ServiceAccount}, {"kubernetes-pod-name", p.Name}, {"kubernetes-pod-uid", p.UID},
	} {
		tags.list = append(tags.list, aws.Tag{Key: tag[0], Value: tag[1]})
		tags.transitive = append(tags.transitive, tag[0])
	}
	return tags
}

// sessionName is eks-CLUSTER-POD-UUID with ten characters of both names (recorded 14).
func (p *Pod) sessionName() string {
	return fmt.Sprintf("eks-%.10s-%.10s-%s", p.Cluster, p.Name, uuid.NewString())
}

// AssumeRoleForPod assumes the association's role for a pod, and then its target
// role. The checks go into the request's decision. EKS does not pass on the
// refusal's words.
func (s *Service) AssumeRoleForPod(req *api.Request, pod Pod) (*PodSession, *api.Refusal) {
	name, tags := pod.sessionName(), pod.tags()
	role, refused := s.authorizePod(req, &pod, name, &tags)
	if refused != nil {
		return nil, refused
	}
	session := &Session{
		Kind: RoleSession, Account: role.Account, Name: name, RoleID: role.ID, Issued: wholeSecond(req.Now),
		Tags: tags.list, TransitiveKeys: tags.transitive,
	}
	session.Expires = session.Issued.Add(podSession)
	if pod.Policy != "" {
		session.HasPolicies, session.Policy = true, pod.Policy
	}
	if pod.TargetRoleARN != "" {
		if role, session, refused = s.chainPod(req, &pod, session, name); refused != nil {
			return nil, refused
		}
	}
	arn := role.SessionARN(name)
	credentials, refused := s.issue(req, session, arn, 0)
	if refused != nil {
		return nil, refused
	}
	return &PodSession{ARN: arn, RoleID: role.ID + ":" + name, Credentials: credentials}, nil
}

// authorizePod asks the trust policy as the service: its call carries the
// cluster as its source, and the tags.
func (s *Service) authorizePod(req *api.Request, pod *Pod, name string, tags *sessionTags) (*iam.Role, *api.Refusal) {
	role, why := s.view(req).Role(pod.RoleARN)
	if role == nil {
		return nil, assumeRoleDenied(PodsService, "sts:AssumeRole", pod.RoleARN, decision.RoleNotFound).Because("%s", why)
	}
	call := *req.Call // EKS makes this call: nothing of the agent's is in it
	call.HTTP = nil
	service := &api.Request{Call: &call, State: req.State, Now: req.Now, Decision: req.Decision}
	ctx := service.ContextKeys()
	ctx.SetBool("aws:PrincipalIsAWSService", true)
	ctx.Set("aws:PrincipalServiceName", PodsService)
	ctx.Set("aws:SourceArn", pod.ClusterARN)
	ctx.Set("aws:SourceAccount", pod.Account)
	ctx.Set("aws:ResourceAccount", role.Account)
	ctx.Set("sts:RoleSessionName", name)
	tags.setKeys(ctx)
	setRoleTags(ctx, role)
	trust := policy.Named{Name: role.ARN(), Type: policy.TrustPolicy, Document: role.Trust.Parsed()}
	var first *api.Refusal
	for _, action := range neededActions("sts:AssumeRole", len(tags.list) > 0, "") { // all of them, for the explanation
		d := policy.Evaluate(policy.Policies{Trust: &trust, ResourceAccount: role.Account}, policy.Request{
			Action: action, Resource: role.ARN(), Principal: policy.Principal{Service: PodsService}, Context: ctx,
		})
		req.Decision.Checks = append(req.Decision.Checks, decision.Check{Action: action, Resource: role.ARN(), Decision: d})
		if !d.Allowed && first == nil {
			first = assumeRoleDenied(PodsService, action, role.ARN(), decision.TrustPolicy).Explain(d)
		}
	}
	return role, first
}

// chainPod assumes the target role with the first role's session, whose tags go
// along. The external id is always sent (EKS user guide, "Access AWS resources
// using EKS Pod Identity target IAM roles").
func (s *Service) chainPod(req *api.Request, pod *Pod, first *Session, name string) (*iam.Role, *Session, *api.Refusal) {
	principal, gone := first.principal(req.State)
	if gone != "" { // cannot be: the role was just found
		return nil, nil, assumeRoleDenied(pod.RoleARN, "sts:AssumeRole", pod.TargetRoleARN, decision.RoleNotFound).Because("%s", gone)
	}
	call := *req.Call
	call.HTTP = nil
	chained := *req
	chained.Call, chained.Principal = &call, principal
	in := assumeRoleInput{RoleArn: pod.TargetRoleARN, RoleSessionName: name, ExternalId: &pod.ExternalID}
	tags, refused := readTags(nil, nil, principal)
	if refused != nil {
		return nil, nil, refused
	}
	role, refused := s.authorizeAssumeRole(&chained, &in, &tags)
	if refused != nil {
		return nil, nil, refused
	}
	session := &Session{
		Kind: RoleSession, Account: role.Account, Name: name, RoleID: role.ID, Chained: true, Issued: first.Issued,
		Tags: tags.all(), TransitiveKeys: tags.transitiveKeys(), Expires: first.Issued.Add(chainedPodEnd),
	}
	if pod.Policy != "" {
		session.HasPolicies, session.Policy = true, pod.Policy
	}
	return role, session, nil
}
