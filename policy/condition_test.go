package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// conditionCase judges one condition: operator, wanted values, and what the
// request has: nil absent, a string, or a list for a multivalued key.
type conditionCase struct {
	operator string
	want     string // JSON
	got      any
	met      bool
}

func (c conditionCase) run(t *testing.T) {
	t.Helper()
	src := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%q:{"Some:Key":%s}}}}`, c.operator, c.want)
	doc, err := Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	ctx := Context{}
	ctx.Set("aws:username", "al*ce")
	ctx.SetMulti("aws:TagKeys", []string{"a"})
	switch got := c.got.(type) {
	case string:
		ctx.Set("some:KEY", got)
	case []string:
		ctx.SetMulti("some:KEY", got)
	}
	r := doc.Statements[0].Conditions[0].evaluate(ctx)
	if r.Met != c.met {
		t.Errorf("%s %s against %v: met %v, want %v", c.operator, c.want, c.got, r.Met, c.met)
	}
}

func TestConditions(t *testing.T) {
	cases := []conditionCase{
		{"StringEquals", `"a"`, "a", true},
		{"StringEquals", `"a"`, "A", false},
		{"StringEquals", `["x","a"]`, "a", true},
		{"StringEquals", `"a*"`, "ab", false},
		{"StringEquals", `"a*"`, "a*", true},
		{"StringEquals", `7`, "7", true},
		{"StringEquals", `true`, "true", true},
		{"StringEquals", `[]`, "a", false},
		{"StringNotEquals", `[]`, "a", true},
		{"StringNotEquals", `["x","a"]`, "a", false},
		{"StringNotEquals", `["x","y"]`, "a", true},
		{"StringEqualsIgnoreCase", `"AbC"`, "aBc", true},
		{"StringNotEqualsIgnoreCase", `"AbC"`, "aBc", false},
		{"StringLike", `"a*c?"`, "abbbcd", true},
		{"StringLike", `"a*c?"`, "abbbc", false},
		{"StringLike", `"A*"`, "ab", false},
		{"StringNotLike", `"a*"`, "ab", false},

		// Missing keys (the guide, "IfExists" and "Negated matching").
		{"StringEquals", `"a"`, nil, false},
		{"StringNotEquals", `"a"`, nil, true},
		{"StringEqualsIfExists", `"a"`, nil, true},
		{"StringEqualsIfExists", `"a"`, "b", false},
		{"StringNotEqualsIfExists", `"a"`, nil, true},
		{"NumericLessThan", `1`, nil, false},
		{"NumericNotEquals", `1`, nil, true},
		{"IpAddress", `"10.0.0.0/8"`, nil, false},
		{"NotIpAddress", `"10.0.0.0/8"`, nil, true},
		{"Bool", `"false"`, nil, false},
		{"BoolIfExists", `"false"`, nil, true},
		{"Null", `"true"`, nil, true},
		{"Null", `true`, nil, true},
		{"Null", `"true"`, "", false},
		{"Null", `"false"`, "x", true},
		{"Null", `"false"`, nil, false},
		{"Null", `"true"`, []string{}, true},

		// Set qualifiers.
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", `["a"]`, nil, true},
		{"ForAllValues:StringEquals", `["a"]`, []string{}, true},
		{"ForAllValues:StringEquals", `["a"]`, "a", true},
		{"ForAllValues:StringNotEquals", `["a"]`, []string{"b", "c"}, true},
		{"ForAllValues:StringNotEquals", `["a"]`, []string{"b", "a"}, false},
		{"ForAnyValue:StringEquals", `["a"]`, []string{"b", "a"}, true},
		{"ForAnyValue:StringEquals", `["a"]`, []string{"b"}, false},
		{"ForAnyValue:StringEquals", `["a"]`, nil, false},
		{"ForAnyValue:StringEquals", `["a"]`, []string{}, false},
		{"ForAnyValue:StringNotEquals", `["a"]`, nil, false},
		{"ForAnyValue:StringNotEquals", `["a"]`, []string{"a", "b"}, true},
		{"ForAnyValue:StringNotEquals", `["a"]`, []string{"a"}, false},
		{"ForAnyValue:StringEqualsIfExists", `["a"]`, nil, false}, // seen on AWS: for-any-value-if-exists-absent.txtar
		{"ForAnyValue:StringLike", `["a*"]`, []string{"b", "ac"}, true},
		// Recorded: multivalued without a qualifier never matches while present.
		{"StringEquals", `"a"`, []string{"a"}, false},
		{"StringNotEquals", `"z"`, []string{"a"}, false},
		{"StringEqualsIfExists", `"a"`, []string{"a"}, false},
		{"StringNotEquals", `"z"`, []string{}, true},

		// Numbers. Recorded: sign, zeros in front and behind, an exponent and a point
		// at the end are numbers, blanks are not.
		{"NumericEquals", `"1."`, "1e0", true},
		{"NumericEquals", `"1.500"`, "01.5", true},
		{"NumericEquals", `"1e9999"`, "1e9999", false},
		{"NumericEquals", `"NaN"`, "NaN", false},
		{"NumericEquals", `"900"`, "0900", true},
		{"NumericEquals", `"900"`, "+900", true},
		{"NumericEquals", `900.0`, "900", true},
		{"NumericEquals", `"9e2"`, "900", true},
		{"NumericEquals", `" 900"`, "900", false},
		{"NumericNotEquals", `1`, "2", true},
		{"NumericLessThan", `1.5`, "1.25", true},
		{"NumericLessThanEquals", `2`, "2", true},
		{"NumericGreaterThan", `2`, "10", true},
		{"NumericGreaterThanEquals", `2`, "1", false},
		{"NumericEquals", `9007199254740993`, "9007199254740992", false},
		{"NumericEquals", `1`, "one", false},

		// Dates: W3C's profile of ISO 8601, or epoch seconds, on both sides.
		{"DateLessThan", `"2026-01-31T00:00:00Z"`, "2026-01-30T23:59:59Z", true},
		{"DateGreaterThan", `"2026-01-31"`, "2026-01-31T00:00:01Z", true},
		{"DateEquals", `"1970-01-02"`, "86400", true},
		{"DateEquals", `86400`, "1970-01-02T00:00:00Z", true},
		{"DateEquals", `"2026"`, "2026-01-01T00:00:00Z", true},
		{"DateEquals", `"2026-01"`, "2026-01-01T00:00:00.000Z", true},
		{"DateEquals", `"2026-01-01T02:00:00+02:00"`, "2026-01-01T00:00:00Z", true},
		{"DateNotEquals", `"2026-01-01"`, "2026-01-02", true},
		{"DateLessThanEquals", `"2026-01-01T00:00:00.5Z"`, "2026-01-01T00:00:00.49Z", true},
		{"DateGreaterThanEquals", `"2026-01-01"`, "2025-12-31T23:59:59Z", false},
		{"DateEquals", `"soon"`, "soon", false},
		{"DateEquals", `"+1893456000"`, "2030-01-01", true}, // recorded
		{"DateEquals", `"++1893456000"`, "2030-01-01", false},
		{"DateEquals", `"2026-01-01T00:00:00.0001Z"`, "2026-01-01T00:00:00.0009Z", true}, // recorded: compared in milliseconds
		{"DateLessThan", `"2026-01-01T00:00:00.001Z"`, "2026-01-01T00:00:00.000Z", true},

		{"Bool", `"true"`, "TRUE", true},
		{"Bool", `true`, "true", true},
		{"Bool", `"true"`, "false", false},
		// Recorded: everything but true is false, on both sides.
		{"Bool", `"maybe"`, "maybe", true},
		{"Bool", `"false"`, "yes", true},
		{"Bool", `"false"`, "1", true},
		{"Bool", `"false"`, "", true},
		{"Bool", `"false"`, " true ", true},
		{"Bool", `"true"`, "1", false},
		{"Bool", `"yes"`, "true", false},
		{"BinaryEquals", `"aGk="`, "hi", true},
		{"BinaryEquals", `"aGk="`, "aGk=", true},
		{"BinaryEquals", `"aGk="`, "ho", false},

		{"IpAddress", `"203.0.113.0/24"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.7/24"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.0/24"`, "203.0.114.9", false},
		{"IpAddress", `"203.0.113.9"`, "203.0.113.9", true},
		{"IpAddress", `"2001:db8::/32"`, "2001:db8:1::1", true},
		{"IpAddress", `"203.0.113.0/24"`, "::ffff:203.0.113.9", true},
		{"NotIpAddress", `"203.0.113.0/24"`, "203.0.113.9", false},
		{"IpAddress", `"everywhere"`, "203.0.113.9", false},
		// Recorded: zeros in front and a plus are accepted; what is no address meets
		// neither operator.
		{"IpAddress", `"010.000.0.0/08"`, "10.1.2.3", true},
		{"IpAddress", `"10.0.0.0/+24"`, "10.0.0.09", true},
		{"IpAddress", `"10.0.0.0/33"`, "10.0.0.9", false},
		{"NotIpAddress", `"10.0.0.0/8"`, "not-an-ip", false},
		{"NotIpAddress", `"everywhere"`, "203.0.113.9", false},
		{"NotIpAddress", `["10.0.0.0/8","everywhere"]`, "203.0.113.9", false},
		{"NotIpAddressIfExists", `"10.0.0.0/8"`, "", false},
		{"ForAnyValue:NotIpAddress", `"10.0.0.0/8"`, []string{"x", "203.0.113.9"}, true},
		{"ForAllValues:NotIpAddress", `"10.0.0.0/8"`, []string{"x", "203.0.113.9"}, false},

		{"ArnEquals", `"arn:aws:iam::*:role/*"`, "arn:aws:iam::111122223333:role/a/b", true},
		{"ArnLike", `"arn:aws:iam::111122223333:role/App"`, "arn:aws:iam::111122223333:role/app", false},
		{"ArnLike", `"arn:aws:*:role/*"`, "arn:aws:iam::111122223333:role/a", false}, // a wildcard stays within its part
		{"ArnLike", `"arn:aws:sns:*:*:a:*"`, "arn:aws:sns:us-east-1:111122223333:a:b:c", true},
		{"ArnLike", `"arn:aws:iam::*:*"`, "not-an-arn", false},
		{"ArnLike", `"*"`, "arn:aws:iam::111122223333:role/a", true},
		{"ArnNotEquals", `"arn:aws:iam::*:role/*"`, "arn:aws:iam::111122223333:user/a", true},
		{"ArnNotLike", `"arn:aws:iam::*:role/*"`, "arn:aws:iam::111122223333:role/a", false},
		// Recorded: what is no ARN meets neither operator, and a pattern that is none
		// spoils those beside it.
		{"ArnNotLike", `"arn:aws:iam::*:role/*"`, "not-an-arn", false},
		{"ArnNotEquals", `"arn:aws:iam::*:role/*"`, "", false},
		{"ArnLike", `["not-an-arn","arn:aws:iam::*:role/*"]`, "arn:aws:iam::111122223333:role/a", false},
		{"ArnNotLike", `["not-an-arn","arn:aws:iam::*:user/*"]`, "arn:aws:iam::111122223333:role/a", false},
		{"ArnLike", `["${aws:username}","arn:aws:iam::*:role/*"]`, "arn:aws:iam::111122223333:role/a", false},
		// Recorded: the long s is no s; a sigma's form at a word's end counts.
		{"StringEqualsIgnoreCase", `"K"`, "k", true},
		{"StringEqualsIgnoreCase", `"s"`, "ſ", false},
		{"StringEqualsIgnoreCase", `"ΟΔΟΣ"`, "οδος", true},
		{"StringEqualsIgnoreCase", `"ΟΔΟΣ"`, "οδοσ", false},

		// Variables. The user is called al*ce.
		{"StringEquals", `"${aws:username}"`, "al*ce", true},
		{"StringLike", `"${AWS:UserName}/*"`, "al*ce/x", true},
		{"StringLike", `"${aws:username}"`, "alice", false}, // its own wildcard is literal
		{"StringEquals", `"${aws:nothing}"`, "", false},
		{"StringNotEquals", `"${aws:nothing}"`, "x", true},
		{"StringEquals", `"${aws:nothing, 'all'}"`, "all", true},
		{"StringEquals", `"${aws:TagKeys, 'none'}"`, "none", true}, // multivalued keys are no variables
		{"StringLike", `"${*}-${?}-${$}"`, "*-?-$", true},
		{"StringLike", `"${*}"`, "x", false},
		{"StringEquals", `"${$}{aws:username}"`, "${aws:username}", true},
		{"StringEquals", `"${unclosed"`, "${unclosed", true},
		{"ArnLike", `"arn:aws:iam::111122223333:user/${aws:username}"`, "arn:aws:iam::111122223333:user/al*ce", true},
		{"NumericEquals", `"${aws:username}"`, "al*ce", false},
	}
	for _, c := range cases {
		c.run(t)
	}
	tested := map[string]bool{}
	for _, c := range cases {
		tested[c.operator] = true
	}
	for name := range operators {
		if !tested[name] {
			t.Errorf("no case for %s", name)
		}
	}
}

func TestVersion2008HasNoVariables(t *testing.T) {
	for _, version := range []string{"", `"Version":"2008-10-17",`} {
		doc, err := Parse([]byte(`{` + version + `"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}","Condition":{"StringEquals":{"k":"${aws:username}"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		r := Request{Action: "s3:x", Resource: "arn:aws:s3:::${aws:username}", Context: Context{}, Principal: Principal{ARN: "arn:aws:iam::111122223333:user/a"}}
		r.Context.Set("aws:username", "a")
		r.Context.Set("k", "${aws:username}")
		if d := Evaluate(Policies{Identity: []Named{{Document: doc}}}, r); !d.Allowed {
			t.Errorf("version %q: variables were replaced\n%s", version, d)
		}
	}
}

func TestOperators(t *testing.T) {
	for _, name := range []string{"stringequals", "StringEquals ", "ForAnyValue::StringEquals", "NullIfExists", "ForAnyValue:Null",
		"IfExists", "", "StringEqualsIfExistsIfExists", "NotArnLike", "ForSomeValue:StringEquals", "BinaryNotEquals"} {
		if _, ok := parseOperator(name); ok {
			t.Errorf("%q passes for an operator", name)
		}
	}
}

func TestContextKeys(t *testing.T) {
	doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",
		"Resource":"arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/team, 'x'}/${*}",
		"Condition":{"StringLike":{"s3:prefix":["${aws:userid}/*"]},"Null":{"AWS:UserName":"${no:variable}"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"AWS:UserName", "aws:PrincipalTag/team", "aws:userid", "s3:prefix"}
	got := doc.ContextKeys()
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNormalised(t *testing.T) {
	// Recorded: IAM gives Effect, Principal, Action in this order.
	doc, err := Parse([]byte(`{ "Statement": {"Condition": {"StringEquals": {"a:b": ["é", 1, "\u00e9/"]}}, "Action": ["sts:AssumeRole"], "Principal": {"AWS": "*"}, "Effect": "Allow", "Sid": ""}, "Version": "2012-10-17" }`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Statement":{"Sid":"","Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"a:b":["é",1,"\u00e9/"]}}}}`
	if got := string(doc.Normalised()); got != want || !json.Valid([]byte(got)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
