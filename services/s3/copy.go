package s3

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

// source finds the object that x-amz-copy-source names, once the caller may
// read it and the conditions for it hold.
func (c *call) source() (*Object, error) {
	text := c.HTTP.Header.Get("X-Amz-Copy-Source")
	path, query, _ := strings.Cut(text, "?")
	path, err := url.QueryUnescape(path) // a plus is a blank here: recorded on AWS
	name, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if err != nil || !ok || name == "" || key == "" {
		return nil, invalidArgument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
	}
	b, ok := state.Get[*Bucket](c.State, name)
	if !ok {
		return nil, noSuchBucket(name)
	}
	version, action := "", "s3:GetObject"
	if values, err := url.ParseQuery(query); err == nil && values.Has("versionId") {
		version, action = values.Get("versionId"), "s3:GetObjectVersion"
	}
	if want := c.HTTP.Header.Get("X-Amz-Source-Expected-Bucket-Owner"); want != "" && want != b.Account {
		return nil, accessDenied("the source bucket belongs to account " + b.Account + ", not to " + want)
	}
	if err := c.authorizeSource(b, action, key, version); err != nil {
		return nil, err
	}
	o, err := c.objectOf(c.State, b, key, version)
	var marker *api.Refusal
	if errors.As(err, &marker) && marker.Wire.Status == http.StatusMethodNotAllowed {
		return nil, invalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	if err != nil {
		return nil, err
	}
	if c.op.name == "CopyObject" && len(o.Tags) > 0 && c.HTTP.Header.Get("X-Amz-Tagging-Directive") != "REPLACE" {
		if err := c.authorizeTagCopy(b, key, version); err != nil {
			return nil, err
		}
	}
	if err := c.refuseCustomerKey("X-Amz-Copy-Source-"); err != nil {
		return nil, err
	}
	notModified, err := readConditions(c.HTTP.Header, "x-amz-copy-source-", o, c.Now)
	switch {
	case err != nil:
		return nil, err
	case notModified && c.HTTP.Header.Get("X-Amz-Copy-Source-If-None-Match") != "":
		return nil, preconditionFailed("x-amz-copy-source-If-None-Match")
	case notModified:
		return nil, preconditionFailed("x-amz-copy-source-If-Modified-Since")
	}
	return o, c.decrypt(b, o)
}

// authorizeSource is for an action on the source of a copy, of the version that
// the source names.
func (c *call) authorizeSource(b *Bucket, action, key, version string) error {
	keys := c.keys()
	if version != "" {
		keys.Set("s3:versionid", version)
	}
	return c.authorize(b, action, key, keys)
}

// authorizeTagCopy: to copy tags is to read them at the source and to write them
// at the target; AWS refuses the copy without either permission
// (nasa/cumulus-orca#530, ceph/ceph#47897).
func (c *call) authorizeTagCopy(b *Bucket, key, version string) error {
	action := "s3:GetObjectTagging"
	if version != "" {
		action = "s3:GetObjectVersionTagging"
	}
	if err := c.authorizeSource(b, action, key, version); err != nil {
		return err
	}
	return c.authorize(c.bucket, "s3:PutObjectTagging", c.key, c.keys())
}

type copyResult struct {
	ETag              string
	LastModified      stamp
	ChecksumType      string `xml:",omitempty"`
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

func (r *copyResult) setChecksum(sum Checksum) {
	r.ChecksumType = sum.Type
	switch sum.Algorithm {
	case "CRC32":
		r.ChecksumCRC32 = sum.Value
	case "CRC32C":
		r.ChecksumCRC32C = sum.Value
	case "CRC64NVME":
		r.ChecksumCRC64NVME = sum.Value
	case "SHA1":
		r.ChecksumSHA1 = sum.Value
	case "SHA256":
		r.ChecksumSHA256 = sum.Value
	}
}

func (s *Service) copyObject(c *call) error {
	h := c.HTTP.Header
	conditions, err := writeConditions(h)
	if err != nil {
		return err
	}
	from, err := c.source()
	if err != nil {
		return err
	}
	if from.StorageClass == "GLACIER" || from.StorageClass == "DEEP_ARCHIVE" {
		return fail(http.StatusForbidden, "ObjectNotInActiveTierError", "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier.", "Key", from.Key)
	}
	to, err := c.newObject()
	if err != nil {
		return err
	}
	directive, err := directiveOf(h, "X-Amz-Metadata-Directive")
	if err != nil {
		return err
	}
	tagDirective, err := directiveOf(h, "X-Amz-Tagging-Directive")
	if err != nil {
		return err
	}
	if from.Bucket == to.Bucket && from.Key == to.Key && directive == "COPY" && h.Get("X-Amz-Storage-Class") == "" &&
		h.Get("X-Amz-Server-Side-Encryption") == "" && !c.bucket.EncryptionSet && h.Get("X-Amz-Website-Redirect-Location") == "" {
		return invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if directive == "COPY" {
		redirect := h.Get("X-Amz-Website-Redirect-Location")
		to.Headers, to.Metadata = map[string]string{}, from.Metadata
		for name, value := range from.Headers {
			to.Headers[name] = value
		}
		delete(to.Headers, "X-Amz-Website-Redirect-Location") // it is never copied
		if redirect != "" {
			to.Headers["X-Amz-Website-Redirect-Location"] = redirect
		}
	}
	if tagDirective == "COPY" {
		to.Tags = from.Tags
	}
	if from.Size > mostOfOneCall {
		return sourceTooLarge()
	}
	content := s.contents.open(c.HTTP.Context(), from.Content, 0)
	defer content.Close()
	if err := s.fill(c, to, content, from.Checksum.Algorithm); err != nil {
		return err
	}
	if to, err = s.replace(c, to, conditions); err != nil {
		return err
	}
	c.setVersion(to)
	c.setSourceVersion(from)
	to.Encryption.set(c.w.Header())
	out := copyResult{ETag: quoted(to.ETag), LastModified: stamp(to.Modified)}
	out.setChecksum(to.Checksum)
	return c.writeXML("CopyObjectResult", out)
}

// sourceTooLarge: hashicorp/terraform-provider-aws#38102, versity/versitygw#1896.
func sourceTooLarge() error {
	return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: " + strconv.Itoa(mostOfOneCall))
}

func directiveOf(h http.Header, name string) (string, error) {
	switch d := h.Get(name); d {
	case "":
		return "COPY", nil
	case "COPY", "REPLACE":
		return d, nil
	default:
		return "", invalidArgument("Unknown "+strings.ToLower(strings.TrimPrefix(name, "X-Amz-"))+".", strings.ToLower(name), d)
	}
}

// fill gives an object the content that is read. The checksum is of the
// source's algorithm unless another is asked for.
func (s *Service) fill(c *call, to *Object, from io.Reader, algorithm string) error {
	asked, err := requested(c.HTTP)
	if err != nil {
		return err
	}
	if asked != "" {
		algorithm = asked
	}
	sum := newHash(algorithm)
	etag := md5New()
	hashes := io.MultiWriter(etag)
	if sum != nil {
		hashes = io.MultiWriter(etag, sum)
	}
	source := &sourceReader{from: from}
	if to.Content, to.Size, err = s.contents.keep(c.HTTP.Context(), io.TeeReader(source, hashes)); err != nil {
		if source.err != nil {
			return source.err // no fault of the client's
		}
		return err
	}
	if to.ETag, err = s.etag(to.Encryption, etag.Sum(nil)); err != nil {
		s.contents.discard(c.HTTP.Context(), to.Content)
		return err
	}
	if sum != nil {
		to.Checksum = Checksum{algorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil)), fullObject}
	}
	return nil
}

// sourceReader remembers why what it reads could not be read.
type sourceReader struct {
	from io.Reader
	err  error
}

func (r *sourceReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
