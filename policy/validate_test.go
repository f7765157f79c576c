package policy

import (
	"fmt"
	"strings"
	"testing"
)

// one makes a document of one statement, from its members.
func one(members string) string {
	return `{"Version":"2012-10-17","Statement":{` + members + `}}`
}

type validation struct {
	name, src, want string // want: AWS's text, "" for accepted
}

func checkValidation(t *testing.T, cases []validation, validate func([]byte) (*Document, error)) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc, err := validate([]byte(c.src))
			if c.want == "" {
				if err != nil {
					t.Fatalf("refused: %v (%s)", err, err.(*ValidationError).Hint)
				}
				if doc == nil {
					t.Fatal("no document")
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted, want %q", c.want)
			}
			if got := err.(*ValidationError).Message; got != c.want {
				t.Fatalf("\n got  %q\n want %q", got, c.want)
			}
		})
	}
}

// anywhere validates for an account whose partition is not known.
func anywhere(validate func([]byte, string) (*Document, error)) func([]byte) (*Document, error) {
	return func(src []byte) (*Document, error) { return validate(src, "") }
}

// TestValidateIdentity: texts, precedence and what is accepted, as recorded on
// AWS (LocalStack's snapshots of 2026-02; the cases of moto's
// tests/test_iam/test_iam_policies.py, which were taken from AWS).
func TestValidateIdentity(t *testing.T) {
	const ok = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
	allow := func(rest string) string { return one(`"Effect":"Allow",` + rest) }
	resource := func(r string) string { return allow(fmt.Sprintf(`"Action":"s3:GetObject","Resource":%q`, r)) }
	action := func(a string) string { return allow(fmt.Sprintf(`"Action":%q,"Resource":"*"`, a)) }
	condition := func(c string) string { return one(ok + `,"Condition":` + c) }
	date := func(d string) string { return condition(`{"DateLessThan":{"k":"` + d + `"}}`) }
	var cases []validation
	add := func(want string, docs ...string) {
		for _, d := range docs {
			cases = append(cases, validation{fmt.Sprintf("%d", len(cases)), d, want})
		}
	}
	add(textSyntax,
		"no json", "", `[]`, `"x"`, `{"Version":"2012-10-17"}`,
		`{"Version":"2012-10-18","Statement":{`+ok+`}}`, `{"Version":2012,"Statement":{`+ok+`}}`,
		`{"Version":"2012-10-17","Statement":[]}`, `{"Version":"2012-10-17","Statement":["x"]}`, `{"Version":"2012-10-17","Statement":"x"}`,
		`{"Version":"2012-10-17","More":"x","Statement":{`+ok+`}}`, one(ok+`,"More":"x"`),
		`{"Version":"2012-10-17","Id":[],"Statement":{`+ok+`}}`, `{"Version":"2012-10-17","Id":{},"Statement":{`+ok+`}}`,
		one(ok+`,"Sid":[]`), one(ok+`,"Sid":{}`), one(ok+`,"Sid":1`),
		one(`"Action":"s3:GetObject","Resource":"*"`), one(`"Effect":"maybe","Action":"s3:GetObject","Resource":"*"`), one(`"Effect":["Allow"],"Action":"s3:GetObject","Resource":"*"`),
		one(ok+`,"NotAction":[]`), one(ok+`,"NotAction":"s3:x"`), one(ok+`,"NotResource":[]`), one(ok+`,"NotResource":"*"`),
		allow(`"Action":{},"Resource":"*"`), allow(`"Action":[[]],"Resource":"*"`), allow(`"Action":1,"Resource":"*"`),
		allow(`"Action":"s3:x","Resource":{}`), allow(`"Action":"s3:x","Resource":["x",{}]`),
		condition(`[]`), condition(`"x"`), condition(`{"StringEquals":"x"}`), condition(`{"StringEquals":[]}`), condition(`{"StringEquals":{"k":{}}}`),
		condition(`{"x":{"k":"v"}}`), condition(`{"ForAnyValue::StringEqualsIfExists":{"k":"v"}}`), condition(`[{"StringEquals":{"k":"v"}}]`),
		`{"Version":"2012-10-17","Version":"2012-10-17","Statement":{`+ok+`}}`,
	)
	add(textVersion, `{"Statement":{`+ok+`}}`, `{"Version":"2008-10-17","Statement":{`+ok+`}}`,
		`{"Statement":{"Effect":"aLLow","Action":"s3:x","Resource":"*"}}`)
	add(textLegacy, one(`"Effect":"denY","Action":"s3:GetObject","Resource":"*"`), one(`"Effect":"allow","Resource":"x"`),
		resource("arn:aws:s3::x"), resource("arn:aws::x"), resource("arn:aws::::x"), resource("arn:aws:s3:us-east-1:x"), allow(`"Action":"s3:x","NotResource":"arn:aws:s3::x"`),
		date("sdfdsf"), date("234-13"), date("2016-12-13t2:00:00.593194+1"), date("2016-12-13t2:00:00.1999999999+10:59"), date("9223372036854775808"), date(""),
		condition(`{"ForAllValues:DateGreaterThanIfExists":{"k":["2026-01-01","x"]}}`),
		// Values that their operators cannot read (recorded: values-stored).
		condition(`{"NumericEquals":{"s3:max-keys":"no-number"}}`), condition(`{"NumericEquals":{"k":"NaN"}}`), condition(`{"NumericLessThanIfExists":{"k":[1,"x"]}}`),
		condition(`{"ArnLike":{"k":"not-an-arn"}}`), condition(`{"ForAnyValue:ArnNotEquals":{"k":["arn:aws:iam::*:role/*","arn:aws:s3"]}}`),
		condition(`{"IpAddress":{"k":"not-an-ip"}}`), condition(`{"NotIpAddress":{"k":"10.0.0.0/33"}}`), condition(`{"BinaryEquals":{"k":"no-binary"}}`),
		one(`"Effect":"Allow","Resource":"arn:aws:s3::x"`))
	add(textPrincipal, one(ok+`,"Principal":"*"`), one(ok+`,"Principal":{"AWS":"*"}`), one(ok+`,"NotPrincipal":{"AWS":"*"}`))
	add(textSidCharacters, one(ok+`,"Sid":"a-b"`), one(ok+`,"Sid":"a b"`))
	twice := func(sid, second string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `",` + ok + `},{"Sid":"` + sid + `",` + second + `}]}`
	}
	add(textDuplicateSid, twice("a", ok), twice("a", `"Effect":"Allow"`))
	add(textLegacy, twice("a", `"Effect":"aLLow"`))
	add(textNoActions, allow(`"Resource":"*"`), allow(`"Action":[],"Resource":"*"`), one(`"Effect":"Allow"`), allow(`"Resource":"x"`))
	// The last one changed: moto's list, taken from AWS years before, complains of the action first; AWS's recorded
	// answer of February 2026 (LocalStack's IAM snapshots) is about the resource.
	add(textNoResources, allow(`"Action":"invalid"`), allow(`"Action":"s3:x"`), allow(`"Action":"s3:x","Resource":[]`))
	add(`Resource x must be in ARN format or "*".`, resource("x"), allow(`"Action":"no","Resource":"x"`))
	add(`Resource  must be in ARN format or "*".`, resource(""))
	add(`Partition "b" is not valid for resource "arn:b:c:*:*:*".`, resource("a:b:c"))
	add(`Partition "b" is not valid for resource "arn:b:*:*:*:*".`, resource("a:b"))
	add(`Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`, resource("a:b:c:d:e:f:g:h"))
	add(`Partition "s3" is not valid for resource "arn:s3:::example:*".`, resource("aws:s3:::example"))
	add(`Partition "x" is not valid for resource "arn:x:s3:::b".`, allow(`"Action":"s3:x","Resource":["arn:x:s3:::b","arn:x:s3::b"]`))
	add(textVendorRegex, resource("arn:aws"), resource("arn:aws:s*:::b"))
	add(textIAMPath, resource("arn:aws:iam:::example"))
	add("IAM resource arn:aws:iam:us-east-1::x cannot contain region information.", resource("arn:aws:iam:us-east-1::x"))
	add("Resource arn:aws:s3:us-east-1::x can not contain region information.", resource("arn:aws:s3:us-east-1::x"))
	add(textVendorPrefix, action("invalid"), action(""), allow(`"NotAction":"","Resource":"*"`))
	add("Vendor a a is not valid", action("a a:GetObject"))
	add(textOneColon, action("s3:Get:Object"))
	add("", one(ok), `{"Version":"2012-10-17","Id":"x","Statement":[{`+ok+`}]}`, one(ok+`,"Sid":""`), twice("", ok), one(ok+`,"Sid":"a_b"`),
		condition(`{}`), condition(`{"StringEquals":{}}`), condition(`{"x":{}}`), condition(`{"x":{},"y":{}}`), condition(`{"StringEquals":{"k":[]}}`),
		condition(`{"ForAnyValue:StringEqualsIfExists":{"any key at all":"v"}}`), condition(`{"Bool":{"k":true},"Null":{"k":[false,"true"]},"NumericEquals":{"k":1}}`),
		date("01T"), date("2016-12-13t2:00:00.593194+23"), date("-292275054"), date("2016-12-13T21:20:37.593194+00:00"), date("2019-07-01T13:20:15Z"), date("86400"),
		resource("arn:aws:xyz"), resource("arn:aws:nosuch:us-east-1::x"), resource("arn:aws:iam:::user/x"), resource("arn:aws:iam::111122223333:root"), resource("arn:aws:iam::*:user/${aws:username}"),
		resource("arn:aws:s3:us-west-2:111122223333:accesspoint/p"), resource("arn:aws-cn:s3:::b"), resource("arn:aws:rds:region:*:*"),
		allow(`"Action":"s3:x","Resource":["arn:aws:s3:::b","*"]`), allow(`"Action":"s3:x","Resource":["arn:aws:s3:::b",null]`), allow(`"NotAction":"s3:x","NotResource":"*"`),
		action("*"), action("iam: any text at all "), action("s3-s:x"), action("s3.s:x"), action("nosuchservice:x"))
	checkValidation(t, cases, anywhere(ValidateIdentity))

	// Recorded: STS takes a session policy whose values cannot be read.
	if _, err := ValidateSession([]byte(condition(`{"DateLessThan":{"aws:CurrentTime":"soon"}}`))); err != nil {
		t.Errorf("session policy: %v", err)
	}
	for _, validate := range []func([]byte) (*Document, error){anywhere(ValidateInline), ValidateSession} {
		checkValidation(t, []validation{
			{"no version", `{"Statement":{` + ok + `}}`, ""},
			{"principal", one(ok + `,"Principal":"*"`), textPrincipal},
			{"syntax", "{", textSyntax},
		}, validate)
	}
}

// TestValidateTrust: "recorded" are answers of AWS (LocalStack's snapshots,
// reports of users); the others are what versity/versitygw#2221 saw.
func TestValidateTrust(t *testing.T) {
	const aws = `"Principal":{"AWS":"111122223333"}`
	const assume = `"Action":"sts:AssumeRole"`
	allow := func(rest ...string) string { return one(`"Effect":"Allow",` + strings.Join(rest, ",")) }
	principal := func(p string) string { return allow(`"Principal":`+p, assume) }
	invalid := func(p string) string { return "Invalid principal in policy: " + p }
	checkValidation(t, []validation{
		{"recorded: no JSON", `{"Version": "2012-10-17",}`, textInvalidJSON},
		{"no object", `[]`, textInvalidJSON},
		{"version", `{"Version":"2013-10-17","Statement":[]}`, textTrustVersion},
		{"no version is fine", `{"Statement":{"Effect":"Allow",` + aws + `,` + assume + `}}`, ""},
		{"no statement", `{"Version":"2012-10-17"}`, textTrustNoStatement},
		{"empty statement", `{"Version":"2012-10-17","Statement":[]}`, textTrustNoStatement},
		{"effect missing", one(aws + `,` + assume), "Missing required field Effect"},
		{"effect in the wrong case", one(`"Effect":"allow",` + aws + `,` + assume), "Invalid effect: allow"},
		{"principal missing", allow(assume), "Missing required field Principal"},
		{"principal before action", allow(`"Resource":"*"`), "Missing required field Principal"},
		{"principal empty", principal(`{}`), textPrincipalEmpty},
		{"principal a string", principal(`"*"`), textPrincipalObject},
		{"principal a list", principal(`["*"]`), textTrustSyntax},
		{"NotPrincipal", allow(`"NotPrincipal":{"AWS":"*"}`, assume), textAllowNot},
		{"NotPrincipal with Deny", one(`"Effect":"Deny","NotPrincipal":{"AWS":"*"},` + assume), textNotPrincipal},
		{"action missing", allow(aws), "Missing required field Action"},
		{"action empty", allow(aws, `"Action":[]`), "Missing required field Action"},
		{"recorded: other action", allow(aws, `"Action":"s3:GetObject"`), textOnlyAssumeRole},
		{"recorded: every action", allow(aws, `"Action":"*"`), textOnlyAssumeRole},
		{"other action of STS", allow(aws, `"Action":"sts:GetCallerIdentity"`), textOnlyAssumeRole},
		{"action by wildcard", allow(aws, `"Action":["sts:Assume*","sts:TagSession"]`), ""},
		{"recorded: every action of STS", allow(aws, `"Action":"sts:*"`), textOnlyAssumeRole},
		{"recorded: action in another case", allow(aws, `"Action":"STS:assumerolewithwebidentity"`), textOnlyAssumeRole},
		{"recorded: Resource", allow(aws, assume, `"Resource":"*"`), "Has prohibited field Resource"},
		{"NotResource", allow(aws, assume, `"NotResource":"*"`), textNotResource},
		{"unknown element", allow(aws, assume, `"Conditions":{}`), "Has prohibited field Conditions"},
		{"duplicate Sid", `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow",` + aws + `,` + assume + `},{"Sid":"a","Effect":"Allow",` + aws + `,` + assume + `}]}`, textTrustSids},
		{"unknown operator", allow(aws, assume, `"Condition":{"StringEqual":{"a":"b"}}`), textTrustSyntax},
		{"recorded: condition keys and values are not validated", allow(aws, assume, `"Condition":{"DateLessThan":{"no such key":"no date"}}`), ""},

		{"account", principal(`{"AWS":["111122223333","arn:aws:iam::111122223333:root","*"]}`), ""},
		{"user, role, session", principal(`{"AWS":["arn:aws:iam::111122223333:user/p/u","arn:aws:iam::111122223333:role/r","arn:aws:sts::111122223333:assumed-role/r/s","AROAAAAAAAAAAAAAAAAAA"]}`), ""},
		{"recorded: short account", principal(`{"AWS":"arn:aws:iam::12345678910:role/r"}`), invalid(`"AWS":"arn:aws:iam::12345678910:role/r"`)},
		{"wildcard in principal", principal(`{"AWS":"arn:aws:iam::111122223333:role/*"}`), invalid(`"AWS":"arn:aws:iam::111122223333:role/*"`)},
		{"unknown role", principal(`{"AWS":"arn:aws:iam::111122223333:role/unknown"}`), invalid(`"AWS":"arn:aws:iam::111122223333:role/unknown"`)},
		{"service", principal(`{"Service":["ec2.amazonaws.com","eks.amazonaws.com.cn"]}`), ""},
		{"no service", principal(`{"Service":"ec2"}`), invalid(`"SERVICE":"ec2"`)},
		{"canonical user", principal(`{"CanonicalUser":"x"}`), invalid(`"CanonicalUser"`)},
		{"provider", allow(`"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A"}`, `"Action":"sts:AssumeRoleWithWebIdentity"`), ""},
		{"SAML provider", allow(`"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/x"}`, `"Action":"sts:AssumeRoleWithSAML"`), ""},
		{"recorded: malformed provider", principal(`{"Federated":"arn:aws:iam//x"}`), TextFederated},
		{"recorded: empty provider", principal(`{"Federated":""}`), TextFederated},
		{"recorded: provider URL", principal(`{"Federated":"https://oidc.example.com"}`), TextFederated},
		{"placeholder account", principal(`{"Federated":"arn:aws:iam::account-id:oidc-provider/x"}`), TextFederated},
		{"host without ARN", principal(`{"Federated":"token.actions.githubusercontent.com"}`), invalid(`"FEDERATED":"token.actions.githubusercontent.com"`)},
		{"well-known host", principal(`{"Federated":"www.amazon.com"}`), ""},
	}, func(src []byte) (*Document, error) {
		return ValidateTrust(src, TrustOptions{KnownPrincipal: func(arn string) bool { return !strings.HasSuffix(arn, "unknown") }})
	})
}

func TestSizes(t *testing.T) {
	trust := func(n int) string {
		head, tail := `{"Version":"2012-10-17","Statement":[{"Sid":"`, `","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	managed := func(n int) string {
		head, tail := `{"Version":"2012-10-17","Statement":[{"Sid":"`, `","Effect":"Allow","Action":"*","Resource":"*"}]}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	validateTrust := func(limit int) func([]byte) (*Document, error) {
		return func(src []byte) (*Document, error) { return ValidateTrust(src, TrustOptions{MaxSize: limit}) }
	}
	padded := strings.Repeat(" \n\t", 5000) // whitespace is not counted
	checkValidation(t, []validation{
		{"fits", trust(2048) + padded, ""},
		{"too long", trust(2049), "Cannot exceed quota for ACLSizePerRole: 2048"},
	}, validateTrust(0))
	checkValidation(t, []validation{
		{"raised quota", trust(4096), ""},
		{"too long for that, too", trust(4097), "Cannot exceed quota for ACLSizePerRole: 4096"},
	}, validateTrust(4096))
	checkValidation(t, []validation{
		{"managed fits", managed(6144), ""},
		{"managed too long", managed(6145), "Cannot exceed quota for PolicySize: 6144"},
	}, anywhere(ValidateIdentity))
	_, err := ValidateTrust([]byte(trust(3000)), TrustOptions{})
	if code := err.(*ValidationError).Code; code != CodeLimitExceeded {
		t.Errorf("code %s", code)
	}
}

func TestValidateResource(t *testing.T) {
	const ok = `"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
	checkValidation(t, []validation{
		{"public", one(ok), ""},
		{"Sid with blanks", one(ok + `,"Sid":"as the guide's examples have"`), ""},
		{"no JSON", "{", textInvalidJSON},
		{"principal missing", one(`"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`), "Missing required field Principal"},
		{"resource missing", one(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject"`), "Missing required field Resource"},
		{"principal", one(`"Effect":"Allow","Principal":{"AWS":"me"},"Action":"s3:GetObject","Resource":"*"`), `Invalid principal in policy: "AWS":"me"`},
		{"version", `{"Version":"2019-10-19","Statement":{` + ok + `}}`, textInvalidSyntax},
		{"NotPrincipal with Deny", one(`"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`), ""},
		{"NotPrincipal with Allow", one(`"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`), textAllowNot},
	}, anywhere(ValidateResource))
}

func TestValidationPlace(t *testing.T) {
	_, err := ValidateTrust([]byte("{\"Version\":\"2012-10-17\",\"Statement\":[\n {\"Effect\":\"Allow\",\n  \"Principal\":{\"AWS\":\"nobody\"},\n  \"Action\":\"sts:AssumeRole\"}]}"), TrustOptions{})
	e, ok := err.(*ValidationError)
	if !ok || e.Line != 3 || e.Column != 22 || e.Hint.IsZero() {
		t.Fatalf("got %#v", err)
	}
}
