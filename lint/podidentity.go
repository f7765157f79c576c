package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/spelling"
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
	for _, s := range x.root.Statements() {
		if s.Kind == tree.Object && equalFold(s.Get("Effect"), "Allow") && trustedBy(s).pods() != nil && allows(s, "sts:TagSession") {
			return
		}
	}
	if n := len(x.options.Associations); n > 0 && !slices.ContainsFunc(x.options.Associations, func(a Association) bool { return !a.DisableSessionTags }) {
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

// associationConditions holds conditions against the associations that give pods the
// role.
func associationConditions(x *site) {
	c := x.condition
	if !x.forPodsOnly() || !x.allow() {
		return
	}
	family, name, _ := strings.Cut(c.key, "/")
	if !strings.EqualFold(family, "aws:RequestTag") {
		return
	}
	for _, a := range x.options.Associations {
		tags := aws.PodTags("", a.Cluster, aws.ServiceAccount{Namespace: a.Namespace, Name: a.ServiceAccount}, "", "")
		i := slices.IndexFunc(tags, func(t aws.Tag) bool { return strings.EqualFold(t.Key, name) })
		if i < 0 || tags[i].Value == "" || a.DisableSessionTags {
			continue
		}
		keys := policy.Context{}
		got := tags[i].Value
		keys.Set(strings.ToLower(c.key), got)
		if met, ok := conditionMet(c, keys); !ok || met {
			continue
		}
		x.report(c.start, fmt.Sprintf("%s does not let in %s: %s/%s of cluster %s has the role", c.key, got, a.Namespace, a.ServiceAccount, a.Cluster),
			"its pods get no credentials ("+a.Place+")", "add "+got+" to the condition's values, or correct the association", nil)
	}
}

// conditionMet asks the policy language whether a condition holds; false when it
// cannot be asked alone.
func conditionMet(c *condition, keys policy.Context) (met, ok bool) {
	document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Condition":{` +
		tree.Quote(c.operator) + `:{` + tree.Quote(c.key) + `:` + string(c.value.Indented()) + `}}}}`
	d, err := policy.Parse([]byte(document))
	if err != nil || len(d.Statements[0].Conditions) != 1 {
		return false, false
	}
	return d.Statements[0].Conditions[0].Met(keys), true
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
