package s3_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// TestRegion: what endpoints of other regions answer was recorded in
// yanganto/s3rs#18 and JuliaCloud/AWSS3.jl#25 (301), and aws/aws-sdk-go#380.
func TestRegion(t *testing.T) {
	s := start(t, false)
	config := s.Root(servicetest.Account)
	b := bucket(t, client(config), "reports") // in us-west-2
	write(t, client(config), b, "k", "v")
	in := func(region string) *sdk.Client {
		config := config
		config.Region = region
		return client(config)
	}
	get := func(c *sdk.Client) error {
		_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k")})
		return err
	}
	const redirect = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."
	if err := get(in("us-west-2")); err != nil {
		t.Errorf("its own region: %v", err)
	}
	refused(t, get(in("eu-west-1")), 301, "PermanentRedirect", redirect)
	refused(t, get(in("us-east-1")), 400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'us-west-2'")
	_, err := in("eu-west-1").PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("other")})
	refused(t, err, 301, "PermanentRedirect", redirect)
	if got := read(t, in("us-west-2"), b, "k"); got != "v" {
		t.Errorf("a refused upload wrote %q", got)
	}
	if out := must[*sdk.GetBucketLocationOutput](t)(in("us-east-1").GetBucketLocation(t.Context(), &sdk.GetBucketLocationInput{Bucket: &b})); out.LocationConstraint != "us-west-2" {
		t.Errorf("location %q", out.LocationConstraint)
	}
	signed := must[*awsSigned](t)(presign(in("us-east-1"), b, "k"))
	answer := must[*http.Response](t)(s.Client().Get(signed.URL))
	body := string(must[[]byte](t)(io.ReadAll(answer.Body)))
	answer.Body.Close()
	for _, want := range []string{"<Code>AuthorizationQueryParametersError</Code>", "the region 'us-east-1' is wrong; expecting 'us-west-2'", "<Region>us-west-2</Region>"} {
		if answer.StatusCode != 400 || !strings.Contains(body, want) {
			t.Errorf("presigned: %s: no %s in %s", answer.Status, want, body)
		}
	}
}

// TestFindRegion: a HEAD that nobody signed says where the bucket is, refused as
// it is (API reference, HeadBucket), and so do refused listings; hosts of AWS have
// a region without a signature.
func TestFindRegion(t *testing.T) {
	s := start(t, false)
	b := bucket(t, client(s.Root(servicetest.Account)), "reports")
	_, err := client(s.Role(servicetest.Other, "nobody")).HeadBucket(t.Context(), &sdk.HeadBucketInput{Bucket: &b})
	var refusal *awshttp.ResponseError
	if !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	if answered := refusal.Response.Response; answered.StatusCode != 403 || answered.Header.Get("X-Amz-Bucket-Region") != servicetest.Region {
		t.Errorf("a stranger's HeadBucket: %s, %v", answered.Status, answered.Header)
	}
	for _, c := range []struct {
		method, host, path string
		status             int
		body               string
	}{
		{"HEAD", "", "/reports", 403, ""},
		{"GET", "", "/reports", 403, "<Code>AccessDenied</Code>"},
		{"HEAD", "reports.s3.us-west-2.amazonaws.com", "/", 403, ""},
		{"HEAD", "reports.s3.amazonaws.com", "/", 403, ""},
		{"HEAD", "reports.s3.eu-west-1.amazonaws.com", "/", 301, ""},
		{"GET", "reports.s3-eu-west-1.amazonaws.com", "/k", 301, "<Endpoint>reports.s3.us-west-2.amazonaws.com</Endpoint><Bucket>reports</Bucket>"},
		{"GET", "s3.dualstack.eu-west-1.amazonaws.com", "/reports/k", 301, "<Code>PermanentRedirect</Code>"},
	} {
		req := must[*http.Request](t)(http.NewRequest(c.method, s.URL+c.path, nil))
		req.Host = c.host
		answer := must[*http.Response](t)(s.Client().Transport.RoundTrip(req))
		body := must[[]byte](t)(io.ReadAll(answer.Body))
		answer.Body.Close()
		if answer.StatusCode != c.status || answer.Header.Get("X-Amz-Bucket-Region") != servicetest.Region || !strings.Contains(string(body), c.body) {
			t.Errorf("%s %s%s: %s, region %q, %s", c.method, c.host, c.path, answer.Status, answer.Header.Get("X-Amz-Bucket-Region"), body)
		}
	}
}

// TestRegionOfNewBucket: s3cmd signs for "US" first, and reads in AWS's refusal what
// the endpoint's region is (S3/S3.py, "AuthorizationHeaderMalformed means we sent the
// request to the wrong region").
func TestRegionOfNewBucket(t *testing.T) {
	s := start(t, false)
	config := s.Root(servicetest.Account)
	address := strings.TrimPrefix(s.URL, "http://")
	make := func(endpoint, signed, name string) error {
		c := sdk.NewFromConfig(config, func(o *sdk.Options) {
			o.BaseEndpoint, o.UsePathStyle, o.Region, o.Retryer = &endpoint, true, signed, aws.NopRetryer{}
			o.HTTPClient = &http.Client{Transport: rewrite{address}}
		})
		_, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &name})
		return err
	}
	const malformed = "The authorization header is malformed; the region 'US' is wrong; expecting "
	refused(t, make("http://s3.amazonaws.com", "US", "a-new-one"), 400, "AuthorizationHeaderMalformed", malformed+"'us-east-1'")
	refused(t, make("http://s3.eu-west-1.amazonaws.com", "US", "a-new-one"), 400, "AuthorizationHeaderMalformed", malformed+"'eu-west-1'")
	refused(t, make(s.URL, "US", "a-new-one"), 400, "AuthorizationHeaderMalformed", malformed+"'us-west-2'")
	if err := make("http://s3.amazonaws.com", "us-east-1", "a-new-one"); err != nil {
		t.Error(err)
	}
}
