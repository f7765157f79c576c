package lint

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// What a statement says, read off its tree.

func equalFold(n *tree.Node, text string) bool {
	return n != nil && n.Kind == tree.String && strings.EqualFold(n.Text, text)
}

// trusted is what a statement's Principal says.
type trusted struct {
	providers []*tree.Node // OIDC provider ARNs and the web identity hosts
	services  []*tree.Node
	saml      bool
	aws       bool
	anyone    *tree.Node
}

func trustedBy(s *tree.Node) trusted {
	var t trusted
	p := s.Get("Principal")
	if p == nil {
		return t
	}
	if p.Kind == tree.String && p.Text == "*" {
		t.aws, t.anyone = true, p
		return t
	}
	for _, n := range p.Get("Federated").List() {
		switch {
		case n.Kind != tree.String:
		case strings.Contains(n.Text, ":saml-provider/"):
			t.saml = true
		default:
			t.providers = append(t.providers, n)
		}
	}
	for _, n := range p.Get("AWS").List() {
		t.aws = true
		if n.Text == "*" {
			t.anyone = n
		}
	}
	t.services = p.Get("Service").List()
	return t
}

func (t trusted) service() bool { return len(t.services) > 0 }

// namingHosts leaves out principals that are an ARN in place of an issuer, a
// template's placeholder, or nothing.
func namingHosts(providers []*tree.Node) []*tree.Node {
	return slices.DeleteFunc(slices.Clone(providers), func(p *tree.Node) bool {
		host, _, _ := strings.Cut(aws.IssuerName(p.Text), "/")
		if unexpanded(p.Text) != "" {
			return true
		}
		if isProvider(p.Text) {
			return host == "" || strings.HasPrefix(host, "arn:")
		}
		return strings.HasPrefix(p.Text, "arn:") || !strings.Contains(host, ".")
	})
}

// allows says whether the statement's actions cover one.
func allows(s *tree.Node, action string) bool {
	match := func(n *tree.Node) bool {
		return slices.ContainsFunc(n.List(), func(a *tree.Node) bool { return policy.Like(strings.ToLower(a.Text), strings.ToLower(action)) })
	}
	if n := s.Get("NotAction"); n != nil {
		return !match(n)
	}
	return match(s.Get("Action"))
}

// condition is one key of one operator in the tree.
type condition struct {
	operator string
	op       policy.Operator
	known    bool
	misspelt bool // op is what was probably meant: IAM refuses the document
	key      string
	start    int // of the key
	opStart  int
	value    *tree.Node
}

func conditionsOf(s *tree.Node) []condition { return conditionsWith(s, policy.NearestOperator) }

// writtenConditions is conditionsOf without a guess at what misspelt operators mean.
func writtenConditions(s *tree.Node) []condition {
	return conditionsWith(s, func(string) string { return "" })
}

func conditionsWith(s *tree.Node, near func(string) string) []condition {
	c := s.Get("Condition")
	if c == nil {
		return nil
	}
	var out []condition
	for _, o := range c.Members {
		op, known := policy.ParseOperator(o.Name)
		misspelt := !known
		if misspelt { // IAM refuses it, but what is meant may be clear
			op, known = policy.ParseOperator(near(o.Name))
		}
		for _, k := range o.Value.Members {
			out = append(out, condition{o.Name, op, known, misspelt, k.Name, k.NameStart, o.NameStart, k.Value})
		}
	}
	return out
}

// claim is the key's claim in lower case; "" for keys of AWS.
func (c *condition) claim() string {
	_, claim, ok := policy.CutClaim(c.key)
	if !ok {
		return ""
	}
	return strings.ToLower(claim)
}

// prefix is what the key has before its claim, with the colon.
func (c *condition) prefix() string { return c.key[:len(c.key)-len(c.claim())] }

// wild says whether * and ? are wildcards in the condition's values.
func (c *condition) wild() bool { return c.op.Comparison == "StringLike" }

// passesAbsent says whether the condition is true of a key that no request has.
func (c *condition) passesAbsent() bool {
	return c.op.Qualifier != policy.ForAnyValue && (c.op.Negated || c.op.IfExists) || c.op.Qualifier == policy.ForAllValues
}

// limits says whether the condition names values of a key that must be there or pass.
func (c *condition) limits(key string) bool {
	return c.known && strings.EqualFold(c.key, key) && !c.op.Negated && c.op.OfText()
}

// issuerKind is the kind of the issuer of the condition's key.
func (x *site) issuerKind() aws.IssuerKind {
	return aws.IssuerOf(strings.TrimSuffix(x.condition.prefix(), ":")).Kind
}
