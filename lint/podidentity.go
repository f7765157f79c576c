package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/sts"
)

func (t trusted) pods() *tree.Node {
	for _, s := range t.services {
		if s.Text == aws.PodIdentityService {
			return s
		}
	}
	return nil
}

// noTagSession finds roles of Pod Identity that EKS refuses, with "Trust policy of
// the role provided is invalid." (terraform-provider-aws#41483).
func noTagSession(x *site) {
	pods := x.trust.pods()
	if pods == nil || !x.allow() || !allows(x.s, "sts:AssumeRole") {
		return
	}
	tagged := sts.Pod{}
	if x.role == nil || tagged.Untrusted(x.role) != "sts:TagSession" {
		return
	}
	if n := len(x.options.Associations); n > 0 && !slices.ContainsFunc(x.options.Associations, func(a Association) bool { return !a.Pod.DisableSessionTags }) {
		return
	}
	x.report(x.s.Start, aws.PodIdentityService+" may not call sts:TagSession",
		"EKS Pod Identity gives its sessions tags: EKS refuses the association, and pods get no credentials",
		`add "sts:TagSession" to the statement's Action`, func(s *tree.Node) {
			switch n := s.Get("Action"); {
			case n == nil:
			case n.Kind == tree.Array:
				n.Items = append(n.Items, tree.StringNode("sts:TagSession"))
			default:
				*n = tree.Node{Kind: tree.Array, Items: []*tree.Node{tree.StringNode(n.Text), tree.StringNode("sts:TagSession")}}
			}
		})
}

// serviceName finds misspelt names of the service.
func serviceName(x *site) {
	for _, s := range x.trust.services {
		d := spelling.Distance(s.Text, aws.PodIdentityService)
		right := aws.PodIdentityService
		if d == 0 || d > 3 || strings.HasPrefix(s.Text, "eks.") {
			continue
		}
		x.report(s.Start, s.Text+" is not a service that calls for pods", "nobody comes by that name: pods get no credentials", "write "+right,
			replaced(func(s *tree.Node) *tree.Node { return s.Get("Principal").Get("Service") }, s.Text, right))
	}
}

// forPodsOnly says whether the statement is about Pod Identity and nothing else.
func (x *site) forPodsOnly() bool {
	t := x.trust
	return t.pods() != nil && len(t.services) == 1 && len(t.providers) == 0 && !t.aws && !t.saml
}

// podKey finds keys that a call of Pod Identity does not have: its tags are those of
// the request, and not yet those of the principal.
func podKey(x *site) {
	c := x.condition
	if !x.forPodsOnly() {
		return
	}
	family, name, ok := strings.Cut(c.key, "/")
	lower := strings.ToLower(family)
	switch {
	case !ok || lower != "aws:requesttag" && lower != "aws:principaltag":
	case lower == "aws:principaltag" && slices.Contains(aws.PodIdentityTags(), name):
		x.report(c.start, c.key+" is a tag of the caller, which is a service and has none", neverWhy(c),
			"write aws:RequestTag/"+name, x.renamed("aws:RequestTag/"+name))
	case lower == "aws:requesttag" && !containsFold(aws.PodIdentityTags(), name):
		right := nearestTag(name)
		fix := "the tags are " + strings.Join(aws.PodIdentityTags(), ", ")
		var edit func(*tree.Node)
		if right != "" {
			fix, edit = "write aws:RequestTag/"+right, x.renamed("aws:RequestTag/"+right)
		}
		x.report(c.start, "EKS Pod Identity sets no tag "+name, neverWhy(c), fix, edit)
	}
}

func nearestTag(name string) string {
	if near := spelling.Near(name, aws.PodIdentityTags()); near != "" {
		return near
	}
	for _, tag := range aws.PodIdentityTags() {
		if strings.HasSuffix(tag, "-"+strings.ToLower(name)) {
			return tag
		}
	}
	return ""
}

// podSource finds source ARNs that are none of a cluster (mountpoint-s3-csi-driver#781).
func podSource(x *site) {
	c, v := x.condition, x.value
	if x.forPodsOnly() && strings.EqualFold(c.key, "aws:SourceArn") && !c.op.Negated && strings.Contains(v.Text, ":podidentityassociation/") {
		x.report(v.Start, fmt.Sprintf("%q is the ARN of an association", v.Text), "aws:SourceArn is the cluster's ARN: the statement can never apply",
			"write arn:aws:eks:REGION:ACCOUNT:cluster/NAME", nil)
	}
}

// keptOut is what of the policy keeps EKS from opening a session for an association.
type keptOut struct {
	association *Association
	decision    policy.Decision
	blamed      []policy.Blamed
}

// judgeAssociations asks the STS's judge what EKS asks of the role for each of the
// associations that give it to pods.
func (l *linter) judgeAssociations() {
	document, err := policy.Parse(l.root.Indented())
	if err != nil {
		return
	}
	l.role = &iam.Role{Account: l.options.Account, Partition: l.options.Partition, Trust: iam.NewDocument(document), Tags: l.tags()}
	for i := range l.options.Associations {
		a := &l.options.Associations[i]
		keys := a.Pod.Unknown()
		unknown := func(key string) bool { return slices.Contains(keys, strings.ToLower(key)) || l.unknown(key) }
		for _, check := range a.Pod.AskTrust(l.role, a.Pod.SessionName(uuid.Nil), time.Time{}) {
			if answer, _ := policy.Partly(check.Decision, unknown); answer == policy.No {
				l.kept = append(l.kept, keptOut{a, check.Decision, policy.Blame(check.Decision, unknown)})
				break
			}
		}
	}
}

// unknown says whether a key follows from what is not known beside the policy: the
// time, and the role's tags where they are not given.
func (l *linter) unknown(key string) bool {
	key = strings.ToLower(key)
	return key == "aws:currenttime" || key == "aws:epochtime" || l.options.Tags == nil && aws.RoleTagKey(key)
}

// associationConditions finds conditions that keep out an association which gives
// pods the role.
func associationConditions(x *site) {
	c := x.condition
	for _, r := range x.kept {
		for _, b := range r.blamed {
			s := &r.decision.Policies[0].Statements[b.Statement]
			if b.Statement != x.index || len(s.Conditions) == 0 {
				continue
			}
			judged := &s.Conditions[max(b.Condition, 0)]
			if judged.Operator != c.operator || judged.Key != c.key || b.Condition >= 0 && aws.RoleTagKey(c.key) { // role-tag says it
				continue
			}
			pod, got := &r.association.Pod, strings.Join(judged.Got, ", ")
			whose := fmt.Sprintf("%s of cluster %s has the role", pod.Holder(), pod.Cluster)
			message, fix := fmt.Sprintf("%s does not let in %s: %s", c.key, got, whose), "add "+got+" to the condition's values"
			switch {
			case b.Condition < 0:
				message, fix = "the Deny applies: "+whose, "narrow its conditions"
			case !judged.Present:
				message, fix = fmt.Sprintf("EKS sends no %s: %s", c.key, whose), "remove the condition"
			case c.op.Comparison == "Null":
				fix = "remove the condition"
			case c.op.Negated:
				fix = "take what is like " + got + " out of the condition's values"
			}
			x.report(c.start, message, "its pods get no credentials ("+r.association.Place+")", fix+", or correct the association", nil)
		}
	}
}

// placeholderLeft finds principals and keys in which a template's placeholder was
// not filled in.
func placeholderLeft(x *site) {
	at, text, what := x.s.Start, "", ""
	switch {
	case x.condition != nil:
		at, text, what = x.condition.start, x.condition.key, "the key"
	case x.provider != nil:
		at, text, what = x.provider.Start, x.provider.Text, "the provider's ARN"
	}
	if p := unexpanded(text); p != "" {
		if i := strings.LastIndexByte(text, ':'); x.condition != nil && i >= 0 { // it stands for the issuer
			for _, provider := range x.trust.providers {
				x.meant[strings.ToLower(aws.IssuerName(provider.Text)+text[i:])] = true
			}
		}
		x.report(at, fmt.Sprintf("%s holds %s, which was not replaced", what, p), "IAM has no variables there: this statement trusts nobody",
			"write the value that it stands for", nil)
	}
}
