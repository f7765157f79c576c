package emulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// uploadForm is a form as SDKs presign them (createPresignedPost).
type uploadForm struct {
	fields [][2]string
	file   string
}

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// newUploadForm signs a policy of the conditions as the administrator.
func newUploadForm(key string, life time.Duration, conditions ...string) *uploadForm {
	now := time.Now().UTC()
	date := now.Format("20060102")
	credential := "test/" + date + "/us-west-2/s3/aws4_request"
	conditions = append(conditions, `{"bucket":"forms"}`, `["starts-with","$key","up/"]`, `{"x-amz-algorithm":"AWS4-HMAC-SHA256"}`,
		fmt.Sprintf(`{"x-amz-credential":%q}`, credential), fmt.Sprintf(`{"x-amz-date":%q}`, now.Format("20060102T150405Z")))
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration":%q,"conditions":[%s]}`, now.Add(life).Format(time.RFC3339), strings.Join(conditions, ",")))
	signing := []byte("AWS4test")
	for _, part := range []string{date, "us-west-2", "s3", "aws4_request"} {
		signing = hmacOf(signing, part)
	}
	return &uploadForm{[][2]string{
		{"key", key}, {"x-amz-algorithm", "AWS4-HMAC-SHA256"}, {"x-amz-credential", credential}, {"x-amz-date", now.Format("20060102T150405Z")},
		{"policy", policy}, {"x-amz-signature", hex.EncodeToString(hmacOf(signing, policy))},
	}, "content"}
}

func (f *uploadForm) with(name, value string) *uploadForm {
	for i := range f.fields {
		if f.fields[i][0] == name {
			f.fields[i][1] = value
			return f
		}
	}
	f.fields = append(f.fields, [2]string{name, value})
	return f
}

func (f *uploadForm) post(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, field := range f.fields {
		if field[1] == "" {
			continue
		}
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "a b.txt")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(file, f.file)
	w.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Post(url+"/forms", w.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// Forms that upload objects: texts and codes were recorded on AWS by LocalStack
// (TestS3PresignedPost: test_post_request_*, test_post_object_policy_*).
func TestUploadForms(t *testing.T) {
	emu := Start(t, Config{Region: "us-west-2"})
	client := s3.NewFromConfig(emu.AWSConfig(), pathStyle)
	ctx := t.Context()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("forms"), CreateBucketConfiguration: usWest2}); err != nil {
		t.Fatal(err)
	}
	new := newUploadForm
	const key = "up/${filename}"
	for name, test := range map[string]struct {
		form   *uploadForm
		status int
		want   string
	}{
		"plain":                  {new(key, time.Hour), 204, ""},
		"201":                    {new(key, time.Hour, `{"success_action_status":"201"}`).with("success_action_status", "201"), 201, "<Key>up/a b.txt</Key>"},
		"a condition holds":      {new(key, time.Hour, `["starts-with","$x-amz-meta-a","b"]`).with("x-amz-meta-a", "bc"), 204, ""},
		"eq":                     {new(key, time.Hour, `["eq","$x-amz-meta-a","b"]`).with("x-amz-meta-a", "c"), 403, `Policy Condition failed: [&quot;eq&quot;, &quot;$x-amz-meta-a&quot;, &quot;b&quot;]`},
		"starts-with":            {new(key, time.Hour, `["starts-with","$x-amz-meta-a","b"]`).with("x-amz-meta-a", "c"), 403, `Policy Condition failed: [&quot;starts-with&quot;`},
		"another key":            {new(key, time.Hour).with("key", "elsewhere"), 403, "Policy Condition failed: [&quot;starts-with&quot;, &quot;$key&quot;, &quot;up/&quot;]"},
		"a field too many":       {new(key, time.Hour).with("extra", "x"), 403, "Invalid according to Policy: Extra input fields: extra"},
		"a field to be ignored":  {new(key, time.Hour).with("x-ignore-me", "x"), 204, ""},
		"too long":               {new(key, time.Hour, `["content-length-range",1,5]`), 400, "<ProposedSize>7</ProposedSize><MaxSizeAllowed>5</MaxSizeAllowed>"},
		"too short":              {new(key, time.Hour, `["content-length-range",8,9]`), 400, "<ProposedSize>7</ProposedSize><MinSizeAllowed>8</MinSizeAllowed>"},
		"a range of words":       {new(key, time.Hour, `["content-length-range","test","10"]`), 403, "Policy Condition failed: [&quot;content-length-range&quot;, &quot;test&quot;, &quot;10&quot;]"},
		"a condition of two":     {new(key, time.Hour, `{"a":"b","c":"d"}`), 400, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		"expired":                {new(key, -time.Minute), 403, "Invalid according to Policy: Policy expired."},
		"another signature":      {new(key, time.Hour).with("x-amz-signature", strings.Repeat("0", 64)), 403, "<Code>SignatureDoesNotMatch</Code>"},
		"no signature":           {new(key, time.Hour).with("x-amz-signature", ""), 400, "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is specified, please check the order of the fields."},
		"no algorithm":           {new(key, time.Hour).with("x-amz-algorithm", ""), 400, "Bucket POST must contain a field named 'X-Amz-Algorithm'."},
		"an unknown key":         {new(key, time.Hour).with("x-amz-credential", "AKIAIOSFODNN7EXAMPLE/"+time.Now().UTC().Format("20060102")+"/us-west-2/s3/aws4_request"), 403, "<Code>InvalidAccessKeyId</Code>"},
		"from anybody":           {&uploadForm{[][2]string{{"key", "k"}}, "content"}, 403, "<Code>AccessDenied</Code>"},
		"tags that are no XML":   {new(key, time.Hour, `["starts-with","$tagging",""]`).with("tagging", "not xml"), 400, "<Code>MalformedXML</Code>"},
		"a redirect":             {new(key, time.Hour, `["starts-with","$success_action_redirect",""]`).with("success_action_redirect", "http://localhost:1/done?a=b"), 303, ""},
		"an ACL where it is off": {new(key, time.Hour, `{"acl":"public-read"}`).with("acl", "public-read"), 400, "<Code>AccessControlListNotSupported</Code>"},
	} {
		resp, body := test.form.post(t, emu.URL)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: %d %s, want %d %s", name, resp.StatusCode, body, test.status, test.want)
		}
		if test.status == 303 && resp.Header.Get("Location") != `http://localhost:1/done?a=b&bucket=forms&etag=%229a0364b9e99bb480dd25e1f0284c8555%22&key=up%2Fa+b.txt` {
			t.Errorf("%s: to %s", name, resp.Header.Get("Location"))
		}
	}
	// What policies are told of a form: who signed it, how, and how long ago.
	deny := func(condition string) {
		t.Helper()
		if _, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("forms"), Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
			"Resource":"arn:aws:s3:::forms/*","Condition":{` + condition + `}}]}`)}); err != nil {
			t.Fatal(err)
		}
	}
	for condition, status := range map[string]int{
		`"StringEquals":{"s3:authType":"POST"}`: 403, `"StringNotEquals":{"s3:authType":["POST","REST-HEADER"]}`: 204, `"StringEquals":{"s3:authType":"REST-QUERY-STRING"}`: 204,
		`"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}`: 403, `"StringEquals":{"s3:signatureversion":"AWS"}`: 204,
		`"NumericLessThan":{"s3:signatureAge":"600000"}`: 403, `"NumericGreaterThan":{"s3:signatureAge":"600000"}`: 204,
	} {
		deny(condition)
		if resp, body := new("up/policy", time.Hour).post(t, emu.URL); resp.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", condition, resp.StatusCode, body, status)
		}
	}
	deny(`"Null":{"s3:authType":"true"}`)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("forms"), Key: aws.String("up/a b.txt")})
	if err != nil || *head.ContentLength != 7 {
		t.Errorf("what was uploaded: %+v, %v", head, err)
	}
	resp, err := http.Post(emu.URL+"/forms", "application/xml", strings.NewReader("<a/>"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("a body that is no form: %d", resp.StatusCode)
	}
}
