// Package s3 is Amazon S3 as SDKs, the CLI and Terraform use it to keep and
// read objects: buckets, objects, multipart uploads, listings, copies, tags,
// bucket policies, and the settings that a new bucket has. Every call is held
// against the caller's policies and the bucket's own before it does anything.
//
// What is known of an object is in the same state as everything else, and its
// content beside it (state.Blobs). There is no replication and no event here,
// and what would need them answers NotImplemented.
//
// It follows the API reference of S3 (restXml) and the answers recorded from
// AWS by LocalStack's validated tests; each text that differs says where it
// was seen.
package s3

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// DefaultMaxObjectSize is how large an object may be unless Config says otherwise.
const DefaultMaxObjectSize = 5 << 30

// Config is what a Service needs.
type Config struct {
	// Log takes what no caller can be told; nil discards it.
	Log *slog.Logger
	// Store keeps the buckets and objects; it was opened with Kinds.
	Store *state.Store
	// Rand makes upload ids: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// Region is that of calls which name none.
	Region string
	// Hosts are host names, without port, below which a label names a bucket
	// (BUCKET.HOST), beside AWS's own and localhost.
	Hosts []string
	// Authenticator knows who signed a form; nil: signed forms are not taken.
	Authenticator api.Authenticator
	// Now is the real time, which the policies of forms are held against. Default time.Now.
	Now func() time.Time
	// MaxObjectSize bounds an object in bytes; 0 is DefaultMaxObjectSize.
	MaxObjectSize int64
}

// Service answers the calls of S3.
type Service struct {
	store    *state.Store
	contents *contents
	rand     io.Reader
	region   string
	hosts    []string
	maxSize  int64

	authenticator api.Authenticator
	now           func() time.Time

	log         *slog.Logger
	description *api.Description
}

// New makes a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = discardLog
	}
	if c.MaxObjectSize == 0 {
		c.MaxObjectSize = DefaultMaxObjectSize
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{
		authenticator: c.Authenticator, now: c.Now,
		store: c.Store, contents: newContents(c.Store, c.Rand, c.Log), rand: c.Rand, region: c.Region, hosts: c.Hosts, maxSize: c.MaxObjectSize,
		log: c.Log, description: Description(),
	}
}

var discardLog = slog.New(slog.DiscardHandler)

// Start brings what is kept in order, before the first call.
func (s *Service) Start(ctx context.Context) error { return s.contents.start(ctx) }

// Stop ends what goes on beside the calls, after the last.
func (s *Service) Stop() { s.contents.stop() }

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: "s3", Title: "S3", Protocol: wire.S3{Action: actionOf}, Hosts: []string{"s3", "s3-*"}, Anonymous: true, Records: records,
		Internal:    *wire.Errorf(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."),
		Unavailable: *wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request."),
	}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// call is one request, with what its address names.
type call struct {
	*api.Request
	w     http.ResponseWriter
	query url.Values
	op    *operation
	// name and key are of the bucket and the object that the address names.
	name, key string
	bucket    *Bucket // nil for ListBuckets and CreateBucket
	body      *wire.Payload
	signature *wire.Signature // nil for an unsigned call
	tags      []tag           // that the body gives an object
}

// Serve answers one call; an unsigned one has no principal. The body is a *wire.Payload where the signature covers it.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	c := &call{Request: req, w: w, query: req.HTTP.URL.Query()}
	if c.Region == "" {
		c.Region = s.region
	}
	wire.SetS3Headers(w, req.Call)
	if c.Principal != nil {
		var err error
		if c.signature, err = wire.ParseSignature(req.HTTP); err != nil {
			return err
		}
	}
	if err := c.takeParameters(); err != nil {
		return err
	}
	return c.unsigned(s.answer(c))
}

// takeParameters makes headers of the x-amz-* parameters of a presigned request,
// where clients put what they signed as headers: recorded on AWS
// (test_put_url_metadata_with_sig_s3, test_presigned_url_v4_x_amz_in_qs).
func (c *call) takeParameters() error {
	if !c.query.Has("X-Amz-Signature") && !c.query.Has("AWSAccessKeyId") {
		return nil
	}
	for name, values := range c.query {
		if strings.HasPrefix(name, "x-amz-") && len(c.HTTP.Header.Values(name)) == 0 {
			for _, value := range values {
				if !representable(value) {
					return notRepresentable(name, value)
				}
			}
			c.HTTP.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return nil
}

func (s *Service) answer(c *call) error {
	if c.HTTP.Method == http.MethodOptions {
		return s.preflight(c)
	}
	if err := s.locate(c); err != nil {
		return err
	}
	c.Action, c.Decision.Action, c.Input = c.op.name, c.op.name, c.parameters()
	if err := checkKey(c.key); err != nil {
		return err
	}
	if c.name != "" && c.op.name != "CreateBucket" {
		bucket, ok := state.Get[*Bucket](c.State, c.name)
		if !ok {
			return noSuchBucket(c.name)
		}
		c.bucket = bucket
		c.allowPage(bucket)
		if err := c.checkRegion(); err != nil {
			return err
		}
	}
	if err := c.checkOwner(); err != nil {
		return err
	}
	if err := c.authorizeOperation(); err != nil {
		return err
	}
	if c.op.do == nil {
		return api.Unsupported("s3", c.op.name)
	}
	var err error
	if c.body, err = payload(c.HTTP); err != nil {
		return err
	}
	return c.op.do(s, c)
}

// payload is the decoded body of a request.
func payload(r *http.Request) (*wire.Payload, error) {
	if p, ok := r.Body.(*wire.Payload); ok {
		return p, nil
	}
	return wire.OpenPayload(r, nil)
}
