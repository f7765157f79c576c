package s3

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
)

func (s *Service) getBucketPolicy(c *call) error {
	if c.bucket.Policy == nil {
		return noSuchPolicy(c.name)
	}
	c.send("application/json", []byte(c.bucket.policyNow(c.State).Text))
	return nil
}

func noSuchPolicy(bucket string) error {
	return fail(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist", "BucketName", bucket)
}

func (s *Service) getBucketPolicyStatus(c *call) error {
	if c.bucket.Policy == nil {
		return noSuchPolicy(c.name)
	}
	c.writeRaw("PolicyStatus", "<IsPublic>"+strconv.FormatBool(c.bucket.public())+"</IsPublic>")
	return nil
}

func (s *Service) putBucketPolicy(c *call) error {
	text, err := c.readAll(20 << 10) // the limit of the user guide
	if err != nil {
		return err
	}
	parsed, err := validatePolicy(c.bucket, text)
	if err != nil {
		return err
	}
	if p := c.bucket.PublicAccess; p != nil && p.BlockPublicPolicy && services.PublicBucket(parsed) {
		return c.publicPolicyBlocked()
	}
	document, principals, unknown := iam.BindPrincipals(c.State, parsed)
	if unknown != "" {
		return iam.NamesNobody(invalidPrincipal(unknown), unknown)
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Policy, b.PolicyPrincipals = &document, principals }); err != nil {
		return err
	}
	return c.noContent()
}

// invalidPrincipal: in many public reports, whatever is wrong with the principal.
func invalidPrincipal(written string) *api.Refusal {
	return fail(http.StatusBadRequest, "MalformedPolicy", "Invalid principal in policy", "Detail", `"AWS" : "`+written+`"`)
}

// publicPolicyBlocked: seen on AWS.
func (c *call) publicPolicyBlocked() error {
	f := fail(http.StatusForbidden, "AccessDenied", "User: "+c.Principal.ARN+` is not authorized to perform: s3:PutBucketPolicy on resource: "`+c.bucket.ARN()+
		`" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`)
	f.Reason.Kind = decision.Policy
	f.Reason.Hint = "a new bucket blocks public policies: call PutPublicAccessBlock or DeletePublicAccessBlock first"
	return f
}

// validatePolicy checks a bucket policy in S3's words.
func validatePolicy(b *Bucket, text []byte) (*policy.Document, error) {
	malformed := func(message string, cause error) error {
		f := fail(http.StatusBadRequest, "MalformedPolicy", message)
		var v *policy.ValidationError
		if cause != nil {
			f.Reason.Message = cause.Error()
		}
		if errors.As(cause, &v) {
			f.Reason.Advise(v.Hint)
		}
		return f
	}
	parsed, err := policy.ValidateResource(text, aws.PartitionIn(b.ARN()))
	if !bytes.HasPrefix(text, []byte("{")) || !validJSON(text) {
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'", err)
	}
	if !hasStatement(text) {
		return nil, malformed("Missing required field Statement", err)
	}
	var v *policy.ValidationError
	switch errors.As(err, &v); {
	case v != nil && v.Principal != "":
		return nil, invalidPrincipal(v.Principal).Because("%s", v.Message)
	case v != nil && v.Effect != "":
		return nil, malformed("Invalid effect: "+v.Effect, err) // versity/versitygw#647
	case v != nil && v.Action != "":
		return nil, malformed("Policy has invalid action", err) // versity/versitygw#650
	case v != nil && v.Missing != "":
		return nil, malformed("Missing required field "+v.Missing, err) // hashicorp/terraform#28688
	case err != nil:
		return nil, malformed("Invalid policy syntax.", err)
	}
	for i := range parsed.Statements {
		st := &parsed.Statements[i]
		for _, resource := range st.Resources.Values {
			if !b.covers(resource) {
				return nil, malformed("Policy has invalid resource", errors.New("the resource "+resource+" is neither this bucket, "+b.ARN()+", nor in it"))
			}
		}
		if message, reason := b.checkActions(st); message != "" {
			return nil, malformed(message, errors.New(reason))
		}
	}
	return parsed, nil
}

// covers says whether a policy's resource can be the bucket or something in it.
func (b *Bucket) covers(resource string) bool {
	if resource == "*" {
		return false
	}
	literal := resource
	if i := strings.IndexAny(resource, "*?$"); i >= 0 {
		literal = resource[:i]
		if len(literal) < len(b.ARN()) {
			return strings.HasPrefix(b.ARN(), literal)
		}
	}
	return literal == b.ARN() || strings.HasPrefix(literal, b.ARN()+"/")
}

func (s *Service) deleteBucketPolicy(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.Policy, b.PolicyPrincipals = nil, nil }); err != nil {
		return err
	}
	return c.noContent()
}
