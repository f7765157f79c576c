package s3

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

type completeRequest struct {
	XMLName xml.Name       `xml:"CompleteMultipartUpload"`
	Parts   []completePart `xml:"Part"`
}

type completePart struct {
	PartNumber        int
	ETag              string
	ChecksumCRC32     string
	ChecksumCRC32C    string
	ChecksumCRC64NVME string
	ChecksumSHA1      string
	ChecksumSHA256    string
}

func (p *completePart) checksum(algorithm string) string {
	return map[string]string{
		"CRC32": p.ChecksumCRC32, "CRC32C": p.ChecksumCRC32C, "CRC64NVME": p.ChecksumCRC64NVME, "SHA1": p.ChecksumSHA1, "SHA256": p.ChecksumSHA256,
	}[algorithm]
}

type completeResult struct {
	Location string
	Bucket   string
	Key      string
	copyResult
}

func (s *Service) completeMultipartUpload(c *call) error {
	var in completeRequest
	if c.HTTP.ContentLength != 0 { // without a body there are no parts, not bad XML: recorded on AWS
		if err := c.readXML(&in); err != nil {
			return err
		}
		if len(in.Parts) == 0 {
			return malformedXML()
		}
	}
	// The body was read, so the call is not answered anew if a part that another
	// replica has taken is not heard of here yet.
	if err := s.store.CatchUp(c.HTTP.Context()); err != nil {
		return err
	}
	if s.store.Shared() {
		c.State = s.store.Snapshot()
	}
	if u, err := c.upload(c.State); err == nil {
		if err := c.decrypt(c.bucket, &u.Object); err != nil {
			return err
		}
	} else {
		if o, again := c.completedBefore(in.Parts); again {
			return c.completed(o)
		}
		return err
	}
	conditions, err := writeConditions(c.HTTP.Header)
	if err != nil {
		return err
	}
	o, err := s.complete(c, in.Parts, conditions)
	if err != nil {
		return err
	}
	return c.completed(o)
}

// mostAssemblies is how often parts may be uploaded again while they become an object.
const mostAssemblies = 20

// errPartsChanged: a part that was read is not the upload's any more.
var errPartsChanged = errors.New("s3: a part was uploaded again while the upload was completed")

// complete makes the object of the parts, anew as long as one of them is
// uploaded again meanwhile: what it is made of is what it then owns.
func (s *Service) complete(c *call, parts []completePart, conditions conditions) (*Object, error) {
	var again error
	for range mostAssemblies {
		now := s.store.Snapshot()
		u, err := c.upload(now)
		if err != nil {
			return nil, err
		}
		a, err := s.assemble(c, now, u, parts)
		if err == nil {
			var o *Object
			if o, err = s.finish(c, a, conditions); err == nil {
				return o, nil
			}
		}
		if !errors.Is(err, errPartsChanged) && !errors.Is(err, state.ErrNoBlob) {
			return nil, err
		}
		again = err
	}
	if errors.Is(again, state.ErrNoBlob) {
		return nil, again
	}
	return nil, fail(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
}

// finish puts the object in place of the upload, if its parts are still those it was made of.
func (s *Service) finish(c *call, a *assembly, conditions conditions) (*Object, error) {
	return s.putNewest(c, a.object, conditions, func(tx *state.Txn) error {
		u, err := c.upload(tx)
		if err != nil {
			return err
		}
		if err := conditions.conflict(tx, u); err != nil {
			return err
		}
		used := map[int]bool{}
		for _, p := range a.parts {
			if now, ok := state.Get[*Part](tx, p.StateKey()); !ok || !now.same(p) {
				return errPartsChanged
			}
			used[p.Number] = true
		}
		for _, p := range partsOf(tx, u) {
			if !used[p.Number] {
				s.contents.disown(tx, p.Content)
			}
			tx.Delete(p)
		}
		tx.Delete(u)
		return nil
	})
}

// same is whether a part has the same bytes, kept in the same place.
func (p *Part) same(other *Part) bool {
	return p.ETag == other.ETag && p.Checksum == other.Checksum &&
		slices.EqualFunc(p.Content, other.Content, func(a, b Piece) bool { return a.Blob == b.Blob })
}

// completedBefore finds the object of an upload that is completed once more
// with the same parts, which is as well as the first time.
func (c *call) completedBefore(parts []completePart) (*Object, bool) {
	o, ok := current(c.State, c.name, c.key)
	if !ok || o.Upload == "" || o.Upload != c.query.Get("uploadId") {
		return nil, false
	}
	etags := md5New()
	for _, p := range parts {
		digest, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil {
			return nil, false
		}
		etags.Write(digest)
	}
	return o, o.ETag == hexSum(etags)+"-"+strconv.Itoa(len(parts))
}

func (c *call) completed(o *Object) error {
	c.setVersion(o)
	o.Encryption.set(c.w.Header())
	scheme := "http://"
	if c.HTTP.TLS != nil {
		scheme = "https://"
	}
	out := completeResult{Location: scheme + c.HTTP.Host + c.HTTP.URL.EscapedPath(), Bucket: c.name, Key: c.key}
	out.ETag = quoted(o.ETag)
	out.setChecksum(o.Checksum)
	return c.writeXML("CompleteMultipartUploadResult", out)
}

// assembly is an object that is to be, and the parts it is made of.
type assembly struct {
	object *Object
	parts  []*Part
}

// assemble makes the object of the parts that the client lists. The texts were
// recorded on AWS.
func (s *Service) assemble(c *call, now state.Reader, u *Upload, list []completePart) (*assembly, error) {
	if len(list) == 0 {
		return nil, invalidRequest("You must specify at least one part")
	}
	if asked := strings.ToUpper(c.HTTP.Header.Get("X-Amz-Checksum-Type")); asked != "" && u.Type != "" && asked != u.Type {
		return nil, invalidRequest("The upload was created using the " + u.Type + " checksum mode. The complete request must use the same checksum mode.")
	}
	o := u.Object
	a := &assembly{object: &o}
	o.Modified, o.Upload = c.Now, u.ID
	etags := md5New()
	sums := newHash(u.Algorithm)
	if !slices.IsSortedFunc(list, func(a, b completePart) int { return a.PartNumber - b.PartNumber }) {
		return nil, fail(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.", "UploadId", u.ID)
	}
	list = slices.CompactFunc(list, func(a, b completePart) bool { return a.PartNumber == b.PartNumber })
	for i, want := range list {
		p, err := checkPart(now, u, &want)
		if err != nil {
			return nil, err
		}
		if p.Size < minPart && i < len(list)-1 {
			return nil, fail(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
				"ProposedSize", strconv.FormatInt(p.Size, 10), "MinSizeAllowed", strconv.Itoa(minPart), "PartNumber", strconv.Itoa(p.Number), "ETag", p.ETag)
		}
		digest, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, err
		}
		etags.Write(digest)
		if sums != nil {
			sum, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
			if err != nil {
				return nil, err
			}
			sums.Write(sum)
		}
		a.parts = append(a.parts, p)
		o.Content = append(o.Content, p.Content...)
		o.Size += p.Size
		part := PartSize{Number: p.Number, Size: p.Size}
		if u.Algorithm != "" {
			part.Checksum = p.Checksum.Value
		}
		o.Parts = append(o.Parts, part)
	}
	if o.Size > s.maxSize {
		return nil, s.tooLarge(o.Size)
	}
	if text := c.HTTP.Header.Get("X-Amz-Mp-Object-Size"); text != "" && text != strconv.FormatInt(o.Size, 10) {
		return nil, invalidRequest("The provided 'x-amz-mp-object-size' header value " + text + " does not match what was computed: " + strconv.FormatInt(o.Size, 10))
	}
	o.ETag = hexSum(etags) + "-" + strconv.Itoa(len(list))
	var err error
	if o.Checksum, err = s.checksumOfParts(c, u, &o, sums); err != nil {
		return nil, err
	}
	return a, nil
}

// checkPart finds the part that the client means.
func checkPart(r state.Reader, u *Upload, want *completePart) (*Part, error) {
	p, ok := state.Get[*Part](r, partKey(u.Bucket, u.ID, want.PartNumber))
	etag := strings.Trim(want.ETag, `"`)
	given := want.checksum(u.Algorithm)
	if !ok || p.ETag != etag || given != "" && given != p.Checksum.Value {
		return nil, fail(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
			"UploadId", u.ID, "PartNumber", strconv.Itoa(want.PartNumber), "ETag", etag)
	}
	for _, other := range algorithms {
		if other != u.Algorithm && want.checksum(other) != "" && u.Algorithm != "" {
			return nil, fail(http.StatusBadRequest, "BadDigest", "The "+strings.ToLower(other)+" you specified for part "+strconv.Itoa(want.PartNumber)+" did not match what we received.")
		}
	}
	if u.Type == composite && given == "" {
		return nil, invalidRequest("The upload was created using a " + strings.ToLower(u.Algorithm) + " checksum. The complete request must include the checksum for each part. It was missing for part " +
			strconv.Itoa(want.PartNumber) + " in the request.")
	}
	return p, nil
}

// checksumOfParts is the checksum of the whole: over the parts' checksums, or
// over all bytes. The client may say what it expects.
func (s *Service) checksumOfParts(c *call, u *Upload, o *Object, sums hash.Hash) (Checksum, error) {
	h := c.HTTP.Header
	sum := Checksum{Algorithm: u.Algorithm, Type: u.Type}
	if u.Type == composite {
		sum.Value = base64.StdEncoding.EncodeToString(sums.Sum(nil)) + "-" + strconv.Itoa(len(o.Parts))
		if want := h.Get(sum.header()); want != "" && want != sum.Value && want != strings.Split(sum.Value, "-")[0] {
			return sum, fail(http.StatusBadRequest, "BadDigest", "The "+strings.ToLower(sum.Algorithm)+" you specified did not match the calculated checksum.")
		}
		return sum, nil
	}
	if sum.Algorithm == "" {
		sum.Algorithm, sum.Type = defaultAlgorithm, fullObject
	}
	whole := newHash(sum.Algorithm)
	content := s.contents.open(c.HTTP.Context(), o.Content, 0)
	_, err := io.Copy(whole, content)
	if err := errors.Join(err, content.Close()); err != nil {
		return sum, err
	}
	sum.Value = base64.StdEncoding.EncodeToString(whole.Sum(nil))
	if want := h.Get(sum.header()); want != "" && want != sum.Value {
		return sum, fail(http.StatusBadRequest, "BadDigest", "The "+strings.ToLower(sum.Algorithm)+" you specified did not match the calculated checksum.")
	}
	return sum, nil
}
