package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

// object finds the object of the call, whose operation is allowed.
func (c *call) object() (*Object, error) {
	return c.objectOf(c.State, c.bucket, c.key, c.query.Get("versionId"))
}

// objectOf finds the newest version of a key, or the one of an id. What is said
// of delete markers was recorded on AWS (test_delete_object_versioned).
func (c *call) objectOf(r state.Reader, b *Bucket, key, id string) (*Object, error) {
	switch {
	case id == "" || b.Versioning == "" && id == nullVersion:
		o, ok := latest(r, b.Name, key)
		if ok && o.Marker {
			c.setMarker(o)
		}
		if !ok || o.Marker {
			return nil, c.missing(b, key)
		}
		return o, nil
	case b.Versioning == "":
		return nil, invalidVersion(id)
	}
	o, _, ok := version(r, b.Name, key, id)
	switch {
	case !ok && !validVersionID(id):
		return nil, invalidVersion(id)
	case !ok:
		return nil, noSuchVersion(key, id)
	case o.Marker:
		c.setMarker(o)
		c.w.Header().Set("Allow", del)
		c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
		return nil, fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.",
			"Method", c.HTTP.Method, "ResourceType", "DeleteMarker")
	}
	return o, nil
}

// setMarker says that a delete marker is what there is.
func (c *call) setMarker(o *Object) {
	c.w.Header().Set("X-Amz-Delete-Marker", "true")
	c.w.Header().Set("X-Amz-Version-Id", o.id())
}

// getObject answers GetObject and HeadObject. Where the object was replaced
// since the call began, and its content is gone, the new one is sent.
func (s *Service) getObject(c *call) error {
	err := s.sendObject(c)
	if now := s.store.Snapshot(); errors.Is(err, state.ErrNoBlob) && now != c.State {
		c.State = now
		err = s.sendObject(c)
	}
	return err
}

func (s *Service) sendObject(c *call) error {
	o, err := c.object()
	if err != nil {
		return err
	}
	if err := c.refuseCustomerKey("X-Amz-"); err != nil {
		return err
	}
	notModified, err := readConditions(c.HTTP.Header, "", o, c.Now)
	if err != nil {
		return err
	}
	h := c.w.Header()
	c.setReadVersion(c.bucket, o)
	if notModified {
		setETag(h, quoted(o.ETag))
		h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if c.HTTP.Method == get && (o.StorageClass == "GLACIER" || o.StorageClass == "DEEP_ARCHIVE") {
		return fail(http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class", "StorageClass", o.StorageClass)
	}
	if c.HTTP.Method == get || c.HTTP.Header.Get("X-Amz-Checksum-Mode") != "" { // API reference, HeadObject, x-amz-checksum-mode
		if err := c.decrypt(c.bucket, o); err != nil {
			return err
		}
	}
	from, length, partial, err := c.part(o)
	if err != nil {
		return err
	}
	o.setHeaders(h)
	if err := c.override(h); err != nil {
		return err
	}
	if wantsChecksum(c.HTTP) && length == o.Size && (!partial || len(o.Parts) == 0) {
		o.Checksum.set(h) // also where a range or part is the whole: recorded on AWS
	}
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+length-1, 10)+"/"+strconv.FormatInt(o.Size, 10))
	}
	if c.HTTP.Method == head {
		c.w.WriteHeader(status)
		return nil
	}
	content := s.contents.open(c.HTTP.Context(), o.Content, from)
	defer content.Close()
	body := bufio.NewReaderSize(content, sendBuffer)
	if _, err := body.Peek(1); err != nil && length > 0 {
		h.Del("Content-Length")
		return err // while there can still be an answer
	}
	h.Set("Content-Security-Policy", pagePolicy)
	c.w.WriteHeader(status)
	if n, err := io.CopyN(c.w, body, length); err != nil {
		// The status has gone out; the client sees a body that ends too early.
		s.log.Warn("s3: an object was not sent whole", "requestId", c.ID, "bucket", o.Bucket, "key", o.Key, "sent", n, "of", length, "err", err)
	}
	return nil
}

const sendBuffer = 64 << 10

// pagePolicy gives an object that is shown as a page an origin of its own. That of
// this server, which has the control API and everybody's buckets, is not its.
const pagePolicy = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"

// part works out which bytes are asked for, by Range or by partNumber.
func (c *call) part(o *Object) (from, length int64, partial bool, err error) {
	text := c.query.Get("partNumber")
	asked := c.HTTP.Header.Get("Range")
	if text == "" {
		from, length, partial = byteRange(asked, o.Size)
		if partial && length <= 0 {
			return 0, 0, false, fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable",
				"RangeRequested", asked, "ActualObjectSize", strconv.FormatInt(o.Size, 10))
		}
		return from, length, partial, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParts {
		return 0, 0, false, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text)
	}
	if asked != "" {
		return 0, 0, false, invalidRequest("Cannot specify both Range header and partNumber query parameter")
	}
	parts := o.Parts
	if len(parts) == 0 {
		parts = []PartSize{{Number: 1, Size: o.Size}}
	} else {
		c.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(len(parts)))
	}
	if n > len(parts) {
		return 0, 0, false, fail(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable",
			"ActualPartCount", strconv.Itoa(len(parts)), "PartNumberRequested", text)
	}
	for _, p := range parts[:n-1] {
		from += p.Size
	}
	p := parts[n-1]
	if wantsChecksum(c.HTTP) && p.Checksum != "" && o.Checksum.Type == composite {
		Checksum{o.Checksum.Algorithm, p.Checksum, o.Checksum.Type}.set(c.w.Header())
	}
	return from, p.Size, o.Size > 0, nil
}

// byteRange reads a Range header of one range. What it cannot read, or what
// makes no sense, stands for the whole, as on AWS; partial with no length
// means that nothing of it is there.
func byteRange(header string, size int64) (from, length int64, partial bool) {
	whole := func() (int64, int64, bool) { return 0, size, false }
	text, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(text), "-")
	if !ok || !dash || strings.Contains(last, ",") {
		return whole()
	}
	if first == "" { // the last bytes
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return whole()
		}
		n = min(n, size)
		return size - n, n, true
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || from < 0 {
		return whole()
	}
	to := size - 1
	if last != "" {
		end, err := strconv.ParseInt(last, 10, 64)
		if err != nil || end < from {
			return whole()
		}
		to = min(end, to)
	}
	return from, to - from + 1, true
}

// setETag writes the header's name as S3 does; Go's own form is Etag, and some
// clients look for the exact name (recorded: test_s3_etag_header).
func setETag(h http.Header, value string) { h["ETag"] = []string{value} }

const metaPrefix = "x-amz-meta-"

// setHeaders puts what is known of the object into an answer.
func (o *Object) setHeaders(h http.Header) {
	h.Set("Accept-Ranges", "bytes")
	setETag(h, quoted(o.ETag))
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	for name, value := range o.Metadata {
		// In lower case, as S3 sends it: boto3 and the JavaScript SDK take the
		// name as it comes, and a program that wrote "key" looks for "key".
		h[metaPrefix+name] = []string{value}
	}
	if o.StorageClass != "STANDARD" {
		h.Set("X-Amz-Storage-Class", o.StorageClass)
	}
	if len(o.Tags) > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(len(o.Tags)))
	}
	o.Encryption.set(h)
}

// override replaces headers as response-content-type and its like ask. Only a
// signed request may.
func (c *call) override(h http.Header) error {
	for _, name := range []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"} {
		value := c.query.Get("response-" + strings.ToLower(name))
		if value == "" {
			continue
		}
		if c.Principal == nil {
			return invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
		}
		if !representable(value) {
			return notRepresentable("response-"+strings.ToLower(name), value)
		}
		h.Set(name, value)
	}
	return nil
}

// representable says whether a text out of a query can be a header: one that came
// as a header was looked at by net/http.
func representable(value string) bool {
	for _, r := range value {
		if r < ' ' && r != '\t' || r == 0x7f || r > 0xff {
			return false
		}
	}
	return true
}

// notRepresentable is S3's answer, seen in the logs of its users
// (guardian/grid#1716, IQSS/dataverse#4524).
func notRepresentable(name, value string) error {
	return invalidArgument("Header value cannot be represented using ISO-8859-1.", name, value)
}
