package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(r) }

// TestCORS: recorded on AWS (test_cors_http_options_*, test_cors_match_*, test_put_cors_invalid_rules).
func TestCORS(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	_, err := c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: &b})
	refused(t, err, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
	put := func(rules ...types.CORSRule) error {
		_, err := c.PutBucketCors(ctx, &sdk.PutBucketCorsInput{Bucket: &b, CORSConfiguration: &types.CORSConfiguration{CORSRules: append([]types.CORSRule{}, rules...)}})
		return err
	}
	refused(t, put(types.CORSRule{AllowedMethods: []string{"MYMETHOD"}, AllowedOrigins: []string{"*"}}), 400, "InvalidRequest",
		"Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD")
	refused(t, put(), 400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	ask := func(path, origin, method, headers string) (*http.Response, string) {
		t.Helper()
		req := must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodOptions, s.URL+path, nil))
		for name, value := range map[string]string{"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		resp := must[*http.Response](t)(s.Client().Do(req))
		defer resp.Body.Close()
		return resp, string(must[[]byte](t)(io.ReadAll(resp.Body)))
	}
	for _, tc := range []struct{ path, origin, method, want string }{
		{"/reports/k", "", "", "<Message>Insufficient information. Origin request header needed.</Message>"},
		{"/absent", "https://a.example", "", "<Message>CORSResponse: Bucket not found</Message><Method>OPTIONS</Method><ResourceType>BUCKET</ResourceType>"},
		{"/reports/k", "https://a.example", "PUT", "<Message>CORSResponse: CORS is not enabled for this bucket.</Message><Method>PUT</Method><ResourceType>BUCKET</ResourceType>"},
	} {
		if _, body := ask(tc.path, tc.origin, tc.method, ""); !strings.Contains(body, tc.want) {
			t.Errorf("%s of %q: %s", tc.path, tc.origin, body)
		}
	}
	rules := []types.CORSRule{
		{AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"https://*.example"}, AllowedHeaders: []string{"x-amz-*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3000)},
		{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}, ID: aws.String("all")},
	}
	if err := put(rules...); err != nil {
		t.Fatal(err)
	}
	got := must[*sdk.GetBucketCorsOutput](t)(c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: &b}))
	if diff := cmp.Diff(rules, got.CORSRules, cmpopts.IgnoreUnexported(types.CORSRule{})); diff != "" {
		t.Errorf("(-put +got):\n%s", diff)
	}
	for _, tc := range []struct {
		origin, method, headers string
		status                  int
		want                    map[string]string
	}{
		{"https://a.example", "PUT", "X-Amz-Date, x-amz-acl", 200, map[string]string{"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "X-Amz-Date, x-amz-acl", "Access-Control-Expose-Headers": "ETag", "Access-Control-Max-Age": "3000",
			"Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"}},
		{"https://b.test", "GET", "", 200, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "", "Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": ""}},
		{"https://b.test", "PUT", "", 403, nil},
		{"https://a.example", "PUT", "authorization", 403, nil},
		{"https://a.example", "DELETE", "", 403, nil},
		{"http://a.example", "PUT", "", 403, nil},
	} {
		resp, body := ask("/reports/k", tc.origin, tc.method, tc.headers)
		if resp.StatusCode != tc.status || tc.status == 403 && (!strings.Contains(body, "This CORS request is not allowed.") || !strings.Contains(body, "<ResourceType>OBJECT</ResourceType>")) {
			t.Errorf("%s %s %q: %d %s", tc.origin, tc.method, tc.headers, resp.StatusCode, body)
		}
		for name, value := range tc.want {
			if got := resp.Header.Get(name); got != value {
				t.Errorf("%s %s: %s is %q, want %q", tc.origin, tc.method, name, got, value)
			}
		}
	}
	req := must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/reports/k", nil))
	req.Header.Set("Origin", "https://a.example")
	resp := must[*http.Response](t)(s.Client().Do(req))
	resp.Body.Close()
	if resp.StatusCode != 403 || resp.Header.Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Errorf("a page may read a refusal: %d, %v", resp.StatusCode, resp.Header)
	}
	must[*sdk.DeleteBucketCorsOutput](t)(c.DeleteBucketCors(ctx, &sdk.DeleteBucketCorsInput{Bucket: &b}))
	_, err = c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: &b})
	refused(t, err, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
}

// TestLifecycle: what is put comes back; recorded on AWS (test_put_bucket_lifecycle_conf_exc, test_s3_transition_default_minimum_object_size).
func TestLifecycle(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	put := func(rules ...types.LifecycleRule) error {
		_, err := c.PutBucketLifecycleConfiguration(ctx, &sdk.PutBucketLifecycleConfigurationInput{Bucket: &b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
		return err
	}
	rules := []types.LifecycleRule{
		{ID: aws.String("all"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(7)},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}},
		{ID: aws.String("some"), Status: "Disabled", Filter: &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("a/"), ObjectSizeGreaterThan: aws.Int64(5),
			Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}},
			Transitions:                    []types.Transition{{Days: aws.Int32(30), StorageClass: "GLACIER"}},
			NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(3), NewerNoncurrentVersions: aws.Int32(2)},
			NoncurrentVersionTransitions:   []types.NoncurrentVersionTransition{{NoncurrentDays: aws.Int32(1), StorageClass: "STANDARD_IA"}},
			Expiration:                     &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)},
			AbortIncompleteMultipartUpload: nil},
	}
	if err := put(rules...); err != nil {
		t.Fatal(err)
	}
	got := must[*sdk.GetBucketLifecycleConfigurationOutput](t)(c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: &b}))
	ignore := cmpopts.IgnoreUnexported(types.LifecycleRule{}, types.LifecycleRuleFilter{}, types.LifecycleExpiration{}, types.AbortIncompleteMultipartUpload{}, types.LifecycleRuleAndOperator{},
		types.Tag{}, types.Transition{}, types.NoncurrentVersionExpiration{}, types.NoncurrentVersionTransition{})
	if diff := cmp.Diff(rules, got.Rules, ignore); diff != "" || got.TransitionDefaultMinimumObjectSize != "all_storage_classes_128K" {
		t.Errorf("%s (-put +got):\n%s", got.TransitionDefaultMinimumObjectSize, diff)
	}
	const malformed = "The XML you provided was not well-formed or did not validate against our published schema"
	refused(t, put(types.LifecycleRule{ID: aws.String("x"), Status: "Enabled", Expiration: &types.LifecycleExpiration{Days: aws.Int32(7)}}), 400, "MalformedXML", malformed)
	refused(t, put(types.LifecycleRule{Status: "Enabled", Filter: &types.LifecycleRuleFilter{}, NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{}}), 400, "MalformedXML", malformed)
	refused(t, put(types.LifecycleRule{Status: "Enabled", Filter: &types.LifecycleRuleFilter{}}), 400, "InvalidRequest", "At least one action needs to be specified in a rule.")
	must[*sdk.DeleteBucketLifecycleOutput](t)(c.DeleteBucketLifecycle(ctx, &sdk.DeleteBucketLifecycleInput{Bucket: &b}))
	_, err := c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: &b})
	refused(t, err, 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
}
