package main

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// generator makes pairs that are likely to match here and there: its words are
// few, and most values of a policy are made from those of the request.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

const (
	home     = "111122223333"
	other    = "222233334444"
	provider = "arn:aws:iam::" + home + ":oidc-provider/issuer.example.com"
	roleARN  = "arn:aws:iam::" + home + ":role/app/api"
)

var users = []string{"arn:aws:iam::" + home + ":user/alice", "arn:aws:iam::" + other + ":user/bob"}
var sessions = [][2]string{
	{"arn:aws:sts::" + home + ":assumed-role/api/pod", "arn:aws:iam::" + home + ":role/api"},
	{"arn:aws:sts::" + other + ":assumed-role/api/pod", "arn:aws:iam::" + other + ":role/api"},
}

// keyKinds are the types of values in a fixed order, so that a seed is all that
// a run depends on.
var keyKinds = []string{"string", "multi", "number", "date", "bool", "ip", "arn", "binary"}

// keys of a request by the type of their values.
var keys = map[string][]string{
	"string": {"aws:username", "aws:PrincipalTag/team", "issuer.example.com:sub", "s3:prefix", "sts:RoleSessionName"},
	"multi":  {"aws:TagKeys", "issuer.example.com:amr", "aws:PrincipalOrgPaths"},
	"number": {"s3:max-keys", "aws:MultiFactorAuthAge"},
	"date":   {"aws:CurrentTime", "aws:TokenIssueTime"},
	"bool":   {"aws:SecureTransport", "aws:ViaAWSService"},
	"ip":     {"aws:SourceIp"},
	"arn":    {"aws:SourceArn", "aws:PrincipalArn"},
	"binary": {"test:blob"},
}

var kinds = []string{"string", "string", "multi", "number", "date", "bool", "ip", "arn", "binary"}

// value is a request's value of a kind.
func (g generator) value(kind string) string {
	switch kind {
	case "number":
		return pick(g, "0", "1", "5", "05", "10", "-1", "1.5", "1.50", "+5", "x", "9007199254740993", "1e1")
	case "date":
		return pick(g, "2026-01-01T00:00:00Z", "2026-01-01", "2026-06-01T12:00:00Z", "2026-06-01T14:00:00+02:00", "1767225600", "2025-12-31T23:59:59Z", "soon")
	case "bool":
		return pick(g, "true", "false", "True", "maybe")
	case "ip":
		return pick(g, "10.0.0.1", "10.0.1.1", "192.0.2.7", "2001:db8::1", "not-an-ip")
	case "arn":
		return pick(g, "arn:aws:s3:::bucket", "arn:aws:iam::"+home+":role/api", "arn:aws:iam::"+home+":role/app/api", "arn:aws:lambda:us-west-2:"+home+":function:f:1", "plain")
	case "binary":
		return base64.StdEncoding.EncodeToString([]byte(pick(g, "a", "ab", "abc")))
	}
	return pick(g, "alice", "Alice", "bob", "payments", "a*b", "a?", "", "team/x", "$", "ab", "system:serviceaccount:payments:api")
}

// wanted is a policy's value for a kind, often with a wildcard or a variable.
func (g generator) wanted(kind, operator string) string {
	v := g.value(kind)
	switch {
	case kind == "ip" && g.chance(60):
		return pick(g, "10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0", "10.0.0.1")
	case strings.Contains(operator, "String") || strings.Contains(operator, "Arn"):
		if g.chance(30) {
			v = g.wild(v)
		}
		if g.chance(12) {
			v = pick(g, "${aws:username}", "${aws:PrincipalTag/team}", "x${aws:username}", "${*}", "a${?}", "${$}", "${aws:PrincipalTag/none}",
				"${aws:PrincipalTag/none, 'alice'}", "${AWS:USERNAME}", "${aws:username}*", "${aws:TagKeys}")
		}
	}
	return v
}

// wild puts a wildcard into a text.
func (g generator) wild(s string) string {
	if s == "" {
		return pick(g, "*", "?")
	}
	i := g.IntN(len(s) + 1)
	switch g.IntN(3) {
	case 0:
		return s[:i] + "*"
	case 1:
		return s[:i] + "*" + s[min(i+1, len(s)):]
	}
	return s[:i] + "?" + s[min(i+1, len(s)):]
}

var operators = map[string][]string{
	"string": {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"},
	"number": {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
	"date":   {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	"bool":   {"Bool"},
	"ip":     {"IpAddress", "NotIpAddress"},
	"arn":    {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
	"binary": {"BinaryEquals"},
}

func (g generator) conditions() map[string]map[string][]string {
	if g.chance(25) {
		return nil
	}
	out := map[string]map[string][]string{}
	for range 1 + g.IntN(2) {
		kind := pick(g, kinds...)
		key := pick(g, keys[kind]...)
		if g.chance(5) {
			out["Null"] = map[string][]string{key: {pick(g, "true", "false")}}
			continue
		}
		family := kind
		if kind == "multi" {
			family = "string"
		}
		if g.chance(10) {
			family = pick(g, "string", "number", "date", "bool", "ip", "arn", "binary")
		}
		name := pick(g, operators[family]...)
		wanted := []string{g.wanted(kind, name)}
		for range g.IntN(3) {
			wanted = append(wanted, g.wanted(kind, name))
		}
		if kind == "multi" && g.chance(85) || g.chance(10) {
			name = pick(g, "ForAllValues:", "ForAnyValue:") + name
		}
		if g.chance(25) {
			name += "IfExists"
		}
		if out[name] == nil {
			out[name] = map[string][]string{}
		}
		out[name][g.cased(key)] = wanted
	}
	return out
}

// cased writes a key in another case now and then.
func (g generator) cased(key string) string {
	if g.chance(10) {
		return strings.ToUpper(key)
	}
	return key
}

func (g generator) context() map[string]values {
	out := map[string]values{}
	for _, kind := range keyKinds {
		for _, name := range keys[kind] {
			switch {
			case g.chance(25):
			case kind == "multi":
				list := []string{}
				for range g.IntN(4) {
					list = append(list, g.value("string"))
				}
				out[name] = values{list, true}
			default:
				out[name] = values{[]string{g.value(kind)}, false}
			}
		}
	}
	return out
}

// statement is one of a policy of that kind: identity, resource or trust.
func (g generator) statement(kind string, p *pair) statement {
	s := statement{Effect: pick(g, "Allow", "Allow", "Allow", "Deny"), Condition: g.conditions()}
	service, name, _ := strings.Cut(p.Action, ":")
	actions := []string{pick(g, p.Action, p.Action, strings.ToUpper(p.Action), service+":*", service+":"+g.wild(name), "s3:ListBucket", "iam:GetRole", "*")}
	if g.chance(25) {
		actions = append(actions, "ec2:DescribeInstances")
	}
	if g.chance(12) {
		s.NotAction = actions
	} else {
		s.Action = actions
	}
	if kind != "trust" {
		resources := []string{pick(g, p.Resource, p.Resource, "*", g.wild(p.Resource), strings.TrimSuffix(p.Resource, "key")+"*", "arn:aws:s3:::bucket/${aws:username}",
			"arn:aws:s3:::bucket/${aws:PrincipalTag/none, 'key'}", "arn:aws:s3:::${s3:prefix}/key", "arn:aws:s3:::bucket/k${*}", "arn:aws:*:*:*:bucket/key", "arn:aws:s3:::*/*", strings.ToUpper(p.Resource))}
		if g.chance(20) {
			resources = append(resources, "arn:aws:s3:::other/*")
		}
		if g.chance(12) {
			s.NotResource = resources
		} else {
			s.Resource = resources
		}
	}
	if kind != "identity" {
		who := g.principals(p)
		if kind == "resource" && s.Effect == "Deny" && g.chance(25) {
			s.NotPrincipal = who
		} else {
			s.Principal = who
		}
	}
	return s
}

func (g generator) principals(p *pair) principals {
	if g.chance(15) {
		return principals{"*": nil}
	}
	if p.Trust != nil || p.Principal.Federated != "" || p.Principal.Service != "" {
		switch g.IntN(4) {
		case 0:
			return principals{"Federated": {pick(g, provider, "arn:aws:iam::"+home+":oidc-provider/other.example.com")}}
		case 1:
			return principals{"Service": {pick(g, "ec2.amazonaws.com", "pods.eks.amazonaws.com")}}
		case 2:
			return principals{"Federated": {provider}, "AWS": {home}}
		}
	}
	list := []string{}
	for range 1 + g.IntN(2) {
		list = append(list, pick(g, "*", home, other, "arn:aws:iam::"+home+":root", "arn:aws:iam::"+other+":root", users[0], users[1],
			sessions[0][0], sessions[0][1], sessions[1][1], "arn:aws:iam::"+home+":role/app/api"))
	}
	return principals{"AWS": list}
}

func (g generator) document(kind string, p *pair) document {
	d := document{Version: pick(g, "2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", "")}
	for range 1 + g.IntN(3) {
		d.Statement = append(d.Statement, g.statement(kind, p))
	}
	return d
}

func (g generator) pair() *pair {
	p := &pair{Action: "s3:GetObject", Resource: pick(g, "arn:aws:s3:::bucket/key", "arn:aws:s3:::bucket/alice", "arn:aws:s3:::bucket/a/b"), ResourceAccount: pick(g, home, home, other), Context: g.context()}
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		p.Principal.User = pick(g, users...)
	case 4, 5, 6:
		s := pick(g, sessions...)
		p.Principal.Session, p.Principal.Role = s[0], s[1]
	case 7:
		p.Principal.Anonymous = true
	case 8:
		p.Principal.Service = "ec2.amazonaws.com"
	case 9:
		p.Principal.Federated = provider
	}
	authenticated := p.Principal.User+p.Principal.Session != ""
	if p.Principal.Federated != "" || g.chance(15) && !p.Principal.Anonymous {
		p.Action, p.Resource, p.ResourceAccount = "sts:AssumeRole", roleARN, home
		if p.Principal.Federated != "" {
			p.Action = "sts:AssumeRoleWithWebIdentity"
		}
		p.Trust = &document{}
		*p.Trust = g.document("trust", p)
	} else if !authenticated || g.chance(50) {
		d := g.document("resource", p)
		p.ResourcePolicy = &d
	}
	if !authenticated {
		return p
	}
	for range g.IntN(3) {
		p.Identity = append(p.Identity, g.document("identity", p))
	}
	if g.chance(15) {
		d := g.document("identity", p)
		p.Boundary = &d
	}
	if p.Principal.Session != "" && g.chance(15) {
		d := g.document("identity", p)
		p.Session = &d
	}
	return p
}
