package lint

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

func isProvider(arn string) bool {
	_, is := aws.OIDCProvider(arn)
	return is
}

func providerScheme(x *site) {
	p := x.provider
	if right, had := aws.WithoutScheme(p.Text); had {
		x.report(p.Start, "the provider's ARN holds https://", "IAM refuses it: "+policy.TextFederated, "write "+right, provided(p.Text, right))
	}
}

func providerFormat(x *site) {
	p := x.provider
	if i := strings.LastIndex(p.Text, "arn:"); i > 0 && isProvider(p.Text[i:]) {
		x.report(p.Start, "the provider's ARN holds another ARN", "no provider has that name: this statement trusts nobody",
			"write the inner one: "+p.Text[i:], provided(p.Text, p.Text[i:]))
	}
}

func providerAccount(x *site) {
	p := x.provider
	parts, ok := aws.SplitARN(p.Text)
	if !ok || x.options.Account == "" || parts[4] == x.options.Account {
		return
	}
	parts[4] = x.options.Account
	right := strings.Join(parts[:], ":")
	x.report(p.Start, fmt.Sprintf("the provider is of another account than the role, %s", x.options.Account),
		"STS looks for the token's issuer in the role's own account only", "write "+right, provided(p.Text, right))
}

// providerPartition finds providers of another partition than the role's, which IAM
// stores all the same (eksctl-io/eksctl#1871).
func providerPartition(x *site) {
	p, own := x.provider, x.options.Partition
	parts, ok := aws.SplitARN(p.Text)
	if _, known := aws.PartitionByID(parts[1]); !ok || own == "" || !known || parts[1] == own {
		return
	}
	parts[1] = own
	right := strings.Join(parts[:], ":")
	x.report(p.Start, fmt.Sprintf("the provider is of the partition %s, and the role of %s", aws.PartitionIn(p.Text), own),
		"no partition has another's providers: this statement trusts nobody", "write "+right, provided(p.Text, right))
}

// registered finds the account's provider of that name, or of one that differs as
// like says.
func (l *linter) registered(name string, like func(a, b string) bool) (Provider, bool) {
	for _, p := range l.options.Providers {
		if like(aws.IssuerName(p.Issuer), name) {
			return p, true
		}
	}
	return Provider{}, false
}

func equal(a, b string) bool { return a == b }

func equalButSlash(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

// unregistered says whether the provider is none of the account's, all of which are known.
func (x *site) unregistered() (name string, is bool) {
	if _, ok := aws.SplitARN(x.provider.Text); !ok || !x.options.AllProviders || !isProvider(x.provider.Text) {
		return "", false
	}
	name = aws.IssuerName(x.provider.Text)
	_, has := x.registered(name, equal)
	return name, !has
}

func providerCase(x *site) {
	if name, is := x.unregistered(); is {
		x.nearProvider(name, strings.EqualFold, "provider ARNs are case-sensitive: this statement trusts nobody")
	}
}

func providerSlash(x *site) {
	if name, is := x.unregistered(); is {
		x.nearProvider(name, equalButSlash, "a trailing slash makes another provider: this statement trusts nobody")
	}
}

func (x *site) nearProvider(name string, like func(a, b string) bool, why string) {
	if p, ok := x.registered(name, like); ok {
		right := strings.TrimSuffix(x.provider.Text, name) + aws.IssuerName(p.Issuer)
		x.report(x.provider.Start, "the account's provider is "+aws.IssuerName(p.Issuer), why, "write "+right, provided(x.provider.Text, right))
	}
}

func unknownProvider(x *site) {
	name, is := x.unregistered()
	if !is {
		return
	}
	var others []string
	for _, p := range x.options.Providers {
		others = append(others, p.Issuer)
	}
	fix := "make the provider"
	if len(others) > 0 {
		fix += ", or name one of: " + strings.Join(others, ", ")
	}
	x.report(x.provider.Start, "the account has no provider "+name, "every token is refused until one is made", fix, nil)
}

// twoProviders finds statements in which the keys of one issuer keep out the tokens
// of another.
func twoProviders(x *site) {
	if len(x.trust.providers) < 2 || !x.allow() {
		return
	}
	var out, in []string
	for _, p := range x.trust.providers {
		name := aws.IssuerName(p.Text)
		if other := x.keptOut(name); other != "" {
			out = append(out, name)
		} else {
			in = append(in, name)
		}
	}
	if len(out) == 0 {
		return
	}
	why := "a token brings the keys of its own issuer only: nobody gets in"
	if len(in) > 0 {
		why = "a token brings the keys of its own issuer only: tokens of " + strings.Join(out, ", ") + " never get in"
	}
	x.report(x.s.Get("Principal").Start, fmt.Sprintf("the statement trusts %d issuers and tests keys of one that the tokens of another do not have", len(x.trust.providers)),
		why, "write a statement for each issuer, with the conditions on its own keys", nil)
	if split := x.split(); split != nil {
		index := x.index
		f := &x.findings[len(x.findings)-1]
		root := x.root.Clone()
		statements := root.Get("Statement")
		if statements.Kind == tree.Object {
			*statements = tree.Node{Kind: tree.Array, Items: split}
		} else {
			statements.Items = append(statements.Items[:index:index], append(split, statements.Items[index+1:]...)...)
		}
		f.Fixed = x.rewritten(root)
	}
}

// keptOut is a key of another issuer that tokens of name would need; "" when they
// may come in.
func (x *site) keptOut(name string) string {
	for _, c := range x.conditions {
		prefix, _, ok := policy.CutClaim(c.key)
		if !ok || !c.known || c.misspelt || c.passesAbsent() || c.op.Comparison == "Null" || strings.EqualFold(prefix, name) {
			continue
		}
		for _, p := range x.trust.providers {
			if strings.EqualFold(aws.IssuerName(p.Text), prefix) {
				return c.key
			}
		}
	}
	return ""
}

// split is the statement once for each issuer, with its own conditions; nil unless
// each of them limits the subject then.
func (x *site) split() []*tree.Node {
	if x.trust.saml || x.trust.aws || x.trust.service() {
		return nil
	}
	var out []*tree.Node
	for n, p := range x.trust.providers {
		name := aws.IssuerName(p.Text)
		s := x.s.Clone()
		s.Get("Principal").Set("Federated", tree.StringNode(p.Text))
		if sid := s.Get("Sid"); sid != nil && n > 0 {
			sid.Text += fmt.Sprint(n + 1)
		}
		limited := false
		for _, c := range x.conditions {
			prefix, claim, ok := policy.CutClaim(c.key)
			switch {
			case ok && !strings.EqualFold(prefix, name):
				dropCondition(s, c.operator, c.key)
			case ok && strings.EqualFold(claim, "sub") && c.limits(c.key):
				limited = true
			}
		}
		if !limited {
			return nil
		}
		out = append(out, s)
	}
	return out
}
