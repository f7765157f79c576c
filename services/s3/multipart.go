package s3

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

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

type initiateResult struct {
	Bucket   string
	Key      string
	UploadId string
}

func (s *Service) createMultipartUpload(c *call) error {
	o, err := c.newObject()
	if err != nil {
		return err
	}
	u := &Upload{Object: *o, Initiated: c.Now}
	if u.Algorithm, err = requested(c.HTTP); err != nil {
		return err
	}
	if u.Type, err = checksumType(c.HTTP.Header, u.Algorithm); err != nil {
		return err
	}
	if u.ID, err = s.uploadID(); err != nil {
		return err
	}
	if err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error { tx.Put(u); return nil }); err != nil {
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
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
	b := make([]byte, 128)
	if _, err := s.rand.Read(b); err != nil {
		return "", fmt.Errorf("s3: making an upload id: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]&63]
	}
	return string(b), nil
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
	u, err := c.upload(c.State)
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
	if p.Content, p.Size, err = s.keep(c, up.reader); err != nil {
		return bodyError(err)
	}
	if p.ETag, p.Checksum, err = up.finish(); err != nil {
		s.drop(c, p.Content)
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
	var old []Piece
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		old = nil
		if _, err := c.upload(tx); err != nil {
			return err
		}
		if before, ok := state.Get[*Part](tx, p.StateKey()); ok {
			old = before.Content
		}
		tx.Put(p)
		return nil
	})
	if err != nil {
		s.drop(c, p.Content)
		return err
	}
	s.drop(c, old)
	return nil
}

var sourceRange = regexp.MustCompile(`^bytes=(\d+)-(\d+)$`)

func (s *Service) uploadPartCopy(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	u, err := c.upload(c.State)
	if err != nil {
		return err
	}
	from, err := c.source()
	if err != nil {
		return err
	}
	part := &Object{Bucket: from.Bucket, Key: from.Key, Content: from.Content, Size: from.Size, Checksum: Checksum{Algorithm: u.Algorithm}}
	if text := c.HTTP.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		first, last, err := copyRange(text, from.Size)
		if err != nil {
			return err
		}
		part.Content, part.Size = cut(c.State, from.Content, first, last), last-first+1
	}
	var copied Object
	if err := s.fill(c, &copied, part); err != nil {
		return err
	}
	p := &Part{Bucket: c.name, Upload: u.ID, Number: number, Modified: c.Now, Content: copied.Content, Size: copied.Size, ETag: copied.ETag, Checksum: copied.Checksum}
	p.Checksum.Type = ""
	if err := s.putPart(c, p); err != nil {
		return err
	}
	u.Encryption.set(c.w.Header())
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
	var left []Piece
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		left = nil
		u, err := c.upload(tx)
		if err != nil {
			return err
		}
		left = deleteParts(tx, u)
		tx.Delete(u)
		return nil
	})
	if err != nil {
		return err
	}
	s.drop(c, left)
	return c.noContent()
}

// deleteParts deletes an upload's parts and gives their content, which nothing owns then.
func deleteParts(tx *state.Txn, u *Upload) (left []Piece) {
	for _, p := range partsOf(tx, u) {
		left = append(left, p.Content...)
		tx.Delete(p)
	}
	return left
}

func partsOf(r state.Reader, u *Upload) []*Part {
	return slices.Collect(state.All[*Part](r, uploadKey(u.Bucket, u.ID)+"/"))
}
