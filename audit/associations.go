package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

// podIdentity answers for EKS Pod Identity: may EKS assume the association's role
// for the service account's pods, and with it the target role?
func (a *auditor) podIdentity(sa *account, given *identity) answer {
	as := given.association
	r, said := a.resolve(sa, as.Role, true, given.at)
	if r == nil {
		if said.verdict == Gets && as.TargetRole != "" {
			return answer{verdict: Unknown, why: said.why + "; whether it may assume the target role " + as.TargetRole + " is not known: its policies are not in the sources"}
		}
		return said
	}
	if r.trust == nil {
		return answer{verdict: Unknown, why: "the role's trust policy is not known", role: r}
	}
	pod, hidden := a.podCall(sa, as, r)
	checks := pod.AskTrust(r.stored(), pod.SessionName(uuid.Nil), a.o.Now)
	var at policy.Position
	for i := range checks {
		action, d := checks[i].Action, checks[i].Decision
		yes, open := policy.Partly(d, hidden.has)
		switch yes {
		case policy.Unknown:
			return answer{verdict: Unknown, why: fmt.Sprintf("%s hangs on %s, which no source has", action, keysOf(open)), role: r, checks: checks}
		case policy.No:
			why, place := a.classifyAssociation(sa, r, action, d, hidden, given.at)
			return answer{verdict: Refused, why: why, role: r, at: place, checks: checks}
		}
		if at.Line == 0 {
			at = decided(d)
		}
	}
	if as.TargetRole != "" {
		said = a.target(sa, as, r, pod, hidden)
		said.checks = append(checks, said.checks...)
		return said
	}
	return answer{verdict: Gets, why: "the association names the role, and its trust policy allows EKS " + strings.Join(pod.Actions(), " and "), role: r, at: at, checks: checks}
}

// hiddenKeys are condition keys, in lower case, whose values no source has.
type hiddenKeys map[string]bool

func (h hiddenKeys) has(key string) bool { return h[strings.ToLower(key)] }

func (h hiddenKeys) add(keys ...string) {
	for _, key := range keys {
		h[key] = true
	}
}

// podCall is the call that EKS makes for a service account's pods.
func (a *auditor) podCall(sa *account, as *sources.Association, r *role) (*sts.Pod, hiddenKeys) {
	pod := PodOf(&a.found.State, as, sa.cluster, r.account)
	pod.Name = a.o.Pod
	hidden := hiddenKeys{}
	hidden.add(pod.Unknown()...)
	return pod, hidden
}

// PodOf is a pod of an association in a cluster of that name, of the account that its
// role is of too, as far as the State has it.
func PodOf(state *statefile.State, as *sources.Association, cluster, account string) *sts.Pod {
	pod := &sts.Pod{
		Account: account, Cluster: cluster, Namespace: as.Namespace, ServiceAccount: as.ServiceAccount, DisableSessionTags: as.DisableSessionTags,
	}
	if region := state.Clusters[cluster].Region; region != "" {
		pod.Region = region
		pod.ClusterARN = aws.EKSClusterARN(region, account, cluster)
	}
	if o := state.Accounts[account].Organization; o != nil {
		pod.OrganizationID, pod.OrganizationPath = o.ID, o.Path
	}
	return pod
}

// setResource sets the keys of the role that is assumed.
func (a *auditor) setResource(ctx policy.Context, r *role, hidden hiddenKeys) {
	ctx.Set("aws:ResourceAccount", r.account)
	a.setOrganization(ctx, "aws:resourceorg", r.account, hidden)
	for _, tag := range r.tags() {
		ctx.Set("aws:ResourceTag/"+tag.Key, tag.Value)
		ctx.Set("iam:ResourceTag/"+tag.Key, tag.Value)
	}
}

// setOrganization sets the keys of an account's organisation that begin with the
// prefix; sources seldom say which one it is.
func (a *auditor) setOrganization(ctx policy.Context, prefix, account string, hidden hiddenKeys) {
	o := a.found.State.Accounts[account].Organization
	if o == nil {
		hidden.add(prefix+"id", prefix+"paths")
		return
	}
	ctx.Set(prefix+"id", o.ID)
	if o.Path != "" {
		ctx.SetMulti(prefix+"paths", []string{o.Path})
	}
}

func (a *auditor) classifyAssociation(sa *account, r *role, action string, d policy.Decision, hidden hiddenKeys, at position) (string, policy.Position) {
	report := func(rule *Rule, place policy.Position, why, fix string) (string, policy.Position) {
		a.report.find(rule, at, fmt.Sprintf("%s is associated with %s, whose trust policy (%s) refuses EKS: %s", sa.title(), a.roles.display(r.arn), r.place(place), why), fix)
		return why, place
	}
	blamed := policy.Blame(d, hidden.has)
	if len(blamed) > 0 && blamed[0].Condition < 0 {
		return report(ruleRefused, statements(d)[blamed[0].Statement].Start, d.Reason, "take the Deny away, or let its conditions leave EKS's call out")
	}
	trusted := func(s policy.StatementResult) bool { return s.Effect == "Allow" && s.PrincipalMatch }
	if !slices.ContainsFunc(statements(d), trusted) {
		return report(ruleNotForPods, policy.Position{}, "it does not trust the service "+aws.PodIdentityService+"; EKS refuses the association",
			"add "+policy.PodIdentityStatement)
	}
	named := func(s policy.StatementResult) bool { return trusted(s) && s.ActionMatch }
	if !slices.ContainsFunc(statements(d), named) && action == "sts:TagSession" {
		return report(ruleTagSession, policy.Position{}, "it does not allow sts:TagSession, which EKS needs for its session tags; EKS refuses the association",
			`write "Action": ["sts:AssumeRole", "sts:TagSession"], or set disableSessionTags on the association`)
	}
	if len(blamed) > 0 {
		s := statements(d)[blamed[0].Statement]
		c := s.Conditions[blamed[0].Condition]
		got := "nothing"
		if c.Present {
			got = strings.Join(c.Got, ", ")
		}
		return report(ruleAssociationTags, conditionPlace(r, s.Index, blamed[0].Condition), fmt.Sprintf("%s %s wants %s, EKS sends %s", c.Operator, c.Key, strings.Join(c.Want, ", "), got), "change the condition, or the association")
	}
	return report(ruleRefused, policy.Position{}, d.Reason, "allow pods.eks.amazonaws.com "+action)
}

// target answers for the second step of an association: its role assumes the
// target role, with the tags handed on and an external id.
func (a *auditor) target(sa *account, as *sources.Association, r *role, pod *sts.Pod, hidden hiddenKeys) answer {
	t, said := a.resolve(sa, as.TargetRole, true, as.At)
	if t == nil {
		if said.verdict == Gets {
			said.verdict = Unknown
		}
		said.why = "the association's role is assumed; its target role " + as.TargetRole + ": " + said.why
		return said
	}
	if !aws.SamePartition(r.arn, t.arn) {
		why := "the association's role cannot assume the target role " + t.arn + ": it is in another partition"
		a.report.find(ruleTargetRole, as.At, sa.title()+": "+why, "name a target role of the partition of "+r.arn)
		return answer{verdict: Refused, why: why, role: t}
	}
	p, known := r.policies(a.found)
	p.Trust = &policy.Named{Name: t.arn, Type: policy.TrustPolicy, Document: t.trust}
	p.ResourceAccount = t.account
	name := pod.SessionName(uuid.Nil)
	hidden.add("aws:userid") // it begins with the role's id
	caller := api.Principal{
		Type: api.AssumedRole, Account: r.account, ARN: r.stored().SessionARN(name), UserID: ":" + name,
		RoleName: r.Name, RoleARN: r.arn, Tags: r.tags(), Temporary: true, Issued: a.o.Now,
	}
	ctx, more := pod.TargetKeys(a.o.Now, caller, cmp.Or(as.ExternalID, pod.TargetExternalID()))
	a.setOrganization(ctx, "aws:principalorg", r.account, hidden)
	a.setResource(ctx, t, hidden)
	var checks []decision.Check
	for _, action := range pod.Actions() {
		d := policy.Evaluate(p, policy.Request{Action: action, Resource: t.arn, Principal: caller.PolicyPrincipal(), Context: ctx, More: more})
		checks = append(checks, decision.Check{Action: action, Resource: t.arn, Decision: d})
	}
	i := slices.IndexFunc(checks, func(c decision.Check) bool { return !c.Decision.Allowed })
	if i < 0 {
		return answer{verdict: Gets, why: "the association's role is assumed, and it may assume the target role " + t.arn, role: t, checks: checks}
	}
	action, d := checks[i].Action, checks[i].Decision
	if !known || hangs(d, hidden.has) {
		return answer{verdict: Unknown, why: "the association's role is assumed; whether it may " + action + " on the target role " + t.arn + " hangs on what no source has", role: t, checks: checks}
	}
	why := fmt.Sprintf("the association's role may not %s on the target role %s: %s", action, t.arn, d.Reason)
	a.report.find(ruleTargetRole, as.At, sa.title()+": "+why, pod.TargetAdvice(r.arn, checks).Fix)
	return answer{verdict: Refused, why: why, role: t, checks: checks}
}

// hangs says whether a refusal hangs on a key that is not known.
func hangs(d policy.Decision, unknown func(string) bool) bool {
	for i := range d.Policies {
		one := policy.Decision{Policies: d.Policies[i : i+1]}
		if yes, _ := policy.Partly(one, unknown); yes == policy.Unknown {
			return true
		}
	}
	return false
}
