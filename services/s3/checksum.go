package s3

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // ETags and Content-MD5 are MD5
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/wire"
)

// Checksum is an object's or a part's.
type Checksum struct {
	Algorithm string `json:"algorithm"` // CRC32, CRC32C, CRC64NVME, SHA1, SHA256
	Value     string `json:"value"`     // base64; of a composite one with -PARTS after it
	Type      string `json:"type,omitempty"`
}

// The two types of checksum: over the bytes, or over the checksums of the parts.
const (
	fullObject = "FULL_OBJECT"
	composite  = "COMPOSITE"
)

// defaultAlgorithm is that of objects for which the client chose none: S3 has
// computed it by itself since December 2024.
const defaultAlgorithm = "CRC64NVME"

var algorithms = []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}

var (
	castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })
	nvme       = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })
)

// newHash makes the hash of an algorithm, nil if S3 has none of that name.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(castagnoli())
	case "CRC64NVME":
		return crc64.New(nvme())
	case "SHA1":
		return sha1.New() //nolint:gosec
	case "SHA256":
		return sha256.New()
	}
	return nil
}

// header is the header that carries the checksum: x-amz-checksum-crc32.
func (c Checksum) header() string { return "X-Amz-Checksum-" + c.Algorithm }

// set puts the checksum into an answer's headers.
func (c Checksum) set(h http.Header) {
	if c.Algorithm == "" {
		return
	}
	h.Set(c.header(), c.Value)
	if c.Type != "" {
		h.Set("X-Amz-Checksum-Type", c.Type)
	}
}

// wantsChecksum says whether a read asks for the checksum.
func wantsChecksum(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED")
}

// requested is the algorithm that a request names without giving a value, "" for none.
func requested(r *http.Request) (string, error) {
	for _, header := range []string{"X-Amz-Checksum-Algorithm", "X-Amz-Sdk-Checksum-Algorithm"} {
		if name := strings.ToUpper(r.Header.Get(header)); name != "" {
			if newHash(name) == nil {
				return "", invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [" + strings.Join(algorithms, ", ") + "]")
			}
			return name, nil
		}
	}
	return "", nil
}

// upload is a body while it is stored: everything that is summed up over it.
type upload struct {
	c      *call
	md5    hash.Hash
	want   []byte // Content-MD5
	sum    hash.Hash
	sumOf  string
	reader io.Reader
}

// startUpload prepares to read the call's body. algorithm is that of the
// checksum to compute where the client gives none; "" for none at all.
func (c *call) startUpload(algorithm string) (*upload, error) {
	u := &upload{c: c, md5: md5New(), sumOf: algorithm}
	if text := c.HTTP.Header.Get("Content-Md5"); text != "" || c.HTTP.Header["Content-Md5"] != nil {
		want, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(want) != md5.Size {
			return nil, fail(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5", text)
		}
		u.want = want
	}
	writers := []io.Writer{u.md5}
	if u.sum = newHash(algorithm); u.sum != nil {
		writers = append(writers, u.sum)
	}
	u.reader = io.TeeReader(c.body, io.MultiWriter(writers...))
	return u, nil
}

// finish checks the MD5 once all is read and gives it and the checksum. A
// checksum that the client sent was checked while it was read.
func (u *upload) finish() (got []byte, sum Checksum, err error) {
	got = u.md5.Sum(nil)
	if u.want != nil && !bytes.Equal(u.want, got) {
		return nil, sum, fail(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"ExpectedDigest", hex.EncodeToString(u.want), "CalculatedDigest", base64.StdEncoding.EncodeToString(got))
	}
	if name, value := u.c.body.Checksum(); name != "" {
		sum = Checksum{Algorithm: strings.ToUpper(strings.TrimPrefix(strings.ToLower(name), "x-amz-checksum-")), Value: value, Type: fullObject}
	} else if u.sum != nil {
		sum = Checksum{Algorithm: u.sumOf, Value: base64.StdEncoding.EncodeToString(u.sum.Sum(nil)), Type: fullObject}
	}
	return got, sum, nil
}

// finishUpload is finish with the ETag that follows from the MD5.
func (s *Service) finishUpload(u *upload, e Encryption) (etag string, sum Checksum, err error) {
	got, sum, err := u.finish()
	if err != nil {
		return "", sum, err
	}
	etag, err = s.etag(e, got)
	return etag, sum, err
}

func md5New() hash.Hash { return md5.New() } //nolint:gosec

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// readAll reads a small body, such as a document; larger ones are refused.
func (c *call) readAll(limit int64) ([]byte, error) {
	u, err := c.startUpload("")
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(u.reader, limit+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if int64(len(b)) > limit {
		return nil, fail(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.", "MaxMessageLengthBytes", fmt.Sprint(limit))
	}
	_, _, err = u.finish()
	return b, err
}

// bodyError is what became of a body that could not be read: what is wrong with
// it in S3's words, or that the client went away.
func bodyError(err error) error {
	var known *wire.Error
	if errors.As(err, &known) {
		return known
	}
	f := fail(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
	f.Reason.Message = err.Error()
	return f
}
