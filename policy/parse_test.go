package policy

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

func TestParseErrors(t *testing.T) {
	statement := func(s string) string {
		return "{\"Version\": \"2012-10-17\",\n \"Statement\": [" + s + "]}"
	}
	cases := []struct{ src, want string }{
		{"", "1:1: expected a JSON value, found end of text"},
		{"{", "1:2: expected a member name in double quotes, found end of text"},
		{"{\"Version\": \"2012-10-17\",}", "1:26: expected a member name in double quotes, found '}'"},
		{"{\"a\" 1}", "1:6: expected ':', found '1'"},
		{"[1 2]", "1:4: expected ',' or ']', found '2'"},
		{"{} {}", "1:4: unexpected '{' after the policy"},
		{"{\"Version\": \"2012-10-17\",\n  \"Version\": \"2012-10-17\"}", "2:3: duplicate key \"Version\""},
		{"{\"é\": \"\x01\"}", "1:8: control character in a string; write it as \\u0001"},
		{"\"\\x\"", "1:2: invalid escape"},
		{"\"\\ud800\"", "1:2: half a surrogate pair"},
		{"\"abc", "1:1: string is not closed"},
		{"\"\xff\"", "1:2: string is not valid UTF-8"},
		{"-x", "1:2: expected a digit, found 'x'"},
		{"01", "1:2: unexpected '1' after the policy"},
		{strings.Repeat("[", 40), "1:33: nested deeper than 32 levels"},
		{strings.Repeat(" ", tree.MaxBytes+1), "1:1: policy is 262145 bytes long, more than 262144"},
		{"[]", "1:1: a policy is a JSON object, not an array"},
		{"{}", "1:1: the policy has no Statement"},
		{"{\"Statements\": []}", "1:2: unknown element \"Statements\"; a policy has Version, Id and Statement"},
		{"{\"Version\": 1}", "1:13: Version must be a string, not a number"},
		{"{\"Version\": \"2012\"}", "1:13: Version must be \"2012-10-17\" or \"2008-10-17\", not \"2012\""},
		{statement(""), "2:15: Statement is empty"},
		{statement("1"), "2:16: a statement must be an object, not a number"},
		{statement("{}"), "2:16: the statement has no Effect"},
		{statement(`{"Effect": "allow"}`), `2:27: Effect must be "Allow" or "Deny"`},
		{statement(`{"Effect": "Allow"}`), "2:16: the statement has no Action"},
		{statement(`{"Effect": "Allow", "Action": []}`), "2:46: Action is empty"},
		{statement(`{"Effect": "Allow", "Action": {}}`), "2:46: Action must be a string or an array of strings, not an object"},
		{statement(`{"Effect": "Allow", "Action": "a:b", "NotAction": "a:b"}`), "2:66: Action and NotAction exclude each other"},
		{statement(`{"Effect": "Allow", "Actions": "a:b"}`), `2:36: unknown element "Actions" in a statement`},
		{statement(`{"Effect": "Allow", "Principal": "me"}`), `2:49: Principal must be "*" or an object such as {"Federated": "arn:…"}`},
		{statement(`{"Effect": "Allow", "Principal": {"Aws": "me"}}`), `2:50: unknown principal type "Aws"; known are AWS, Federated, Service and CanonicalUser`},
		{statement(`{"Effect": "Allow", "Condition": []}`), "2:49: Condition must be an object, not an array"},
		{statement(`{"Effect": "Allow", "Condition": {"StringEqual": {"a": "b"}}}`), `2:50: unknown condition operator "StringEqual"`},
		{statement(`{"Effect": "Allow", "Condition": {"StringEquals": "b"}}`), `2:66: operator StringEquals must hold an object of keys, not a string`},
		{statement(`{"Effect": "Allow", "Condition": {"StringEquals": {"a": null}}}`), `2:72: a condition value must be a string, a number or a boolean, not null`},
	}
	for _, c := range cases {
		_, err := Parse([]byte(c.src))
		if err == nil {
			t.Errorf("%.60q is accepted", c.src)
		} else if err.Error() != c.want {
			t.Errorf("%.60q\n got  %s\n want %s", c.src, err, c.want)
		}
	}
}

func TestPositions(t *testing.T) {
	doc, err := Parse([]byte("{\"Version\":\"2012-10-17\",\"Id\":\"é\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},\n  {\"Effect\":\"Deny\",\n   \"Action\":\"é:*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"a:b\":true}}}]}"))
	if err != nil {
		t.Fatal(err)
	}
	first, second := doc.Statements[0], doc.Statements[1]
	want := [][2]Position{{{Line: 1, Column: 47}, {Line: 1, Column: 93}}, {{Line: 2, Column: 3}, {Line: 3, Column: 68}}}
	for i, got := range [][2]Position{{first.Start, first.End}, {second.Start, second.End}} {
		if got != want[i] {
			t.Errorf("statement %d: got %v, want %v", i, got, want[i])
		}
	}
	if got := second.Conditions[0].Start; got != (Position{Line: 3, Column: 55}) {
		t.Errorf("condition: got %v", got)
	}
}
