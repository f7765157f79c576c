package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

// postForm is a form that uploads an object, up to its file.
type postForm struct {
	fields map[string]string // by name in lower case
	names  []string          // in the order of the form
	file   io.Reader
	bucket string
}

// maxPostFields bounds what a form has beside its file, in bytes, as S3 does.
const maxPostFields = 20 << 10

func (f *postForm) value(name string) string {
	if strings.EqualFold(name, "bucket") {
		return f.bucket
	}
	return f.fields[strings.ToLower(name)]
}

// readPostForm reads the fields of a form; what follows its file is not looked at.
func (c *call) readPostForm() (*postForm, error) {
	kind, params, err := mime.ParseMediaType(c.HTTP.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, preconditionFailed("Bucket POST must be of the enclosure-type multipart/form-data")
	}
	malformed := func(err error) error {
		f := fail(http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
		return f.Because("%v", err)
	}
	form := &postForm{fields: map[string]string{}, bucket: c.name}
	parts, room := multipart.NewReader(c.body, params["boundary"]), int64(maxPostFields)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, fail(http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.", "ArgumentName", "file", "ArgumentValue", "0")
		}
		if err != nil {
			return nil, malformed(err)
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			form.file = part
			form.fields["key"] = strings.ReplaceAll(form.fields["key"], "${filename}", part.FileName())
			return form, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, room+1))
		if err != nil {
			return nil, malformed(err)
		}
		if room -= int64(len(name) + len(value)); room < 0 {
			return nil, fail(http.StatusBadRequest, "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.", "MaxPostPreDataLengthBytes", strconv.Itoa(maxPostFields))
		}
		if _, twice := form.fields[name]; !twice {
			form.names = append(form.names, name)
		}
		form.fields[name] = string(value)
	}
}

// signPost finds out who signed a form, and holds it against the form's policy.
func (s *Service) signPost(c *call, form *postForm) (*postPolicy, error) {
	policy := form.value("policy")
	if policy == "" {
		return &postPolicy{most: -1}, nil // from anybody, as the bucket's policy allows
	}
	sig, err := wire.PostSignature(form.value)
	if err != nil {
		return nil, err
	}
	if sig == nil {
		return nil, accessDenied("the form has a policy that nobody signed")
	}
	if s.authenticator == nil {
		return nil, api.Unsupported("s3", "PostObject with a signature")
	}
	principal, secret, authErr := s.authenticator.Authenticate(c.State, sig, c.Now)
	if authErr != nil {
		return nil, authErr
	}
	if err := sig.VerifyPost(secret, policy); err != nil {
		return nil, err
	}
	c.SignedBy(principal, sig, s.description)
	c.signature = sig
	if sig.Region != "" {
		c.Region = sig.Region
	}
	parsed, err := readPostPolicy(policy)
	if err != nil {
		return nil, err
	}
	return parsed, parsed.check(form, s.now())
}

// headers are the fields that an upload by PUT has as headers.
func (f *postForm) headers(h http.Header) error {
	for name, value := range f.fields {
		switch {
		case name == "acl":
			name = "x-amz-acl"
		case name == "tagging":
			tags, err := readTagsOf(value)
			if err != nil {
				return err
			}
			name, value = "x-amz-tagging", tags
		case name == "content-type", name == "cache-control", name == "content-disposition", name == "content-encoding", name == "content-language", name == "expires":
		case !strings.HasPrefix(name, "x-amz-"), freeFields[name], name == "x-amz-algorithm", name == "x-amz-credential", name == "x-amz-date", name == "x-amz-security-token":
			continue
		}
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if !representable(value) {
			value = mime.BEncoding.Encode("UTF-8", value)
		}
		h.Set(name, value)
	}
	return nil
}

// readTagsOf makes of a Tagging document what x-amz-tagging would have.
func readTagsOf(document string) (string, error) {
	var in tagging
	if err := xml.Unmarshal([]byte(document), &in); err != nil {
		return "", malformedXML()
	}
	values := url.Values{}
	for _, t := range in.TagSet {
		if t.Key == nil || t.Value == nil {
			return "", malformedXML()
		}
		values.Add(*t.Key, *t.Value)
	}
	return values.Encode(), nil
}

// postObject is an upload by a form, as pages make it.
func (s *Service) postObject(c *call) error {
	form, err := c.readPostForm()
	if err != nil {
		return err
	}
	policy, err := s.signPost(c, form)
	if err != nil {
		return err
	}
	if err := c.checkRegion(); err != nil {
		return err
	}
	if c.key = form.value("key"); c.key == "" {
		return fail(http.StatusBadRequest, "InvalidArgument", "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
			"ArgumentName", "key", "ArgumentValue", "")
	}
	if err := checkKey(c.key); err != nil {
		return err
	}
	upload := c.HTTP.Clone(c.HTTP.Context())
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Md5", "Content-Encoding"} {
		upload.Header.Del(name) // the form's own
	}
	if err := form.headers(upload.Header); err != nil {
		return err
	}
	upload.Body, upload.ContentLength = io.NopCloser(form.file), -1
	c.HTTP = upload
	if c.body, err = wire.OpenPayload(upload, nil); err != nil {
		return err
	}
	if err := c.authorizeUpload(); err != nil {
		return err
	}
	o, err := s.storePost(c, policy)
	if err != nil {
		return err
	}
	return c.posted(form, o)
}

func (s *Service) storePost(c *call, policy *postPolicy) (*Object, error) {
	o, err := c.newObject()
	if err != nil {
		return nil, err
	}
	up, err := c.startUpload(defaultAlgorithm)
	if err != nil {
		return nil, err
	}
	limit := min(s.maxSize, mostOfOneCall)
	if policy.most >= 0 {
		limit = min(limit, policy.most)
	}
	ctx := c.HTTP.Context()
	if o.Content, o.Size, err = s.contents.keep(ctx, io.LimitReader(up.reader, limit+1)); err != nil {
		return nil, c.unread(err)
	}
	size := o.Size
	if size > limit { // how long it is, AWS says
		rest, err := io.Copy(io.Discard, up.reader)
		if err != nil {
			s.contents.discard(ctx, o.Content)
			return nil, bodyError(err)
		}
		size += rest
	}
	err = policy.checkSize(size)
	switch {
	case err != nil:
	case size > mostOfOneCall:
		err = tooLargeForOneCall(size)
	case size > s.maxSize:
		err = s.tooLarge(size)
	}
	if err == nil {
		o.ETag, o.Checksum, err = s.finishUpload(up, o.Encryption)
	}
	if err != nil {
		s.contents.discard(ctx, o.Content)
		return nil, err
	}
	return s.replace(c, o, conditions{})
}

// posted answers as the form asks: with a redirect, 200, 201 or 204.
func (c *call) posted(form *postForm, o *Object) error {
	h := c.w.Header()
	scheme := "http://"
	if c.HTTP.TLS != nil {
		scheme = "https://"
	}
	location := scheme + c.HTTP.Host + strings.TrimSuffix(c.HTTP.URL.EscapedPath(), "/") + "/" + (&url.URL{Path: o.Key}).EscapedPath()
	setETag(h, quoted(o.ETag))
	h.Set("Location", location)
	c.setVersion(o)
	o.Encryption.set(h)
	target := form.value("success_action_redirect")
	if target == "" {
		target = form.value("redirect")
	}
	if u, err := url.Parse(target); err == nil && target != "" && u.IsAbs() {
		query := u.Query()
		query.Set("bucket", o.Bucket)
		query.Set("key", o.Key)
		query.Set("etag", quoted(o.ETag))
		u.RawQuery = query.Encode()
		h.Set("Location", u.String())
		c.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	switch form.value("success_action_status") {
	case "200":
		return c.ok()
	case "201":
		return c.writePostResponse(location, o)
	}
	return c.noContent()
}

func (c *call) writePostResponse(location string, o *Object) error {
	b, err := xml.Marshal(struct {
		XMLName                     xml.Name `xml:"PostResponse"`
		Location, Bucket, Key, ETag string
	}{Location: location, Bucket: o.Bucket, Key: o.Key, ETag: quoted(o.ETag)})
	if err != nil {
		return err
	}
	c.sendStatus(http.StatusCreated, "application/xml", append([]byte(xmlHeader), b...))
	return nil
}
