package s3

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

// Headers that an object keeps and gives back.
var keptHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires", "X-Amz-Website-Redirect-Location",
}

var storageClasses = []string{"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"}

const defaultContentType = "binary/octet-stream"

// newObject is what the headers of an upload say of its object.
func (c *call) newObject() (*Object, error) {
	h := c.HTTP.Header
	o := &Object{
		Bucket: c.name, Key: c.key, Modified: c.Now,
		Headers: map[string]string{"Content-Type": defaultContentType}, Metadata: map[string]string{},
	}
	if err := c.refuseUnsupported(); err != nil {
		return nil, err
	}
	for _, name := range keptHeaders {
		if value := h.Get(name); value != "" {
			o.Headers[name] = value
		}
	}
	// aws-chunked is how the body came, not how the object is kept.
	if encodings := strings.Split(o.Headers["Content-Encoding"], ","); len(encodings) > 0 {
		encodings = slices.DeleteFunc(encodings, func(e string) bool { return strings.TrimSpace(e) == "aws-chunked" })
		o.Headers["Content-Encoding"] = strings.Join(encodings, ",")
		if o.Headers["Content-Encoding"] == "" {
			delete(o.Headers, "Content-Encoding")
		}
	}
	size := 0
	for name, values := range h {
		if key, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
			o.Metadata[strings.ToLower(key)] = strings.Join(values, ",")
			size += len(key) + len(values[0])
		}
	}
	if size > 2048 {
		return nil, fail(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", "Size", strconv.Itoa(size), "MaxSizeAllowed", "2048")
	}
	if o.StorageClass = h.Get("X-Amz-Storage-Class"); o.StorageClass == "" {
		o.StorageClass = "STANDARD"
	} else if !slices.Contains(storageClasses, o.StorageClass) {
		return nil, fail(http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid", "StorageClassRequested", o.StorageClass)
	}
	var err error
	if o.Tags, err = headerTags(h); err != nil {
		return nil, err
	}
	if o.Encryption, err = c.wantedEncryption(); err != nil {
		return nil, err
	}
	return o, c.encrypt(o)
}

// refuseUnsupported refuses what would change what happens to the object.
func (c *call) refuseUnsupported() error {
	h := c.HTTP.Header
	switch {
	case h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "":
		return api.Unsupported("s3", c.op.name+" with a customer's key (SSE-C)")
	case h.Get("X-Amz-Object-Lock-Mode") != "" || h.Get("X-Amz-Object-Lock-Legal-Hold") != "" || h.Get("X-Amz-Object-Lock-Retain-Until-Date") != "":
		return fail(http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration")
	case h.Get("X-Amz-Write-Offset-Bytes") != "":
		return headerNotImplemented("x-amz-write-offset-bytes", "")
	case !plainACL(h, c.bucket.Ownership):
		return c.aclNotSupported(c.bucket.Ownership)
	}
	return nil
}

// checkSize refuses a body that is too long or does not say how long it is.
func (s *Service) checkSize(c *call) error {
	n := c.body.Length()
	if n < 0 {
		return fail(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	if n > mostOfOneCall {
		return tooLargeForOneCall(n)
	}
	if n > s.maxSize {
		return s.tooLarge(n)
	}
	return nil
}

// mostOfOneCall is how much S3 takes, and copies, in one call; more goes in parts
// (user guide, "Uploading objects" and "Copying, moving, and renaming objects").
const mostOfOneCall = 5 << 30

func tooLargeForOneCall(n int64) error {
	return entityTooLarge(n, mostOfOneCall).Because("S3 takes up to 5 GiB in one call, and this has %d bytes: upload it in parts", n)
}

func entityTooLarge(n, most int64) *api.Refusal {
	return fail(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
		"ProposedSize", strconv.FormatInt(n, 10), "MaxSizeAllowed", strconv.FormatInt(most, 10))
}

func (s *Service) tooLarge(n int64) error {
	f := entityTooLarge(n, s.maxSize)
	if s.maxSize < 5<<40 { // S3's own, of an object that is uploaded in parts
		return f.Because("irsa-emu keeps objects up to %d bytes, and this has %d; AWS would take it: the limit is irsa-emu's own", s.maxSize, n).
			WithHint("start it with a higher --max-object-size")
	}
	return f
}

func (s *Service) putObject(c *call) error {
	o, err := c.newObject()
	if err != nil {
		return err
	}
	if err := s.checkSize(c); err != nil {
		return err
	}
	conditions, err := writeConditions(c.HTTP.Header)
	if err != nil {
		return err
	}
	algorithm, err := requested(c.HTTP)
	if err != nil {
		return err
	}
	if algorithm == "" {
		algorithm = defaultAlgorithm
	}
	up, err := c.startUpload(algorithm)
	if err != nil {
		return err
	}
	if o.Content, o.Size, err = s.contents.keep(c.HTTP.Context(), up.reader); err != nil {
		return c.unread(err)
	}
	if o.ETag, o.Checksum, err = s.finishUpload(up, o.Encryption); err != nil {
		s.contents.discard(c.HTTP.Context(), o.Content)
		return err
	}
	if o, err = s.replace(c, o, conditions); err != nil {
		return err
	}
	h := c.w.Header()
	c.setVersion(o)
	setETag(h, quoted(o.ETag))
	o.Checksum.set(h)
	o.Encryption.set(h)
	return c.ok()
}

// replace makes an object the newest version of its key, if the conditions
// hold, and gives it as it is kept. The content is the store's from then on, or
// is removed.
func (s *Service) replace(c *call, o *Object, conditions conditions) (*Object, error) {
	kept, err := s.putNewest(c, o, conditions, nil)
	return kept, s.contents.settle(c.HTTP.Context(), o.Content, err)
}

// putNewest is replace for content that has an owner already: it leaves it
// alone. first runs before, in the same transaction.
func (s *Service) putNewest(c *call, o *Object, conditions conditions, first func(*state.Txn) error) (kept *Object, err error) {
	if o.VersionID, err = s.versionID(); err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		b, err := c.sameBucket(tx)
		if err != nil {
			return err
		}
		before, _ := current(tx, o.Bucket, o.Key)
		if err := conditions.check(before, o.Key); err != nil {
			return err
		}
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		kept = s.contents.put(tx, b, o)
		return nil
	})
	return kept, err
}

// sameBucket finds the bucket of the call as it is now. It must be the one that
// the call was allowed for, and not another that has got its name since.
func (c *call) sameBucket(r state.Reader) (*Bucket, error) {
	b, ok := state.Get[*Bucket](r, c.name)
	if !ok || b.Account != c.bucket.Account || !b.Created.Equal(c.bucket.Created) {
		return nil, noSuchBucket(c.name)
	}
	return b, nil
}

// unread reads the rest of a body that was not taken for a reason of the
// emulator's own: who still sends does not see the answer.
func (c *call) unread(err error) error {
	if state.Unavailable(err) {
		const most = 64 << 20
		_, _ = io.CopyN(io.Discard, c.body, most)
	}
	return err
}

// conditions are those under which an object is written or deleted.
type conditions struct {
	match string // ETag that must be there, without quotes
	none  bool   // nothing may be there
}

// writeConditions reads If-Match and If-None-Match of a write, of which S3
// takes the one with an ETag and the other with an asterisk only. Recorded on AWS.
func writeConditions(h http.Header) (conditions, error) {
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	switch {
	case match != "" && none != "":
		return conditions{}, headerNotImplemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
	case match == "*":
		return conditions{}, headerNotImplemented("If-Match", "We don't accept the provided value of If-Match header for this API")
	case none != "" && none != "*":
		return conditions{}, headerNotImplemented("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
	}
	return conditions{match: strings.Trim(match, `"`), none: none == "*"}, nil
}

func (w conditions) check(before *Object, key string) error {
	switch {
	case w.none && before != nil:
		return preconditionFailed("If-None-Match")
	case w.match != "" && before == nil:
		return noSuchKey(key)
	case w.match != "" && before.ETag != w.match:
		return preconditionFailed("If-Match")
	}
	return nil
}

// conflict refuses conditions that hold, but only since the upload was begun:
// recorded on AWS (test_multipart_if_match_with_put, …if_none_match_with_delete).
func (w conditions) conflict(r state.Reader, u *Upload) error {
	now := ""
	if o, ok := current(r, u.Bucket, u.Key); ok {
		now = o.written()
	}
	condition := "If-Match"
	if w.none {
		condition = "If-None-Match"
	}
	if now == u.Before || w == (conditions{}) {
		return nil
	}
	return fail(http.StatusConflict, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.",
		"Condition", condition, "Key", u.Key)
}

// written tells one write of a key from another.
func (o *Object) written() string {
	return strconv.FormatInt(o.Modified.UnixNano(), 10) + " " + o.ETag + " " + o.VersionID
}

// readConditions holds the conditions of a read, under the names that have the
// prefix, against an object. notModified says that the answer is 304.
func readConditions(h http.Header, prefix string, o *Object, now time.Time) (notModified bool, err error) {
	is := func(header string) bool {
		want := h.Get(prefix + header)
		return want == "*" || strings.Trim(want, `"`) == o.ETag
	}
	date := func(header string) (t time.Time, ok bool) {
		t, err := http.ParseTime(h.Get(prefix + header))
		return t, err == nil && !t.After(now) // a date in the future is ignored
	}
	modified := o.Modified.Truncate(time.Second)
	if h.Get(prefix+"If-Match") != "" {
		if !is("If-Match") {
			return false, preconditionFailed(prefix + "If-Match")
		}
	} else if t, ok := date("If-Unmodified-Since"); ok && modified.After(t) {
		return false, preconditionFailed(prefix + "If-Unmodified-Since")
	}
	if h.Get(prefix+"If-None-Match") != "" {
		return is("If-None-Match"), nil
	}
	t, ok := date("If-Modified-Since")
	return ok && !modified.After(t), nil
}
