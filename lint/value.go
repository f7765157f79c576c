package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

func neverMatches(x *site) {
	c, v := x.condition, x.value
	if c.op.OfText() {
		return
	}
	if why := c.op.Malformed(v.Text); why != "" {
		fix, edit := "write a value of that kind", (func(*tree.Node))(nil)
		if strings.HasPrefix(c.op.Comparison, "Arn") && c.claim() != "" && !c.op.Negated { // claims are texts
			like := strings.NewReplacer("ArnEquals", "StringLike", "ArnLike", "StringLike").Replace(c.operator)
			fix, edit = "write "+like, x.moved(like)
			x.meant[strings.ToLower(c.key)] = true
		}
		x.report(v.Start, fmt.Sprintf("%q is %s", v.Text, why), "no request can meet it", fix, edit)
	} else if (c.op.Comparison == "Bool" || c.op.Comparison == "Null") && !strings.EqualFold(v.Text, "true") && !strings.EqualFold(v.Text, "false") && !policy.HasVariable(v.Text) {
		x.report(v.Start, fmt.Sprintf("%q is neither true nor false", v.Text), "AWS reads everything but true as false", "write true or false", nil)
	}
}

func wildcardUnderEquals(x *site) {
	c, v := x.condition, x.value
	if !c.op.OfText() || c.wild() || !policy.HasWildcard(v.Text) {
		return
	}
	like := strings.Replace(strings.Replace(c.operator, "EqualsIgnoreCase", "Like", 1), "Equals", "Like", 1)
	edit := x.moved(like)
	if c.op.Negated || c.op.Comparison == "StringEqualsIgnoreCase" {
		edit = nil // it would keep out whom it lets in now: StringLike tells upper from lower case
	}
	x.report(v.Start, fmt.Sprintf("%q holds a wildcard", v.Text),
		c.operator+" compares letter by letter: only a value with that very * or ? is equal", "write "+like, edit)
}

// ofClaim says whether the value at hand is a text of an issuer's claim.
func (x *site) ofClaim(claim string) bool {
	return x.condition.op.OfText() && x.condition.claim() == claim && len(x.trust.providers) > 0
}

func audienceUnderSubject(x *site) {
	v, prefix := x.value, x.condition.prefix
	switch {
	case x.ofClaim("aud") && policy.LooksLikeSubject(v.Text):
		x.report(v.Start, fmt.Sprintf("%q is a subject, but the key is aud", v.Text), "no token has it as its audience", "write "+prefix()+"sub", x.swap(policy.LooksLikeSubject))
	case x.ofClaim("sub") && policy.IsSTSAudience(v.Text):
		x.report(v.Start, fmt.Sprintf("%q is an audience, but the key is sub", v.Text), "no token has it as its subject", "write "+prefix()+"aud", x.swap(policy.IsSTSAudience))
	}
}

// swap exchanges an issuer's aud and sub keys where only one is there, or both; nil
// where a value of the key at hand is right as it stands.
func (x *site) swap(wrong func(string) bool) func(*tree.Node) {
	prefix := x.condition.prefix()
	if slices.ContainsFunc(x.condition.value.List(), func(v *tree.Node) bool { return !wrong(v.Text) }) || x.condition.passesAbsent() {
		return nil
	}
	return func(s *tree.Node) {
		for _, o := range s.Get("Condition").Members {
			for k := range o.Value.Members {
				switch m := &o.Value.Members[k]; {
				case strings.EqualFold(m.Name, prefix+"aud") && anyLooksLikeSubject(m.Value):
					m.Name = prefix + "sub"
				case strings.EqualFold(m.Name, prefix+"sub") && !anyLooksLikeSubject(m.Value):
					m.Name = prefix + "aud"
				}
			}
			o.Value.DropDuplicates()
		}
	}
}

func anyLooksLikeSubject(n *tree.Node) bool {
	for _, v := range n.List() {
		if policy.LooksLikeSubject(v.Text) {
			return true
		}
	}
	return false
}

// isClientID says whether the value at hand is an audience that the provider takes,
// however odd.
func (x *site) isClientID() bool {
	p, _ := x.registered(strings.TrimSuffix(x.condition.prefix(), ":"), equal)
	return slices.Contains(p.ClientIDs, x.value.Text)
}

func stsAmazonCom(x *site) {
	lower := strings.ToLower(x.value.Text)
	if (x.ofClaim("aud") || x.ofClaim("sub") || x.ofClaim("oaud")) && strings.Contains(lower, aws.SlipAudience) && !x.condition.op.Negated && !x.isClientID() {
		right := strings.Replace(lower, aws.SlipAudience, aws.DefaultAudience, 1)
		x.report(x.value.Start, "the audience is sts.amazonaws.com, not sts.amazon.com", "tokens for AWS are made for sts.amazonaws.com", "write "+right, x.valued(right))
	}
}

func valueCase(x *site) {
	c, v := x.condition, x.value
	lower := strings.ToLower(v.Text)
	if lower == v.Text || unexpanded(v.Text) != "" || c.op.Comparison == "StringEqualsIgnoreCase" {
		return
	}
	switch {
	case x.ofClaim("aud") && policy.IsSTSAudience(lower) && !x.isClientID():
		x.report(v.Start, fmt.Sprintf("%q is written %s", v.Text, lower), c.operator+" tells upper from lower case", "write "+lower, x.valued(lower))
	case x.ofClaim("sub") && strings.HasPrefix(lower, serviceAccount) && !policy.HasVariable(v.Text) && possible(lower, aws.EKS, c.wild()) && !templateWords.MatchString(v.Text):
		x.report(v.Start, fmt.Sprintf("%q has upper-case letters", v.Text), "names in Kubernetes are lower-case and the comparison is not blind to case", "write "+lower, x.valued(lower))
	}
}

func audienceSlash(x *site) {
	v := x.value
	right := strings.TrimRight(strings.TrimPrefix(v.Text, "https://"), "/")
	if x.ofClaim("aud") && policy.IsSTSAudience(right) && !policy.IsSTSAudience(v.Text) && !x.isClientID() {
		x.report(v.Start, fmt.Sprintf("the audience %q is written %s", v.Text, right), "audiences are compared letter by letter", "write "+right, x.valued(right))
	}
}

// impossible finds subjects that no token can have.
func impossible(x *site) {
	c, v := x.condition, x.value
	if !x.ofClaim("sub") || c.op.Negated || strings.Contains(strings.ToLower(v.Text), aws.SlipAudience) || policy.IsSTSAudience(v.Text) {
		return
	}
	kind := x.issuerKind()
	fault := subjectFault(v.Text, kind, c.wild())
	if fault.why == "" {
		return
	}
	if fault.right == "" {
		x.report(v.Start, fmt.Sprintf("%q: %s", v.Text, fault.why), "no token has such a subject", fault.write, nil)
		return
	}
	if kind == "" { // such an issuer's subjects may be anything
		x.report(v.Start, fmt.Sprintf("%q: %s", v.Text, fault.why), "no service account has such a subject", "write "+fault.right, nil)
		return
	}
	x.report(v.Start, fmt.Sprintf("%q: %s", v.Text, fault.why), "no token has such a subject", "write "+fault.right, x.valued(fault.right))
}

// openSubject says whether a pattern is met by every subject of an issuer.
func openSubject(pattern string) bool {
	return strings.Trim(pattern, "*?:") == "" || policy.Like(pattern, serviceAccount+"a-namespace:a-name") && policy.Like(pattern, serviceAccount+"z:z")
}

// sharedIssuer finds issuers of everybody without the condition that IAM demands.
func sharedIssuer(x *site) {
	p := x.provider
	name := aws.IssuerName(p.Text)
	control, controlled := policy.IssuerControlOf(p.Text)
	if !controlled || control.MetBy(x.s.Get("Condition")) {
		return
	}
	required := control.Keys[0]
	edit := added("StringEquals", required, placeholder(name, required))
	if x.tested(required) {
		edit = nil // there is a condition, but none that IAM takes
	}
	x.report(p.Start, fmt.Sprintf("%s issues tokens for all of its customers, and no condition limits %s", name, strings.Join(control.Keys, " or ")),
		"IAM refuses the document, and anyone who has an account there could assume the role", "add a condition on "+required, edit)
}

func (x *site) tested(key string) bool {
	for _, c := range x.conditions {
		if strings.EqualFold(c.key, key) {
			return true
		}
	}
	return false
}

// subjectOf is the key of the subjects of the issuer at hand; false where its tokens
// are kept apart by another key, or are of those that never get in.
func (x *site) subjectOf() (key string, ok bool) {
	name := aws.IssuerName(x.provider.Text)
	control, controlled := policy.IssuerControlOf(x.provider.Text)
	if controlled && !control.MetBy(x.s.Get("Condition")) || aws.IssuerOf(name).BuiltIn || x.keptOut(name) != "" {
		return "", false
	}
	if controlled && !strings.HasSuffix(control.Keys[0], ":sub") {
		return "", false
	}
	return name + ":sub", true
}

func openSubjects(x *site) {
	key, ok := x.subjectOf()
	if !ok {
		return
	}
	for i := range x.conditions {
		c := &x.conditions[i]
		if !c.limits(key) || !c.wild() {
			continue
		}
		for _, v := range c.value.List() {
			if openSubject(v.Text) {
				at := *x
				at.condition, at.value = c, v
				x.report(v.Start, fmt.Sprintf("%q is met by every subject", v.Text), "every identity of the issuer may assume the role",
					"name the namespace and the service account, or at least the namespace", at.valued(placeholder(aws.IssuerName(x.provider.Text), key)))
			}
		}
	}
}

func noSubject(x *site) {
	key, ok := x.subjectOf()
	if !ok || x.meant[strings.ToLower(key)] {
		return
	}
	control, controlled := policy.IssuerControlOf(x.provider.Text)
	for _, c := range x.conditions {
		unknown := !c.known && strings.EqualFold(c.key, key) // an operator of which nobody knows what is meant
		if c.limits(key) || unknown || controlled && c.known && containsFold(control.Keys, c.key) {
			return
		}
	}
	x.report(x.s.Start, "no condition limits "+key,
		"every identity of the issuer may assume the role: in a cluster, every service account of every namespace",
		"add a condition on the subject", added("StringEquals", key, placeholder(aws.IssuerName(x.provider.Text), key)))
}

func containsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}

// noAudience finds issuers of which any audience will do. What to write is certain
// where the provider has one client id, or where all tokens for AWS have the same
// audience; of others it is what provider and token agree on, and a wrong one makes a
// working role stop working (openshift-docs#51026, circleci-docs#10653, terrakube#837).
func noAudience(x *site) {
	name := aws.IssuerName(x.provider.Text)
	key := name + ":aud"
	if aws.IssuerOf(name).BuiltIn || x.meant[strings.ToLower(key)] || x.keptOut(name) != "" {
		return
	}
	for _, c := range x.conditions {
		if strings.EqualFold(c.key, key) && (!c.known || !c.op.Negated) {
			return
		}
	}
	const why = "any audience that the provider lists is accepted, so a token made for another purpose may do"
	message := "no condition tests " + key
	issuer := aws.IssuerOf(x.provider.Text)
	registered, _ := x.registered(name, equal)
	switch ids := registered.ClientIDs; {
	case len(ids) == 1:
		x.report(x.s.Start, message, why, `add "StringEquals": {"`+key+`": "`+ids[0]+`"}: it is the provider's only client id`, added("StringEquals", key, ids[0]))
	case len(ids) > 1:
		x.report(x.s.Start, message, why, "add a condition on "+key+" with the audience of your tokens; the provider's client ids are "+strings.Join(ids, ", "), added("StringEquals", key, "YOUR-AUDIENCE"))
	case issuer.Kind == aws.EKS || issuer.Kind == aws.GitHub:
		x.report(x.s.Start, message, why, `add "StringEquals": {"`+key+`": "`+issuer.Audience+`"}`, added("StringEquals", key, issuer.Audience))
	default:
		fix := "add a condition on " + key + " with the audience of your tokens, which is among the provider's client ids"
		if issuer.Audience != "" {
			fix += "; by default it is " + issuer.Audience
		}
		x.report(x.s.Start, message, why, fix, added("StringEquals", key, "YOUR-AUDIENCE"))
	}
}
