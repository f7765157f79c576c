package s3

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/state"
)

const (
	maxParts = 10000
	minPart  = 5 << 20 // of every part but the last
)

func noSuchUpload(id string) error {
	return fail(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", id)
}

// upload finds the upload of the call, which must be of the call's key.
func (c *call) upload(r state.Reader) (*Upload, error) {
	id := c.query.Get("uploadId")
	u, ok := state.Get[*Upload](r, uploadKey(c.name, id))
	if !ok || u.Key != c.key {
		return nil, noSuchUpload(id)
	}
	return u, nil
}

// encryptedUpload is the upload of a call that adds to it or completes it, for which
// S3 decrypts what is there: who began it needs kms:GenerateDataKey, who goes on
// kms:Decrypt (S3 user guide, "Uploading and copying objects using multipart upload").
func (c *call) encryptedUpload() (*Upload, error) {
	u, err := c.upload(c.State)
	if err != nil {
		return nil, err
	}
	if err := c.refuseCustomerKey("X-Amz-"); err != nil {
		return nil, err
	}
	return u, c.decrypt(c.bucket, &u.Object)
}

type initiateResult struct {
	Bucket   string
	Key      string
	UploadId string
}

func (s *Service) createMultipartUpload(c *call) error {
	if c.Principal == nil { // whatever the bucket lets anybody do: scylladb/scylladb#13425, aws/aws-sdk-cpp#1575
		f := fail(http.StatusForbidden, "AccessDenied", "Anonymous users cannot initiate multipart uploads.  Please authenticate.")
		f.Reason.Kind, f.Reason.Message = decision.Policy, "an unsigned call begins no multipart upload, whatever the bucket's policy allows"
		return f
	}
	o, err := c.newObject()
	if err != nil {
		return err
	}
	u := &Upload{Object: *o, Initiated: c.Now, Asked: map[string]string{}}
	for _, name := range []string{sseHeader, sseKeyHeader} {
		if value := c.HTTP.Header.Get(name); value != "" {
			u.Asked[strings.ToLower(name)] = value
		}
	}
	if before, ok := current(c.State, c.name, c.key); ok {
		u.Before = before.written()
	}
	if u.Algorithm, err = requested(c.HTTP); err != nil {
		return err
	}
	if u.Type, err = checksumType(c.HTTP.Header, u.Algorithm); err != nil {
		return err
	}
	if u.ID, err = s.uploadID(); err != nil {
		return err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, err := c.sameBucket(tx); err != nil {
			return err
		}
		tx.Put(u)
		return nil
	})
	if err != nil {
		return err
	}
	h := c.w.Header()
	u.Encryption.set(h)
	if u.Algorithm != "" {
		h.Set("X-Amz-Checksum-Algorithm", u.Algorithm)
		h.Set("X-Amz-Checksum-Type", u.Type)
	}
	return c.writeXML("InitiateMultipartUploadResult", initiateResult{c.name, c.key, u.ID})
}

// checksumType is how the checksum of the whole comes about. The texts and the
// defaults were recorded on AWS.
func checksumType(h http.Header, algorithm string) (string, error) {
	asked := strings.ToUpper(h.Get("X-Amz-Checksum-Type"))
	switch {
	case algorithm == "" && asked != "":
		return "", invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case algorithm == "":
		return "", nil
	case asked == "" && algorithm == "CRC64NVME":
		return fullObject, nil
	case asked == "":
		return composite, nil
	case asked == composite && algorithm == "CRC64NVME", asked == fullObject && strings.HasPrefix(algorithm, "SHA"):
		return "", invalidRequest("The " + asked + " checksum type cannot be used with the " + strings.ToLower(algorithm) + " checksum algorithm.")
	case asked != composite && asked != fullObject:
		return "", invalidRequest("Value for x-amz-checksum-type header is invalid.")
	}
	return asked, nil
}

// uploadID draws an id that looks like S3's.
func (s *Service) uploadID() (string, error) {
	b := make([]byte, 128)
	if _, err := s.rand.Read(b); err != nil {
		return "", fmt.Errorf("s3: making an upload id: %w", err)
	}
	return spelled(b), nil
}

func (c *call) partNumber() (int, error) {
	text := c.query.Get("partNumber")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParts {
		return 0, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text)
	}
	return n, nil
}

func (s *Service) uploadPart(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	u, err := c.encryptedUpload()
	if err != nil {
		return err
	}
	if err := s.checkSize(c); err != nil {
		return err
	}
	up, err := c.startUpload(u.Algorithm)
	if err != nil {
		return err
	}
	if name, _ := c.body.Checksum(); name != "" && u.Algorithm != "" {
		if got := strings.TrimPrefix(strings.ToLower(name), "x-amz-checksum-"); got != strings.ToLower(u.Algorithm) {
			return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: " + strings.ToLower(u.Algorithm) + ", actual checksum Type: " + got)
		}
	}
	p := &Part{Bucket: c.name, Upload: u.ID, Number: number, Modified: c.Now}
	if p.Content, p.Size, err = s.contents.keep(c.HTTP.Context(), up.reader); err != nil {
		return c.unread(err)
	}
	if p.ETag, p.Checksum, err = s.finishUpload(up, u.Encryption); err != nil {
		s.contents.discard(c.HTTP.Context(), p.Content)
		return err
	}
	p.Checksum.Type = ""
	if err := s.putPart(c, p); err != nil {
		return err
	}
	h := c.w.Header()
	setETag(h, quoted(p.ETag))
	p.Checksum.set(h)
	u.Encryption.set(h)
	return c.ok()
}

// putPart puts a part in place of the one of its number.
func (s *Service) putPart(c *call, p *Part) error {
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, err := c.sameBucket(tx); err != nil {
			return err
		}
		if _, err := c.upload(tx); err != nil {
			return err
		}
		if before, ok := state.Get[*Part](tx, p.StateKey()); ok {
			s.contents.disown(tx, before.Content)
		}
		tx.Put(p)
		return nil
	})
	return s.contents.settle(c.HTTP.Context(), p.Content, err)
}

var sourceRange = lazyregexp.New(`^bytes=(\d+)-(\d+)$`)

func (s *Service) uploadPartCopy(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	u, err := c.encryptedUpload()
	if err != nil {
		return err
	}
	from, err := c.source()
	if err != nil {
		return err
	}
	first, last := int64(0), from.Size-1
	if text := c.HTTP.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		if first, last, err = copyRange(text, from.Size); err != nil {
			return err
		}
	}
	if last-first+1 > mostOfOneCall {
		return sourceTooLarge()
	}
	content := s.contents.open(c.HTTP.Context(), from.Content, first)
	defer content.Close()
	copied := Object{Encryption: u.Encryption}
	if err := s.fill(c, &copied, io.LimitReader(content, last-first+1), u.Algorithm); err != nil {
		return err
	}
	p := &Part{Bucket: c.name, Upload: u.ID, Number: number, Modified: c.Now, Content: copied.Content, Size: copied.Size, ETag: copied.ETag, Checksum: copied.Checksum}
	p.Checksum.Type = ""
	if err := s.putPart(c, p); err != nil {
		return err
	}
	u.Encryption.set(c.w.Header())
	c.setSourceVersion(from)
	out := copyResult{ETag: quoted(p.ETag), LastModified: stamp(p.Modified)}
	out.setChecksum(p.Checksum)
	return c.writeXML("CopyPartResult", out)
}

func copyRange(text string, size int64) (first, last int64, err error) {
	bad := invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
		"x-amz-copy-source-range", text)
	m := sourceRange.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, bad
	}
	first, err1 := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	switch {
	case err1 != nil || err2 != nil || first > last:
		return 0, 0, bad
	case first >= size:
		return 0, 0, invalidRequest("The specified copy range is invalid for the source object size")
	case last >= size:
		return 0, 0, invalidArgument("Range specified is not valid for source object of size: "+strconv.FormatInt(size, 10), "x-amz-copy-source-range", text)
	}
	return first, last, nil
}

func (s *Service) abortMultipartUpload(c *call) error {
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, err := c.sameBucket(tx); err != nil {
			return err
		}
		u, err := c.upload(tx)
		if err != nil {
			return err
		}
		for _, p := range partsOf(tx, u) {
			s.contents.disown(tx, p.Content)
			tx.Delete(p)
		}
		tx.Delete(u)
		return nil
	})
	if err != nil {
		return err
	}
	return c.noContent()
}

func partsOf(r state.Reader, u *Upload) []*Part {
	return slices.Collect(state.All[*Part](r, uploadKey(u.Bucket, u.ID)+"/"))
}
