package s3

import (
	"encoding/xml"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const usEast1 = "us-east-1"

var bucketName = lazyregexp.New(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)

// isLocation says whether a bucket's location has the form of one.
func isLocation(s string) bool { return s == "EU" || aws.IsRegion(s) }

// validName follows the rules for general purpose buckets of the user guide.
func validName(name string) bool {
	return len(name) <= 63 && bucketName.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil &&
		!strings.HasPrefix(name, "xn--") && !strings.HasPrefix(name, "sthree-") && !strings.HasSuffix(name, "-s3alias") && !strings.HasSuffix(name, "--ol-s3")
}

type createBucketConfiguration struct {
	XMLName            xml.Name
	LocationConstraint string
	Tags               []tag `xml:"Tags>Tag"`
}

func (s *Service) createBucket(c *call) error {
	if err := s.checkEndpoint(c); err != nil {
		return err
	}
	var in createBucketConfiguration
	body, err := c.readAll(maxDocument)
	if err != nil {
		return err
	}
	malformed := len(body) > 0 && xml.Unmarshal(body, &in) != nil
	if malformed {
		in = createBucketConfiguration{}
	}
	if err := c.authorizeNew(&in); err != nil {
		return err
	}
	if malformed {
		return malformedXML()
	}
	if !validName(c.name) {
		return fail(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", c.name)
	}
	if c.Principal == nil {
		return accessDenied("an anonymous caller cannot own a bucket")
	}
	region, err := location(c.Region, in.LocationConstraint)
	if err != nil {
		return err
	}
	b := newBucket(c.Principal.Account, region, c.name)
	b.Created = c.Now
	if values, given := c.HTTP.Header["X-Amz-Object-Ownership"]; given {
		if !slices.Contains(ownerships, values[0]) {
			return invalidArgumentOnly("Invalid x-amz-object-ownership header: "+values[0], "x-amz-object-ownership")
		}
		b.Ownership = values[0]
	}
	switch {
	case strings.EqualFold(c.HTTP.Header.Get("X-Amz-Bucket-Object-Lock-Enabled"), "true"):
		return api.Unsupported("s3", "CreateBucket with Object Lock")
	case !slices.Contains([]string{"", "global"}, c.HTTP.Header.Get("X-Amz-Bucket-Namespace")):
		return api.Unsupported("s3", "CreateBucket in the namespace "+c.HTTP.Header.Get("X-Amz-Bucket-Namespace"))
	case plainACL(c.HTTP.Header, ""): // private is taken, here
	case b.Ownership == ownerships[0]:
		return fail(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting", "BucketName", b.Name)
	default:
		return c.aclNotSupported(b.Ownership)
	}
	if b.Tags, err = checkTags(in.Tags, true); err != nil {
		return err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		old, taken := state.Get[*Bucket](tx, b.Name)
		switch {
		case !taken:
			tx.Put(b)
			return nil
		case old.Account != b.Account:
			return fail(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
				"BucketName", b.Name)
		case c.Region == usEast1 && old.Region == usEast1:
			return nil // the one region in which making a bucket again is well
		}
		return fail(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", b.Name)
	})
	if err != nil {
		return err
	}
	h := c.w.Header()
	switch {
	case region == usEast1:
		h.Set("Location", "/"+b.Name)
	case aws.PartitionOf(region).ID == aws.DefaultPartition:
		h.Set("Location", "http://"+b.Name+".s3.amazonaws.com/")
	default: // of whose buckets that host knows nothing
		h.Set("Location", "http://"+b.endpoint()+"/")
	}
	h.Set("X-Amz-Bucket-Arn", b.ARN())
	return c.ok()
}

// newBucket is a bucket as AWS makes them: ACLs off, nothing public, AES256.
func newBucket(account, region, name string) *Bucket {
	return &Bucket{
		Account: account, Region: region, Name: name, PublicAccess: &PublicAccessBlock{true, true, true, true},
		Ownership: "BucketOwnerEnforced", Encryption: Encryption{Algorithm: statefile.AES256},
	}
}

// location is the region of a new bucket: that of the end point, which the
// constraint must name unless it is us-east-1. Recorded on AWS.
func location(endpoint, constraint string) (string, error) {
	illegal := func(what string) error {
		return fail(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The "+what+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	}
	switch {
	case constraint == "" && (endpoint == usEast1 || endpoint == "aws-global"):
		return usEast1, nil
	case constraint == "":
		return "", illegal("unspecified")
	case endpoint == usEast1 && (constraint == usEast1 || !isLocation(constraint)):
		return "", fail(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid", "LocationConstraint", constraint)
	case endpoint != usEast1 && endpoint != constraint && !(constraint == "EU" && endpoint == "eu-west-1"):
		return "", illegal(constraint)
	case constraint == "EU":
		return "eu-west-1", nil
	}
	return constraint, nil
}

func (s *Service) headBucket(c *call) error {
	h := c.w.Header()
	h.Set("X-Amz-Bucket-Arn", c.bucket.ARN())
	h.Set("X-Amz-Access-Point-Alias", "false")
	h.Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) deleteBucket(c *call) error {
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		b, err := c.sameBucket(tx)
		if err != nil {
			return err
		}
		for o := range state.All[*Object](tx, objectKey(c.name, "")) {
			f := fail(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty", "BucketName", c.name)
			if b.Versioning != "" {
				f.Wire.Message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
				f.Because("there is still %q, in a bucket that has versions: the object, an older version or a delete marker", o.Key)
			}
			return f
		}
		s.contents.dropUploads(tx, c.name)
		tx.Delete(b)
		return nil
	})
	if err != nil {
		return err
	}
	return c.noContent()
}

type listBucketsResult struct {
	Owner             *owner
	Buckets           []bucketEntry `xml:"Buckets>Bucket"`
	ContinuationToken string        `xml:",omitempty"`
	Prefix            string        `xml:",omitempty"`
}

type bucketEntry struct {
	Name         string
	CreationDate stamp
	BucketRegion string
	BucketArn    string
}

func (s *Service) listBuckets(c *call) error {
	if c.Principal == nil {
		return accessDenied("an anonymous caller has no buckets")
	}
	limit := 10000
	if text := c.query.Get("max-buckets"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 10000 {
			return invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", text)
		}
		limit = n
	}
	region := c.query.Get("bucket-region")
	if region != "" && !isLocation(region) {
		return invalidArgumentOnly("Argument value "+region+" is not a valid AWS Region", "bucket-region")
	}
	after, err := readToken(c.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	out := listBucketsResult{Owner: ownerOf(c.Principal.Account), Prefix: c.query.Get("prefix")}
	for b := range state.All[*Bucket](c.State, out.Prefix) {
		if b.Account != c.Principal.Account || b.Name <= after || region != "" && b.Region != region {
			continue
		}
		if len(out.Buckets) == limit {
			out.ContinuationToken = makeToken(out.Buckets[limit-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, bucketEntry{b.Name, stamp(b.Created), b.Region, b.ARN()})
	}
	return c.writeXML("ListAllMyBucketsResult", out)
}

func invalidArgumentOnly(message, name string) error {
	return fail(http.StatusBadRequest, "InvalidArgument", message, "ArgumentName", name)
}

// changeBucket applies fn to a copy of the call's bucket, on its newest state.
func (s *Service) changeBucket(c *call, fn func(*Bucket)) error {
	return s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		b, err := c.sameBucket(tx)
		if err != nil {
			return err
		}
		changed := *b
		fn(&changed)
		tx.Put(&changed)
		return nil
	})
}

type tag = aws.Tag
