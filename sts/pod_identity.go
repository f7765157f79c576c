package sts

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// The lives of the sessions, whatever the role's own maximum (recorded 14); a
// target role is assumed by role chaining, which bounds it.
const (
	podSession    = 6 * time.Hour
	chainedPodEnd = aws.LongestChained * time.Second
)

// Pod is a pod for which EKS assumes a role, and how its association wants it.
type Pod struct {
	Account, Region, Cluster, ClusterARN string
	OrganizationID, OrganizationPath     string // of the account; "" for one that is in none
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

// Holder is the service account of the association.
func (p *Pod) Holder() aws.ServiceAccount {
	return aws.ServiceAccount{Namespace: p.Namespace, Name: p.ServiceAccount}
}

// tags are those of every session of EKS Pod Identity, in the order of the
// STS call's record (recorded 14); all of them are transitive.
func (p *Pod) tags() sessionTags {
	if p.DisableSessionTags {
		return sessionTags{}
	}
	return sessionTags{transitive: aws.PodIdentityTags(), list: aws.PodTags(p.ClusterARN, p.Cluster, p.Holder(), p.Name, p.UID)}
}

// Actions are what EKS asks of the role, and of the target role: session tags
// need sts:TagSession.
func (p *Pod) Actions() []string { return neededActions("sts:AssumeRole", !p.DisableSessionTags, "") }

// Untrusted is the first of the actions that no statement of a role's trust policy
// allows EKS, conditions aside; "" when there is none. EKS takes no association with
// a role that has one.
func (p *Pod) Untrusted(role *iam.Role) string {
	trust := policy.Policies{Trust: &policy.Named{Type: policy.TrustPolicy, Document: role.Trust.Parsed().AtMost()}, ResourceAccount: role.Account}
	for _, action := range p.Actions() {
		if !policy.Evaluate(trust, policy.Request{Action: action, Principal: policy.Principal{Service: aws.PodIdentityService}}).Allowed {
			return action
		}
	}
	return ""
}

// Unknown are the condition keys, in lower case, that [Pod.AskTrust] and
// [Pod.TargetKeys] have no right value for when there is no session yet: EKS makes
// them up for each, or p does not say what they follow from.
func (p *Pod) Unknown() []string {
	keys := []string{"sts:rolesessionname"}
	tags := p.tags()
	for _, tag := range tags.list {
		if tag.Value == "" {
			name := strings.ToLower(tag.Key)
			keys = append(keys, "aws:requesttag/"+name, "aws:principaltag/"+name)
		}
	}
	if p.ClusterARN == "" {
		keys = append(keys, "aws:sourcearn", "sts:externalid", "aws:requestedregion")
	}
	if p.OrganizationID == "" {
		keys = append(keys, "aws:sourceorgid", "aws:sourceorgpaths", "aws:resourceorgid", "aws:resourceorgpaths")
	}
	return keys
}

// keys are the condition keys of EKS's call: the cluster is its source, the role is of
// the cluster's account, and the tags are the request's.
func (p *Pod) keys(now time.Time) (policy.Context, policy.Keys) {
	call := &api.Request{Call: &wire.Call{Region: p.Region}, Now: now, InvokedBy: aws.PodIdentityService}
	ctx := policy.Context{}
	ctx.SetBool("aws:PrincipalIsAWSService", true)
	ctx.Set("aws:PrincipalServiceName", aws.PodIdentityService)
	ctx.Set("aws:SourceArn", p.ClusterARN)
	ctx.Set("aws:SourceAccount", p.Account)
	ctx.Set("aws:ResourceAccount", p.Account)
	if p.OrganizationID != "" {
		ctx.Set("aws:SourceOrgID", p.OrganizationID)
		ctx.Set("aws:ResourceOrgID", p.OrganizationID)
	}
	if p.OrganizationPath != "" {
		ctx.SetMulti("aws:SourceOrgPaths", []string{p.OrganizationPath})
		ctx.SetMulti("aws:ResourceOrgPaths", []string{p.OrganizationPath})
	}
	tags := p.tags()
	tags.setKeys(ctx)
	return ctx, call.Keys()
}

// TargetKeys are the keys of the second call, which EKS makes with the session of
// the association's role: the session's tags are handed on.
func (p *Pod) TargetKeys(now time.Time, role api.Principal, externalID string) (policy.Context, policy.Keys) {
	tags := p.tags()
	role.SessionTags = tags.list
	call := &api.Request{Call: &wire.Call{Region: p.Region}, Now: now, Principal: &role, InvokedBy: aws.PodIdentityService}
	ctx := policy.Context{}
	ctx.Set("sts:ExternalId", externalID)
	tags.setKeys(ctx)
	return ctx, call.Keys()
}

// TargetExternalID is what EKS sends to the target role of an association that
// names no external id of its own (recorded 14).
func (p *Pod) TargetExternalID() string {
	return aws.TargetExternalID(p.Region, p.Account, p.Cluster, p.Holder())
}

// TargetAdvice says how to mend what keeps the association's role from assuming the
// target role: checks are what was asked, one of which is refused.
func (p *Pod) TargetAdvice(role string, checks []decision.Check) hint.Hint {
	advice := hint.Hint{
		Code: "target-role", Message: "EKS assumed " + role + ", and could not assume the target role with it",
		Fix: "allow " + strings.Join(p.Actions(), " and ") + " on the target role in a policy of the association's role, and to that role in the target's trust policy",
	}
	for _, c := range checks {
		if c.Decision.Outcome == policy.ExplicitDeny {
			advice.Fix = "take the Deny in " + c.Decision.ByName + " away, or let its conditions leave this call out"
			break
		}
	}
	return advice
}

// SessionName is the name of a session: eks-CLUSTER-POD-UUID, with ten characters of
// both names (recorded 14). Each session has an id of its own; a question about
// sessions that are not made yet has [uuid.Nil].
func (p *Pod) SessionName(id uuid.UUID) string {
	return fmt.Sprintf("%s%.10s-%s", aws.PodSessionPrefix(p.Cluster), p.Name, id)
}

// AssumeRoleForPod assumes the association's role for a pod, and then its target
// role. The checks go into the request's decision. EKS does not pass on the
// refusal's words.
func (s *Service) AssumeRoleForPod(req *api.Request, pod Pod) (*PodSession, *api.Refusal) {
	name, tags := pod.SessionName(uuid.New()), pod.tags()
	seconds := int(podSession / time.Second)
	made := podCall(req, nil, &assumeRoleInput{RoleArn: pod.RoleARN, RoleSessionName: name, DurationSeconds: &seconds, Tags: tags.elements(), TransitiveTagKeys: tags.transitive})
	role, refused := s.authorizePod(req, &pod, name)
	if refused != nil {
		return nil, refuseMade(made, refused)
	}
	session := &Session{
		Kind: RoleSession, Account: role.Account, Name: name, RoleID: role.ID, Issued: wholeSecond(req.Now),
		Tags: tags.list, TransitiveKeys: tags.transitive,
	}
	session.Expires = session.Issued.Add(podSession)
	if pod.Policy != "" && pod.TargetRoleARN == "" { // with a target role it is for that alone (recorded 14)
		session.HasPolicies, session.Policy = true, pod.Policy
	}
	if pod.TargetRoleARN != "" {
		first := role.SessionARN(name)
		made.Decision.Session = &decision.Session{ARN: first, Expiration: session.Expires}
		made.Result = struct{ AssumedRoleUser assumedRoleUserElement }{assumedRoleUserElement{role.ID + ":" + name, first}}
		if made, role, session, refused = s.chainPod(req, &pod, session, name); refused != nil {
			return nil, refuseMade(made, refused)
		}
	}
	arn := role.SessionARN(name)
	credentials, refused := s.issue(req, session, arn, 0)
	if refused != nil {
		return nil, refuseMade(made, refused)
	}
	made.Decision.Session = req.Decision.Session
	made.Result = assumeRoleResult{AssumedRoleUser: assumedRoleUserElement{role.ID + ":" + name, arn}, Credentials: element(credentials)}
	return &PodSession{ARN: arn, RoleID: role.ID + ":" + name, Credentials: credentials}, nil
}

// podCall is a call of AssumeRole that EKS makes for a pod, by itself or with the
// session of a principal; CloudTrail records it as the service's (recorded 14).
func podCall(req *api.Request, caller *api.Principal, in *assumeRoleInput) *api.Request {
	id := wire.NewRequestID()
	made := &api.Request{
		Call:      &wire.Call{ID: id, Service: "sts", Action: "AssumeRole", Version: Version, Region: req.Region, Input: in},
		Principal: caller, State: req.State, Now: req.Now, Decision: &decision.Decision{RequestID: id, Resource: in.RoleArn}, InvokedBy: aws.PodIdentityService,
	}
	req.Made = append(req.Made, made)
	return made
}

func refuseMade(made *api.Request, r *api.Refusal) *api.Refusal {
	made.Decision.Error = r.Answer()
	return r
}

// authorizePod asks the trust policy as the service: its call carries the
// cluster as its source, and the tags.
func (s *Service) authorizePod(req *api.Request, pod *Pod, name string) (*iam.Role, *api.Refusal) {
	role, why := s.view(req).Role(pod.RoleARN)
	if role == nil {
		return nil, assumeRoleDenied(aws.PodIdentityService, "sts:AssumeRole", pod.RoleARN, decision.RoleNotFound).Because("%s", why)
	}
	checks := pod.AskTrust(role, name, req.Now)
	req.Decision.Checks = append(req.Decision.Checks, checks...)
	for _, c := range checks {
		if !c.Decision.Allowed {
			return role, assumeRoleDenied(aws.PodIdentityService, c.Action, c.Resource, decision.TrustPolicy).Explain(c.Decision)
		}
	}
	return role, nil
}

// AskTrust asks a role's trust policy what EKS asks of it for the pod, once per
// action, the others too when one is refused. session is a name that EKS has made
// up for the session; see SessionName.
func (p *Pod) AskTrust(role *iam.Role, session string, now time.Time) []decision.Check {
	ctx, more := p.keys(now)
	ctx.Set("sts:RoleSessionName", session)
	role.SetTagKeys(ctx)
	arn := role.ARN()
	trust := policy.Policies{Trust: &policy.Named{Name: arn, Type: policy.TrustPolicy, Document: role.Trust.Parsed()}, ResourceAccount: role.Account}
	var checks []decision.Check
	for _, action := range p.Actions() {
		d := policy.Evaluate(trust, policy.Request{Action: action, Resource: arn, Principal: policy.Principal{Service: aws.PodIdentityService}, Context: ctx, More: more})
		checks = append(checks, decision.Check{Action: action, Resource: arn, Decision: d})
	}
	return checks
}

// chainPod assumes the target role with the first role's session, whose tags go
// along. The external id is always sent (EKS user guide, "Access AWS resources
// using EKS Pod Identity target IAM roles").
func (s *Service) chainPod(req *api.Request, pod *Pod, first *Session, name string) (*api.Request, *iam.Role, *Session, *api.Refusal) {
	in := assumeRoleInput{RoleArn: pod.TargetRoleARN, RoleSessionName: name, ExternalId: &pod.ExternalID}
	principal, gone := first.principal(req.State)
	made := podCall(req, principal, &in)
	if gone != "" { // cannot be: the role was just found
		return made, nil, nil, assumeRoleDenied(pod.RoleARN, "sts:AssumeRole", pod.TargetRoleARN, decision.RoleNotFound).Because("%s", gone)
	}
	call := *req.Call
	call.HTTP = nil
	chained := *req
	chained.Call, chained.Principal, chained.InvokedBy = &call, principal, aws.PodIdentityService
	tags, refused := readTags(nil, nil, principal)
	if refused != nil {
		return made, nil, nil, refused
	}
	before := len(req.Decision.Checks)
	role, refused := s.authorizeAssumeRole(&chained, &in, &tags)
	if refused != nil {
		if refused.Reason.Advice() == "" {
			advice := pod.TargetAdvice(pod.RoleARN, req.Decision.Checks[before:])
			if refused.Reason.Kind == decision.RoleNotFound {
				advice.Fix = "correct the association's targetRoleArn, or create that role"
			}
			refused.Reason.Advise(advice)
		}
		return made, nil, nil, refused
	}
	session := &Session{
		Kind: RoleSession, Account: role.Account, Name: name, RoleID: role.ID, Chained: true, Issued: first.Issued,
		Tags: tags.all(), TransitiveKeys: tags.transitiveKeys(), Expires: first.Issued.Add(chainedPodEnd),
	}
	if pod.Policy != "" {
		session.HasPolicies, session.Policy = true, pod.Policy
	}
	return made, role, session, nil
}
