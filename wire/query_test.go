package wire_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/wire"
)

func TestReadQuery(t *testing.T) {
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	// Asserted against STS by justincormack/argmin's sts_oracle (2026): the first of two counts, unknown parameters do not
	// matter, a body without content type is not read.
	tests := []struct {
		name, method, query, body, contentType, action, version, code string
	}{
		{"get", "GET", "Action=A&Version=V", "", "", "A", "V", ""},
		{"post", "POST", "", "Action=A&Version=V", form, "A", "V", ""},
		{"post with query", "POST", "Version=V", "Action=A", form, "A", "V", ""},
		{"first wins", "POST", "", "Action=A&Action=B&Version=V&Version=W", form, "A", "V", ""},
		{"no content type", "POST", "", "Action=A&Version=V", "", "", "NO_VERSION_SPECIFIED", ""},
		{"other content type", "POST", "", "Action=A&Version=V", "application/json", "", "NO_VERSION_SPECIFIED", ""},
		{"no version", "POST", "", "Action=A", form, "A", "NO_VERSION_SPECIFIED", ""},
		{"empty version", "POST", "", "Action=A&Version=", form, "A", "", ""},
		{"body of a get", "GET", "Action=A", "Action=B", form, "A", "NO_VERSION_SPECIFIED", ""},
		{"plus and percent", "POST", "", "Action=a+b%2Bc", form, "a b+c", "NO_VERSION_SPECIFIED", ""},
		{"semicolon", "POST", "", "Action=a;b", form, "a;b", "NO_VERSION_SPECIFIED", ""},
		{"bad escape", "POST", "", "Action=%zz", form, "", "", "MalformedQueryString"},
		{"too many", "POST", "", strings.Repeat("a=b&", 5000), form, "", "", "MalformedQueryString"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(t, test.method, "http://h/?"+test.query, "", nil)
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			action, version, _, err := wire.ReadQuery(r, []byte(test.body))
			if codeOf(err) != test.code || action != test.action || version != test.version {
				t.Errorf("%q %q %v", action, version, err)
			}
		})
	}
}

func codeOf(err error) string {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

type tag struct {
	Key   string  `wire:"required,min=1,max=128,pattern=TAGKEY"`
	Value *string `wire:"required,max=256,pattern=TAGVALUE"`
}

type policyDescriptor struct {
	Arn string `wire:"name=arn,min=20,max=2048,pattern=IAMTEXT"`
}

type assumeRole struct {
	RoleArn         string             `wire:"required,min=20,max=2048,pattern=IAMTEXT"`
	RoleSessionName string             `wire:"required,min=2,max=64,pattern=[\\w+=,.@-]*"`
	DurationSeconds *int               `wire:"min=900,max=43200"`
	Policy          *string            `wire:"min=1,pattern=LATIN1"`
	PolicyArns      []policyDescriptor `wire:""`
	Tags            []tag              `wire:"max=50"`
	TagKeys         []string           `wire:"max=50,each.required,each.min=1,each.max=128,each.pattern=TAGKEY"`
	Status          string             `wire:"enum=Active|Inactive"`
	SetAsDefault    bool
	TaskPolicyArn   *policyDescriptor
}

const goodRole = "RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=app"

func decodeForm(t testing.TB, encoded string, style wire.Style) (assumeRole, error) {
	t.Helper()
	form, err := url.ParseQuery(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var in assumeRole
	err = wire.DecodeQuery(form, &in, style)
	return in, err
}

func TestDecodeQuery(t *testing.T) {
	in, err := decodeForm(t, goodRole+"&DurationSeconds=%2B900&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/x"+
		"&Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.10.Key=c&Tags.member.10.Value=v&Tags.member.1.Key=a&Tags.member.1.Value=1"+
		"&TagKeys=&SetAsDefault=true&TaskPolicyArn.arn=arn:aws:iam::aws:policy/y&Unknown.member.1=x", wire.EchoValues)
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) *string { return &s }
	nine := 900
	want := assumeRole{
		RoleArn: "arn:aws:iam::111122223333:role/r", RoleSessionName: "app", DurationSeconds: &nine,
		PolicyArns: []policyDescriptor{{"arn:aws:iam::aws:policy/x"}}, TagKeys: []string{}, SetAsDefault: true,
		Tags:          []tag{{"a", text("1")}, {"b", text("")}, {"c", text("v")}},
		TaskPolicyArn: &policyDescriptor{"arn:aws:iam::aws:policy/y"},
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeQueryViolations(t *testing.T) {
	long := strings.Repeat("s", 65)
	tests := []struct {
		name, form string
		style      wire.Style
		code, want string
	}{
		// Recorded at AWS, as are all of this shape below unless said otherwise.
		{"null", "RoleSessionName=app", wire.EchoValues, "ValidationError",
			"1 validation error detected: Value at 'roleArn' failed to satisfy constraint: Member must not be null"},
		{"pattern", "RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=bad session!!", wire.EchoValues, "ValidationError",
			`1 validation error detected: Value 'bad session!!' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"longer", "RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=" + long, wire.EchoValues, "ValidationError",
			"1 validation error detected: Value '" + long + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"smaller", goodRole + "&DurationSeconds=100", wire.EchoValues, "ValidationError",
			"1 validation error detected: Value '100' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"greater", goodRole + "&DurationSeconds=050000", wire.EchoValues, "ValidationError",
			"1 validation error detected: Value '50000' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{"enum", goodRole + "&Status=Gone", wire.NamesOnly, "ValidationError",
			"1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"},
		// Ours: AWS's text for an index that is no number was not recorded.
		{"index of a list", goodRole + "&TagKeys.member.x=a", wire.NamesOnly, "MalformedInput", "Invalid value for the member tagKeys.member.x."},
		{"index below nothing", goodRole + "&TagKeys.member.-1=a", wire.NamesOnly, "MalformedInput", "Invalid value for the member tagKeys.member.-1."},
		{"tag keys", goodRole + "&TagKeys.member.1=ok&TagKeys.member.2=" + strings.Repeat("k", 129), wire.NamesOnly, "ValidationError",
			`1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, ` +
				`Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]`},
		{"tag", goodRole + "&Tags.member.1.Key=a!&Tags.member.1.Value=b", wire.NamesOnly, "ValidationError",
			`1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
		{"too many tags", goodRole + manyTags(51), wire.NamesOnly, "ValidationError",
			"1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"},
		// The order and the form of several are recorded; this sum of them is not.
		{"several", "RoleArn=x&RoleSessionName=!&Tags.member.1.Key=k", wire.EchoValues, "ValidationError",
			`4 validation errors detected: Value 'x' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; ` +
				`Value '!' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; ` +
				`Value '!' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*; ` +
				`Value at 'tags.1.member.value' failed to satisfy constraint: Member must not be null`},
		{"fraction", goodRole + "&DurationSeconds=900.0", wire.EchoValues, "MalformedInput", ""},
		{"exponent", goodRole + "&DurationSeconds=9e2", wire.EchoValues, "MalformedInput", ""},
		{"blank", goodRole + "&DurationSeconds=+900", wire.EchoValues, "MalformedInput", ""}, // a form's plus is a space
		{"empty", goodRole + "&DurationSeconds=", wire.EchoValues, "MalformedInput", ""},
		{"overflow", goodRole + "&DurationSeconds=4294967296", wire.EchoValues, "MalformedInput", ""},
		{"bool", goodRole + "&SetAsDefault=yes", wire.EchoValues, "MalformedInput", ""},
		{"leading zeros", goodRole + "&DurationSeconds=0900", wire.EchoValues, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := decodeForm(t, test.form, test.style)
			if codeOf(err) != test.code {
				t.Fatalf("%v, want %q", err, test.code)
			}
			var refusal *wire.Error
			if errors.As(err, &refusal) && test.want != "" && refusal.Message != test.want {
				t.Errorf("got  %s\nwant %s", refusal.Message, test.want)
			}
		})
	}
}

func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		k := "&Tags.member." + string(rune('0'+i/10)) + string(rune('0'+i%10))
		b.WriteString(k + ".Key=k" + k[13:] + k + ".Value=v")
	}
	return b.String()
}

// Recorded at IAM: three members at once, in the order of their names.
func TestDecodeQueryProvider(t *testing.T) {
	var in struct {
		Url            string   `wire:"required,min=1,max=255"`
		ThumbprintList []string `wire:"each.min=40,each.max=40"`
		ClientIDList   []string `wire:"each.min=1,each.max=255"`
	}
	form := url.Values{"Url": {strings.Repeat("u", 256)}, "ThumbprintList.member.1": {"x"}, "ClientIDList.member.1": {strings.Repeat("c", 256)}}
	want := "ValidationError: 3 validation errors detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: " +
		"[Member must have length less than or equal to 255, Member must have length greater than or equal to 1]; " +
		"Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: " +
		"[Member must have length less than or equal to 40, Member must have length greater than or equal to 40]; " +
		"Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255"
	if err := wire.DecodeQuery(form, &in, wire.NamesOnly); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestPatterns(t *testing.T) {
	var in struct {
		Text string `wire:"pattern=IAMTEXT"`
		Path string `wire:"pattern=PATH"`
		Part string `wire:"pattern=LATIN1"`
	}
	tests := []struct {
		field, value string
		ok           bool
	}{
		{"Text", "plain", true}, {"Text", "tab\tline\r\n", true}, {"Text", "ü€😀", true}, {"Text", "", false},
		{"Text", "nul\x00", false}, {"Text", "del\x7f", false}, {"Text", "\x80", false}, {"Text", "\uFFFD", true}, {"Text", "\uFFFE", false},
		{"Path", "/", true}, {"Path", "/a/b/", true}, {"Path", "/a", false}, {"Path", "a/", false}, {"Path", "//", false}, {"Path", "/\n/", false},
		{"Part", "ÿ", true}, {"Part", "Ā", false}, {"Part", "\u007f", true},
	}
	for _, test := range tests {
		err := wire.DecodeQuery(url.Values{test.field: {test.value}}, &in, wire.NamesOnly)
		if (err == nil) != test.ok {
			t.Errorf("%s %q: %v", test.field, test.value, err)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	type filter struct {
		Key    string
		Values []string `wire:"each.max=3"`
	}
	type input struct {
		SecretId     string   `wire:"required,min=1,max=8"`
		VersionStage *string  `wire:"min=1,max=3"`
		MaxResults   *int     `wire:"min=1,max=20"`
		Filters      []filter `wire:"max=2"`
		Lower        string   `json:"lowerName" wire:"required"`
	}
	tests := []struct{ body, code, message string }{
		{`{"SecretId":"a","lowerName":"x","Other":1}`, "", ""},
		{`{"SecretId":"a","lowerName":"x"} {}`, "SerializationException", ""},
		{`{"SecretId":1}`, "SerializationException", ""},
		{`[]`, "SerializationException", ""},
		{``, "ValidationException", "2 validation errors detected: Value at 'lowerName' failed to satisfy constraint: Member must not be null; Value at 'secretId' failed to satisfy constraint: Member must not be null"},
		{`{"SecretId":"123456789","lowerName":"x","MaxResults":0}`, "ValidationException",
			"2 validation errors detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
				"Value '123456789' at 'secretId' failed to satisfy constraint: Member must have length less than or equal to 8"},
		{`{"SecretId":"a","lowerName":"x","VersionStage":"","Filters":[{"Values":["abcd"]}]}`, "ValidationException",
			"2 validation errors detected: Value '[abcd]' at 'filters.1.member.values' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 3]; " +
				"Value '' at 'versionStage' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	}
	for _, test := range tests {
		var in input
		err := wire.DecodeJSON([]byte(test.body), &in)
		if codeOf(err) != test.code {
			t.Errorf("%s: %v, want %q", test.body, err, test.code)
		} else if test.message != "" && err.Error() != test.code+": "+test.message {
			t.Errorf("%s:\ngot  %v\nwant %s", test.body, err, test.message)
		}
	}
}

func BenchmarkDecodeQuery(b *testing.B) {
	form, _ := url.ParseQuery(goodRole + "&DurationSeconds=900&Policy=" + strings.Repeat("a", 500) + "&Tags.member.1.Key=k&Tags.member.1.Value=v")
	b.ReportAllocs()
	for b.Loop() {
		var in assumeRole
		if err := wire.DecodeQuery(form, &in, wire.EchoValues); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDecodeQuery() {
	var in struct {
		RoleArn         string `wire:"required,min=20,max=2048,pattern=IAMTEXT"`
		RoleSessionName string `wire:"required,min=2,max=64,pattern=SESSIONNAME"`
		DurationSeconds *int   `wire:"min=900,max=43200"`
	}
	form := url.Values{"RoleArn": {"arn:aws:iam::111122223333:role/app"}, "RoleSessionName": {"a b"}}
	fmt.Println(wire.DecodeQuery(form, &in, wire.EchoValues))
	// Output: ValidationError: 1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*
}
