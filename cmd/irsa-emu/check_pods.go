package main

import (
	"cmp"
	"strings"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services/eksauth"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// podQuestion is what check asks of EKS Pod Identity.
type podQuestion struct {
	asked, noTags bool
	cluster, pod  string
}

// unasked refuses flags that are of use with --pod-identity only.
func (q *podQuestion) unasked() error {
	for flag, written := range map[string]bool{"--cluster": q.cluster != "", "--pod": q.pod != "", "--disable-session-tags": q.noTags} {
		if written {
			return usageError("%s: of use with --pod-identity only", flag)
		}
	}
	return nil
}

// podIdentity answers for the pods of a service account.
func (q *question) podIdentity(p *program) (verdict, error) {
	who, err := readServiceAccount(q.who.serviceAccount)
	switch {
	case err != nil:
		return verdict{}, err
	case q.who.subject+q.who.claimsFile+q.who.tokenFile+q.who.profile+q.who.issuer != "" || len(q.who.audience)+len(q.who.claims) > 0:
		return verdict{}, usageError("--pod-identity: EKS makes the call, not the token's bearer; leave --issuer, --audience, --subject, --claims, --claim, --token and --profile out")
	case len(q.keys) > 0:
		return verdict{}, usageError("--context: EKS makes the call, whose keys are known; leave it out with --pod-identity")
	case q.pods.noTags && q.trustPolicy == "":
		return verdict{}, usageError("--disable-session-tags: with --given the association says it; leave it out")
	}
	read := q.readGiven
	if q.trustPolicy != "" {
		read = q.grantedAssociation
	}
	found, err := read(p)
	if err != nil {
		return verdict{}, err
	}
	cluster, _, err := clusterNamed(q.pods.cluster)
	if err != nil {
		return verdict{}, err
	}
	j, err := audit.Pods(found, audit.Options{Cluster: cluster, Pod: q.pods.pod, Now: q.now}, who.Namespace, who.Name)
	if err != nil {
		return verdict{}, usageError("%w", err)
	}
	if q.role != "" && j.Association != nil && q.role != j.Association.Role && !strings.HasSuffix(j.Association.Role, "/"+q.role) {
		return verdict{}, usageError("--role %s: the association's role is %s; leave --role out", q.role, j.Association.Role)
	}
	if j.Verdict == audit.Unknown && len(j.Checks) == 0 { // nothing was asked
		fix := "give a source that has it"
		if len(j.Findings) > 0 {
			fix = j.Findings[0].Fix
		}
		return verdict{}, usageError("%s: %s", j.Role, hint.Sentence(j.Why, fix))
	}
	return q.podVerdict(j, who), nil
}

func (q *question) podVerdict(j *audit.Judgement, who aws.ServiceAccount) verdict {
	v := verdict{
		Allowed: j.Verdict == audit.Gets, Role: j.Role, Issuer: j.Issuer, Subject: who.Subject(),
		Audience: aws.PodIdentityService, Cluster: j.Cluster, Place: j.Place, Checks: []policy.Decision{}, Notes: j.Notes,
	}
	if a := j.Association; a != nil {
		v.TargetRole = a.TargetRole
		if a.At.File != "" {
			v.Association = a.At.String()
		}
	}
	if q.trustPolicy != "" && !strings.HasPrefix(q.role, "arn:") {
		v.Role = "" // not known
	}
	for _, check := range j.Checks {
		v.Checks = append(v.Checks, check.Decision)
	}
	if v.Allowed {
		return v
	}
	v.Reason = &decision.Reason{Kind: decision.TrustPolicy, Message: j.Why}
	answer := eksauth.Unauthorized().Wire
	switch d := j.Decision(); {
	case j.Association == nil:
		answer = eksauth.NotAssociated(who, j.Cluster).Wire
		v.Reason.Kind, v.Reason.Code, v.Reason.Fix = "association-not-found", "no-association", "add an association for it"
		v.Reason.Hint = "the cluster has no association at all"
		if len(j.Near) > 0 {
			v.Reason.Hint = "the cluster has associations for " + strings.Join(j.Near, ", ")
		}
	case j.Verdict == audit.Unknown:
		v.Reason.Kind = "unknown"
	case d == nil:
		v.Reason.Kind = decision.RoleNotFound
	default:
		if d.By != policy.TrustPolicy {
			v.Reason.Kind = decision.Policy
		}
		if len(d.Hints) > 0 {
			v.Reason.Advise(d.Hints[0].Hint)
		}
	}
	v.Error = &decision.Error{Code: answer.Code, Message: answer.Message, Status: answer.Status}
	if v.Reason.Hint == "" && v.Reason.Fix == "" && len(j.Findings) > 0 {
		v.Reason.Advise(hint.Hint{Code: j.Findings[0].Rule, Fix: j.Findings[0].Fix})
	}
	return v
}

// clusterNamed reads --cluster, the name of a cluster or its ARN, which says account and
// region too.
func clusterNamed(text string) (name string, c statefile.Cluster, err error) {
	arn, err := aws.ParseARN(text)
	if name, ok := arn.EKSCluster(); err == nil && ok {
		return name, statefile.Cluster{Region: arn.Region, Account: arn.Account}, nil
	}
	if strings.HasPrefix(text, "arn:") {
		return "", c, usageError("--cluster %s: is not the ARN of an EKS cluster; write arn:aws:eks:REGION:ACCOUNT:cluster/NAME", text)
	}
	return text, c, nil
}

// grantedAssociation is an association of which only the role's trust policy is
// known. Its account and cluster are as the flags say, else taken for granted.
func (q *question) grantedAssociation(p *program) (*sources.Found, error) {
	src, err := p.readInput(q.trustPolicy)
	if err != nil {
		return nil, usageError("--trust-policy: %w", err)
	}
	if _, err := policy.ValidateTrust(src, policy.TrustOptions{MaxSize: policy.MaxRaisedTrustSize}); err != nil {
		return nil, usageError("%s", placed(q.trustPolicy, err))
	}
	if q.pods.cluster == "" {
		return nil, usageError("--cluster: missing; write the EKS cluster's ARN, or its name when no condition is about its region or account")
	}
	name, cluster, err := clusterNamed(q.pods.cluster)
	if err != nil {
		return nil, err
	}
	who, err := readServiceAccount(q.who.serviceAccount)
	if err != nil {
		return nil, err
	}
	cluster.Account = cmp.Or(cluster.Account, q.account, aws.DefaultAccount)
	role := statefile.Role{Name: "role", TrustPolicy: statefile.NewDocument(string(src)).At(strictyaml.Position{File: q.trustPolicy, Line: 1, Column: 1})}
	found := &sources.Found{State: statefile.State{
		Clusters: map[string]statefile.Cluster{name: cluster}, Accounts: map[string]statefile.Account{cluster.Account: {Roles: []statefile.Role{role}}},
	}}
	arn := aws.RoleARN(found.State.Partition(cluster.Account, aws.DefaultAccount), cluster.Account, "", "role")
	if a, err := aws.ParseARN(q.role); err == nil {
		arn, role.Name = q.role, aws.NameIn(q.role)
		role.Path = strings.TrimSuffix(strings.TrimPrefix(a.Resource, "role"), role.Name)
		found.State.Accounts = map[string]statefile.Account{a.Account: {Roles: []statefile.Role{role}}}
	}
	found.Manifests.Associations = []sources.Association{{
		Cluster: name, Namespace: who.Namespace, ServiceAccount: who.Name, Role: arn, DisableSessionTags: q.pods.noTags,
	}}
	return found, nil
}
