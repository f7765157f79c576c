package s3

import (
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
)

// checkRegion refuses a call on a bucket of another region than that of the
// endpoint, which is the host's, or where AWS's name is not in it, the one that
// the call is signed for. A regional endpoint answers 301 without a Location; the
// global one, which is that of us-east-1, refuses the signature (recorded in
// yanganto/s3rs#18, JuliaCloud/AWSS3.jl#25 and aws/aws-sdk-go#380). Where a bucket
// is, HeadBucket and the listings say to everybody, refused or not: that is how
// SDKs find it (API reference, HeadBucket).
func (c *call) checkRegion() error {
	b := c.bucket
	switch c.op.name {
	case "GetBucketLocation": // it may be asked anywhere
		return nil
	case "HeadBucket", "ListObjects", "ListObjectsV2":
		c.w.Header().Set("X-Amz-Bucket-Region", b.Region)
	}
	host, signed := hostRegion(c.HTTP.Host), ""
	if c.signature != nil {
		signed = c.signature.Region
	}
	wrongHost := host != "" && host != b.Region
	if !wrongHost && (signed == "" || signed == b.Region) {
		return nil
	}
	c.w.Header().Set("X-Amz-Bucket-Region", b.Region)
	var f *api.Refusal
	if !wrongHost && (signed == usEast1 || host != "") {
		f = api.Refuse(decision.Parameter, c.signature.WrongRegion(b.Region))
	} else {
		f = fail(http.StatusMovedPermanently, "PermanentRedirect",
			"The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
			"Endpoint", b.endpoint(), "Bucket", b.Name)
	}
	where := "signed for " + signed
	if wrongHost {
		where = "sent to " + host
	}
	return f.Because("the bucket %s is in %s, and the request is %s", b.Name, b.Region, where).
		WithHint("give the client the bucket's region, " + b.Region + ": in a pod AWS_REGION is the cluster's")
}

// checkEndpoint refuses a bucket's making that is signed for what is no region.
// Programs that have another name for one, such as s3cmd's "US", read the endpoint's
// region in the answer: the host's, us-east-1 at AWS's global one.
func (s *Service) checkEndpoint(c *call) error {
	if c.signature == nil || c.signature.Region == "" || c.signature.Region == "aws-global" || aws.IsRegion(c.signature.Region) {
		return nil
	}
	want := hostRegion(c.HTTP.Host)
	host, _, _ := strings.Cut(c.HTTP.Host, ":")
	if _, ours := aws.CutEndpoint(host); want == "" && ours {
		want = usEast1
	}
	if want == "" {
		want = s.region
	}
	return api.Refuse(decision.Parameter, c.signature.WrongRegion(want)).Because("the request is signed for %s, which is not a region", c.signature.Region).
		WithHint("give the client the endpoint's region, " + want)
}

// hostRegion is the region that one of AWS's host names for S3 has: BUCKET.s3.REGION,
// s3-REGION, s3.dualstack.REGION, s3-fips.REGION; "" for the global one and for
// names that are not AWS's.
func hostRegion(hostport string) string {
	host, _, _ := strings.Cut(hostport, ":")
	labels, ok := aws.CutEndpoint(host)
	if !ok {
		return ""
	}
	parts := strings.Split(labels, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i] != "s3" && !strings.HasPrefix(parts[i], "s3-") {
			continue
		}
		last := parts[len(parts)-1]
		if i == len(parts)-1 {
			last = strings.TrimPrefix(last, "s3-")
		}
		if aws.IsRegion(last) {
			return last
		}
		return ""
	}
	return ""
}

// endpoint is the bucket's host in its region.
func (b *Bucket) endpoint() string {
	return b.Name + ".s3." + b.Region + "." + aws.PartitionOf(b.Region).DNSSuffix
}
