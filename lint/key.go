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

func (c *condition) multivalued() bool { return aws.MultivaluedKey(c.key) }

// ofIssuer takes a key of an issuer apart; false for keys of AWS, and where no
// issuer is trusted that it could be of.
func (x *site) ofIssuer() (prefix, claim string, ok bool) {
	prefix, claim, ok = policy.CutClaim(aws.IssuerName(x.condition.key))
	return prefix, claim, ok && len(x.trust.providers) > 0
}

// trusts is the name of the trusted issuer that is like a key's, "" when there is none.
func (x *site) trusts(prefix string, like func(a, b string) bool) string {
	for _, p := range x.trust.providers {
		if name := aws.IssuerName(p.Text); like(name, prefix) {
			return name
		}
	}
	return ""
}

func neverWhy(c *condition) string {
	if c.passesAbsent() {
		return "the key is never in a request, and " + c.operator + " is true of an absent key: the condition lets everyone pass"
	}
	return "the key is never in a request: the statement can never apply"
}

// keyScheme finds keys that begin with https:// or with the provider's ARN
// (aws/karpenter-provider-aws#1666).
func keyScheme(x *site) {
	prefix, claim, ok := x.ofIssuer()
	name := x.trusts(prefix, strings.EqualFold)
	if !ok || name == "" || aws.IssuerName(x.condition.key) == x.condition.key {
		return
	}
	begins := "https://"
	if isProvider(x.condition.key) {
		begins = "the provider's ARN"
	}
	x.report(x.condition.start, "the key begins with "+begins, neverWhy(x.condition), "write "+name+":"+claim, x.renamed(name+":"+claim))
}

// issuerClaim finds keys of the trusted issuer that it does not have.
func issuerClaim(x *site) {
	prefix, claim, ok := x.ofIssuer()
	name := x.trusts(prefix, strings.EqualFold)
	c := x.condition
	if !ok || name == "" || aws.IssuerName(c.key) != c.key || aws.IssuerOf(name).HasKey(claim) || strings.EqualFold(claim, "iss") && c.passesAbsent() {
		return
	}
	known := aws.IssuerOf(name).KeyNames()
	message := fmt.Sprintf("STS never sets %s; of this issuer it sets %s", c.key, strings.Join(known, ", "))
	if strings.EqualFold(claim, "iss") {
		edit := x.dropped()
		if !slices.ContainsFunc(x.conditions, func(o condition) bool { return o.limits(name + ":sub") }) {
			edit = nil // nothing would limit who comes
		}
		x.report(c.start, message, neverWhy(c), "remove it: the Federated principal already says which issuer", edit)
		return
	}
	best, distance := "", 3
	for _, k := range known {
		if d := spelling.Distance(k, strings.ToLower(claim)); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	if best == "" {
		x.report(c.start, message, neverWhy(c), "test sub, which holds what tells identities apart", nil)
		return
	}
	x.report(c.start, message, neverWhy(c), "write "+name+":"+best, x.renamed(name+":"+best))
}

// idleIssuer finds a condition on iss that is true of every token: Terraform's module
// for GitHub writes it, and it does no harm beside a condition on sub.
func idleIssuer(x *site) {
	prefix, claim, ok := x.ofIssuer()
	c := x.condition
	if ok && strings.EqualFold(claim, "iss") && c.passesAbsent() && x.trusts(prefix, strings.EqualFold) != "" && aws.IssuerName(c.key) == c.key {
		x.report(c.start, "STS makes no condition key of iss", c.operator+" is true of an absent key: the condition changes nothing",
			"remove it: the Federated principal already says which issuer", x.dropped())
	}
}

func keySlash(x *site) {
	prefix, claim, ok := x.ofIssuer()
	if !ok || x.trusts(prefix, strings.EqualFold) != "" {
		return
	}
	if _, right := x.registered(prefix, equal); right { // the principal is wrong
		x.meant[strings.ToLower(x.trusts(prefix, equalButSlash)+":"+claim)] = true
		return
	}
	name := x.trusts(prefix, func(a, b string) bool { return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/")) })
	switch {
	case name == "":
	case name == prefix+"/" && aws.IssuerOf(prefix).Kind == aws.EKS && len(x.trust.providers) == 1 && x.agreed(prefix): // EKS's issuers end with their id
		x.meant[strings.ToLower(name+":"+claim)] = true
		x.providerSlash(x.trust.providers[0])
	default:
		x.report(x.condition.start, fmt.Sprintf("the key's issuer %s and the trusted one, %s, differ in a trailing slash", prefix, name),
			neverWhy(x.condition), "write "+name+":"+claim, x.renamed(name+":"+claim))
	}
}

// providerSlash reports a provider whose ARN has a slash too many, once for all keys.
func (x *site) providerSlash(provider *tree.Node) {
	old := provider.Text
	if x.meant[old] {
		return
	}
	x.meant[old] = true
	right, edit := strings.TrimSuffix(old, "/"), (func(*tree.Node))(nil)
	if !x.condition.passesAbsent() {
		edit = provided(old, right)
	}
	x.report(provider.Start, "the provider's ARN ends with a slash, and issuers of EKS do not", "no provider of EKS has that name: this statement trusts nobody", "write "+right, edit)
}

// otherIssuer finds keys of another issuer than the trusted one. Which of them is
// right: the one that the account has a provider for, else the one that is known as
// an issuer (amazon-eks-pod-identity-webhook#30), else the trusted one.
func otherIssuer(x *site) {
	prefix, claim, ok := x.ofIssuer()
	if !ok || x.trusts(prefix, strings.EqualFold) != "" || x.trusts(prefix, equalButSlash) != "" {
		return
	}
	c := x.condition
	near := aws.IssuerName(x.trust.providers[0].Text)
	fix, edit := "write "+near+":"+claim, x.renamed(near+":"+claim)
	if x.believesKey(prefix, near) {
		old := x.trust.providers[0].Text
		right := strings.TrimSuffix(old, near) + prefix
		fix, edit = "trust "+right, provided(old, right)
		if c.passesAbsent() {
			edit = nil // tokens of the trusted issuer come in now
		}
	} else if len(x.trust.providers) > 1 {
		edit = nil // which of them is meant is not certain
	}
	x.report(c.start, fmt.Sprintf("the key is of the issuer %s, but the statement trusts %s", prefix, near),
		neverWhy(c)+"; "+policy.FirstDifference(prefix, near), fix, edit)
}

// believesKey says that the keys are right and the principal is wrong.
func (x *site) believesKey(prefix, near string) bool {
	if len(x.trust.providers) != 1 || !x.agreed(prefix) {
		return false
	}
	_, hasKey := x.registered(prefix, equal)
	_, hasTrusted := x.registered(near, equal)
	switch {
	case hasKey != hasTrusted:
		return hasKey
	case aws.IssuerOf(near).Kind == "":
		return aws.IssuerOf(prefix).Kind != ""
	}
	return false
}

// agreed says whether all of the statement's keys of issuers are of that one.
func (x *site) agreed(prefix string) bool {
	return !slices.ContainsFunc(x.conditions, func(c condition) bool {
		other, _, ok := policy.CutClaim(aws.IssuerName(c.key))
		return ok && !strings.EqualFold(other, prefix)
	})
}

func multivalued(x *site) {
	c := x.condition
	if c.multivalued() && c.op.Qualifier == policy.Unqualified && c.op.Comparison != "Null" {
		edit := x.moved("ForAnyValue:" + c.operator)
		if c.passesAbsent() {
			edit = nil // ForAnyValue is not true of an absent key
		}
		x.report(c.start, fmt.Sprintf("%s can have several values, and %s has no set qualifier", c.key, c.operator),
			"without ForAnyValue or ForAllValues it never matches while the key is present", "write ForAnyValue:"+c.operator, edit)
	}
}

// allValues warns of ForAllValues on a key that may be absent. On the tag keys
// of a call it is the right operator: a call without tags is to pass.
func allValues(x *site) {
	c := x.condition
	if key := strings.ToLower(c.key); c.op.Qualifier != policy.ForAllValues || key == "aws:tagkeys" || key == "sts:transitivetagkeys" {
		return
	}
	for _, other := range x.conditions {
		if other.known && other.op.Comparison == "Null" && strings.EqualFold(other.key, c.key) {
			return
		}
	}
	fix, edit := `add "Null": {"`+c.key+`": "false"}`, added("Null", c.key, "false")
	if !c.multivalued() {
		plain := strings.TrimPrefix(c.operator, "ForAllValues:")
		fix, edit = "write "+plain, x.moved(plain)
	}
	x.report(c.opStart, fmt.Sprintf("%s on %s", c.operator, c.key),
		"ForAllValues is true when the key is absent: a token without the claim passes", fix, edit)
}

func noValues(x *site) {
	c := x.condition
	if !c.op.Negated && len(c.value.List()) == 0 && c.op.Comparison != "Null" {
		x.report(c.start, c.key+" has no values", "an empty value list never matches, so the statement can never apply", "name a value or remove the key", nil)
	}
}

// movable says whether a condition can be written under another operator, which has
// no condition on its key yet.
func (x *site) movable(operator string) bool {
	c := x.condition
	other := x.s.Get("Condition").Get(operator)
	return other == nil || !slices.ContainsFunc(other.Members, func(m tree.Member) bool { return strings.EqualFold(m.Name, c.key) })
}
