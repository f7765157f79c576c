package policy

import (
	"encoding/base64"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// quantifier is the set qualifier in front of an operator.
type quantifier uint8

const (
	single quantifier = iota
	forAllValues
	forAnyValue
)

// operator is a condition operator taken apart: ForAnyValue:StringNotLikeIfExists
// is forAnyValue, the StringLike test, negated, ifExists.
type operator struct {
	test       *test // nil: AWS knows no such operator (accepted when it tests no key)
	negated    bool
	quantifier quantifier
	ifExists   bool
}

// test is the comparison of an operator without its negation.
type test struct {
	name string
	// variables says that policy variables are replaced in the wanted value.
	variables bool
	// compile makes the matcher of one wanted value whose variables, if it has
	// any, are in keys. It is false when a variable has no value.
	compile func(want template, keys Keys) (func(got string) bool, bool)
	// reads says whether a request's value is one that the operator compares.
	// Nil: all are, or it does not matter, for one that is not matches nothing.
	reads func(got string) bool
}

var (
	stringEquals = &test{name: "StringEquals", variables: true, compile: plain(func(want string) func(string) bool {
		return func(got string) bool { return got == want }
	})}
	stringEqualsIgnoreCase = &test{name: "StringEqualsIgnoreCase", variables: true, compile: plain(func(want string) func(string) bool {
		want = lowerCase(want)
		return func(got string) bool { return lowerCase(got) == want }
	})}
	stringLike = &test{name: "StringLike", variables: true, compile: func(want template, keys Keys) (func(string) bool, bool) {
		toks, ok := want.expandTokens(keys)
		if !ok {
			return nil, false
		}
		g := globOf(toks)
		return g.match, true
	}}
	arnLike      = &test{name: "ArnLike", variables: true, compile: compileARN, reads: func(got string) bool { _, ok := aws.SplitARN(got); return ok }}
	boolean      = &test{name: "Bool", variables: true, compile: plain(compileBool)}
	null         = &test{name: "Null", compile: plain(compileNull)}
	binaryEquals = &test{name: "BinaryEquals", compile: plain(compileBinary)}
	ipAddress    = &test{name: "IpAddress", compile: plain(compileIP), reads: func(got string) bool { _, ok := parseAddress(got); return ok }}
)

// operators are the names without qualifier and suffix.
var operators = func() map[string]operator {
	m := map[string]operator{
		"StringEquals":              {test: stringEquals},
		"StringNotEquals":           {test: stringEquals, negated: true},
		"StringEqualsIgnoreCase":    {test: stringEqualsIgnoreCase},
		"StringNotEqualsIgnoreCase": {test: stringEqualsIgnoreCase, negated: true},
		"StringLike":                {test: stringLike},
		"StringNotLike":             {test: stringLike, negated: true},
		// The guide: ArnEquals and ArnLike behave identically.
		"ArnEquals":    {test: arnLike},
		"ArnNotEquals": {test: arnLike, negated: true},
		"ArnLike":      {test: arnLike},
		"ArnNotLike":   {test: arnLike, negated: true},
		"Bool":         {test: boolean},
		"Null":         {test: null},
		"BinaryEquals": {test: binaryEquals},
		"IpAddress":    {test: ipAddress},
		"NotIpAddress": {test: ipAddress, negated: true},
	}
	relations := map[string]func(int) bool{
		"Equals":            func(c int) bool { return c == 0 },
		"LessThan":          func(c int) bool { return c < 0 },
		"LessThanEquals":    func(c int) bool { return c <= 0 },
		"GreaterThan":       func(c int) bool { return c > 0 },
		"GreaterThanEquals": func(c int) bool { return c >= 0 },
	}
	for name, holds := range relations {
		m["Numeric"+name] = operator{test: &test{name: "Numeric" + name, compile: plain(compileNumeric(holds))}}
		m["Date"+name] = operator{test: &test{name: "Date" + name, compile: plain(compileDate(holds))}}
	}
	m["NumericNotEquals"] = operator{test: m["NumericEquals"].test, negated: true}
	m["DateNotEquals"] = operator{test: m["DateEquals"].test, negated: true}
	return m
}()

// parseOperator takes an operator's name apart; ok is false when AWS knows no
// such operator.
func parseOperator(name string) (op operator, ok bool) {
	base := name
	q := single
	if rest, found := strings.CutPrefix(base, "ForAllValues:"); found {
		base, q = rest, forAllValues
	} else if rest, found := strings.CutPrefix(base, "ForAnyValue:"); found {
		base, q = rest, forAnyValue
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, ok = operators[base]
	if !ok || op.test == null && (ifExists || q != single) {
		return operator{}, false
	}
	op.quantifier, op.ifExists = q, ifExists
	return op, true
}

// plain adapts a comparison with a whole string, in which ${*} and its like are
// the characters they stand for.
func plain(compile func(want string) func(string) bool) func(template, Keys) (func(string) bool, bool) {
	return func(want template, keys Keys) (func(string) bool, bool) {
		s, ok := want.expand(keys)
		if !ok {
			return nil, false
		}
		return compile(s), true
	}
}

func never(string) bool { return false }

// compileBool reads everything but true as false, on both sides (recorded:
// bool-anything).
func compileBool(want string) func(string) bool {
	isTrue := strings.EqualFold(want, "true")
	return func(got string) bool { return strings.EqualFold(got, "true") == isTrue }
}

// compileNull takes true and false only: the guide compares with nothing else.
func compileNull(want string) func(string) bool {
	if !strings.EqualFold(want, "true") && !strings.EqualFold(want, "false") {
		return never
	}
	return func(got string) bool { return strings.EqualFold(got, want) }
}

// compileBinary compares bytes with the policy's base64. A request's value may
// come as its bytes or, as in the policy simulator's input, as the same base64.
func compileBinary(want string) func(string) bool {
	raw, err := base64.StdEncoding.DecodeString(want)
	if err != nil {
		return never
	}
	return func(got string) bool { return got == string(raw) || got == want }
}

// malformed says what a value should be that an operator wants, and is not, or "".
// IAM stores no policy with such a value (recorded: values-stored).
func (o operator) malformed(value string) string {
	if o.test == nil || o.test.variables && splitTemplate(value).dynamic() {
		return ""
	}
	switch name := o.test.name; {
	case strings.HasPrefix(name, "Numeric"):
		if _, ok := parseNumber(value); !ok {
			return "no number"
		}
	case strings.HasPrefix(name, "Date"):
		if _, ok := parseDate(value); !ok {
			return "no date"
		}
	case o.test == ipAddress:
		if _, ok := parseAddressBlock(value); !ok {
			return "no IP address and no CIDR block"
		}
	case o.test == binaryEquals:
		if _, err := base64.StdEncoding.DecodeString(value); err != nil {
			return "no base64"
		}
	case o.test == arnLike:
		if !arnPattern(template{{text: value}}) {
			return "no ARN: an ARN has six parts"
		}
	}
	return ""
}

// arnPattern says whether a pattern is one of ARNs: of six parts, or * for all.
func arnPattern(want template) bool {
	parts := want.cut(6)
	return len(parts) == 6 || len(parts) == 1 && len(parts[0]) == 1 && parts[0][0].variable == nil && parts[0][0].text == "*"
}

// compileARN compares the six parts of an ARN one by one, each with wildcards;
// what is not an ARN matches nothing.
func compileARN(want template, keys Keys) (func(string) bool, bool) {
	parts := want.cut(6)
	if len(parts) == 1 && len(parts[0]) == 1 && parts[0][0].variable == nil && parts[0][0].text == "*" {
		return func(got string) bool { _, ok := aws.SplitARN(got); return ok }, true
	}
	if len(parts) < 6 {
		// ${aws:PrincipalArn} is a whole ARN in one variable.
		toks, ok := want.expandTokens(keys)
		if !ok {
			return nil, false
		}
		if !want.dynamic() {
			return never, true
		}
		g := globOf(toks)
		return func(got string) bool { _, ok := aws.SplitARN(got); return ok && g.match(got) }, true
	}
	var globs [6]glob
	for i, part := range parts {
		toks, ok := part.expandTokens(keys)
		if !ok {
			return nil, false
		}
		globs[i] = globOf(toks)
	}
	return func(got string) bool {
		gotParts, ok := aws.SplitARN(got)
		if !ok {
			return false
		}
		for i := range globs {
			if !globs[i].match(gotParts[i]) {
				return false
			}
		}
		return true
	}, true
}
