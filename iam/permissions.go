package iam

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Limits of what one role, user or group may hold (IAM user guide, "IAM and
// AWS STS quotas", defaults). Sizes count characters without white space.
var (
	roleLimits  = limits{kind: "role", attached: 20, quota: "PoliciesPerRole", inline: policy.MaxRoleInlineSize}
	userLimits  = limits{kind: "user", attached: 10, quota: "PoliciesPerUser", inline: policy.MaxUserInlineSize}
	groupLimits = limits{kind: "group", attached: 10, quota: "PoliciesPerGroup", inline: policy.MaxGroupInlineSize}
)

type limits struct {
	kind     string
	attached int
	quota    string // as LimitExceeded names it
	inline   int
	// account and partition are the holder's; the empty partition is "aws".
	account, partition string
	service            bool // a service-linked role, which AWS attaches its own policies to
}

// in is the limits of a holder in an account.
func (l limits) in(account, partition string) limits {
	l.account, l.partition = account, partition
	return l
}

// bounds is what ByBoundary indexes.
func (p *Permissions) bounds() []string {
	if p.Boundary == "" {
		return nil
	}
	return []string{p.Boundary}
}

// inlineIndex finds an inline policy; names ignore case (recorded).
func (p *Permissions) inlineIndex(name string) int {
	return slices.IndexFunc(p.Inline, func(i InlinePolicy) bool { return strings.EqualFold(i.Name, name) })
}

// putInline adds or replaces an inline policy. The slices of the permissions
// are those of an immutable entity until they are cloned.
func (p *Permissions) putInline(name, text string, l limits, holder string) error {
	parsed, err := policy.ValidateInline([]byte(text), l.partition)
	if err != nil {
		return err
	}
	return p.addInline(name, NewDocument(parsed), l, holder)
}

func (p *Permissions) addInline(name string, document Document, l limits, holder string) error {
	p.Inline = slices.Clone(p.Inline)
	if at := p.inlineIndex(name); at >= 0 {
		p.Inline[at].Document = document
	} else {
		p.Inline = append(p.Inline, InlinePolicy{name, document})
		slices.SortFunc(p.Inline, func(a, b InlinePolicy) int { return strings.Compare(a.Name, b.Name) })
	}
	size := 0
	for _, i := range p.Inline {
		size += policy.Size([]byte(i.Document.Text))
	}
	if size > l.inline {
		return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", l.inline, l.kind, holder)
	}
	return nil
}

func (p *Permissions) deleteInline(name string, l limits) error {
	at := p.inlineIndex(name)
	if at < 0 {
		return noInline(l, name)
	}
	p.Inline = slices.Delete(slices.Clone(p.Inline), at, at+1)
	return nil
}

func noInline(l limits, name string) error {
	return noSuchEntity("The %s policy with name %s cannot be found.", l.kind, name)
}

// attach attaches a managed policy; one that is attached already stays so.
func (p *Permissions) attach(r state.Reader, arn string, l limits) error {
	if err := checkPolicyARN(arn, l.partition); err != nil {
		return err
	}
	if owner := ownerOf(arn); owner != awsAccount && owner != l.account {
		// The text is that of two imitations of IAM.
		return api.Refuse(decision.Policy, accessDenied("Policy is outside your own account.")).
			Because("the policy %s is account %s's, and what it would be attached to account %s's", arn, owner, l.account)
	}
	if _, ok := PolicyByARN(r, arn); !ok {
		return notAttachable(arn)
	}
	if !l.service && strings.HasPrefix(arn, managedARN(l.partition, "aws-service-role/")) {
		return wire.Errorf(http.StatusBadRequest, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
	}
	if slices.Contains(p.Attached, arn) {
		return nil
	}
	if len(p.Attached) >= l.attached {
		return quotaExceeded(l.quota, l.attached)
	}
	p.Attached = append(slices.Clone(p.Attached), arn)
	return nil
}

func (p *Permissions) detach(arn string, l limits) error {
	if err := checkPolicyARN(arn, l.partition); err != nil {
		return err
	}
	at := slices.Index(p.Attached, arn)
	if at < 0 {
		return noPolicy(arn)
	}
	p.Attached = slices.Delete(slices.Clone(p.Attached), at, at+1)
	return nil
}

// bound sets the permissions boundary: a policy of AWS's or of the holder's account, and
// of its partition.
func (p *Permissions) bound(r state.Reader, arn string, l limits) error {
	a, err := aws.ParseARN(arn)
	if _, isPolicy := a.Named("iam", "policy"); err != nil || !isPolicy {
		return invalidInput("ARN %s is not valid.", arn)
	}
	own := a.Partition == cmp.Or(l.partition, aws.DefaultPartition) && (a.Account == l.account || a.Account == awsAccount)
	if _, ok := PolicyByARN(r, arn); !ok || !own {
		return noSuchEntity("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	p.Boundary = arn
	return nil
}

// mustBeBare refuses the deletion of a holder that has policies.
func (p *Permissions) mustBeBare() error {
	if len(p.Attached) > 0 {
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	if len(p.Inline) > 0 {
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// checkPolicyARN refuses an ARN that cannot be a policy's of the partition, the
// empty one of which is "aws". "Invalid ARN partition" is what people in China
// and in the European Sovereign Cloud were answered
// (pulumi/pulumi-aws-apigateway#347, runs-on/runs-on#518).
func checkPolicyARN(arn, partition string) error {
	a, err := aws.ParseARN(arn)
	if err == nil && a.Partition != cmp.Or(partition, aws.DefaultPartition) {
		if _, known := aws.PartitionByID(a.Partition); known {
			return wire.ValidationError("Invalid ARN partition")
		}
	}
	if _, isPolicy := a.Named("iam", "policy"); err != nil || !isPolicy {
		return wire.ValidationError("ARN %s is not valid.", arn)
	}
	return nil
}

type policyNamesOutput struct {
	PolicyNames wire.List[string]
	pageOutput
}

func listInline(p *Permissions, in pageInput) (any, error) {
	some, page, err := paginate(slices.Values(p.Inline), func(i InlinePolicy) string { return i.Name }, in)
	if err != nil {
		return nil, err
	}
	out := &policyNamesOutput{pageOutput: page}
	for _, i := range some {
		out.PolicyNames = append(out.PolicyNames, i.Name)
	}
	return out, nil
}

type attachedOutput struct{ PolicyName, PolicyArn string }

type listAttachedOutput struct {
	AttachedPolicies wire.List[attachedOutput]
	pageOutput
}

type listAttachedInput struct {
	PathPrefix string `wire:"min=1,max=512,pattern=POLICYPATH"`
	pageInput
}

func listAttached(p *Permissions, in listAttachedInput) (any, error) {
	arns := slices.Sorted(slices.Values(p.Attached))
	matching := under(slices.Values(arns), policyPath, in.PathPrefix)
	some, page, err := paginate(matching, func(arn string) string { return arn }, in.pageInput)
	if err != nil {
		return nil, err
	}
	return &listAttachedOutput{outAttached(some), page}, nil
}

func outAttached(arns []string) wire.List[attachedOutput] {
	out := make(wire.List[attachedOutput], len(arns))
	for i, arn := range arns {
		out[i] = attachedOutput{aws.NameIn(arn), arn}
	}
	return out
}

// policyPath is the path in a policy's ARN.
func policyPath(arn string) string {
	first, last := strings.IndexByte(arn, '/'), strings.LastIndexByte(arn, '/')
	return arn[first : last+1]
}

type boundaryOutput struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }

// outBoundary is nil when there is none. Recorded: the type is "Policy", not
// the model's PermissionsBoundaryPolicy.
func outBoundary(p *Permissions) *boundaryOutput {
	if p.Boundary == "" {
		return nil
	}
	return &boundaryOutput{"Policy", p.Boundary}
}
