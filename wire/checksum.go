package wire

import (
	"crypto/sha1" //nolint:gosec // one of S3's checksums, not a signature
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
	"sync"
)

const checksumPrefix = "x-amz-checksum-"

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// nvme is the polynomial of the NVM Express base specification, reversed, as
// hash/crc64 wants it.
var nvme = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })

// newChecksum makes the hash behind a name such as "crc32", nil if S3 has none
// of that name.
func newChecksum(name string) hash.Hash {
	switch name {
	case "crc32":
		return crc32.NewIEEE()
	case "crc32c":
		return crc32.New(castagnoli())
	case "crc64nvme":
		return crc64.New(nvme())
	case "sha1":
		return sha1.New() //nolint:gosec
	case "sha256":
		return sha256.New()
	}
	return nil
}

// checksum is one that the client gives with the body, in a header before or in
// a trailer after it.
type checksum struct {
	hash.Hash
	name  string // "crc32"
	given string // base64; of a trailer, not yet
}

// headerChecksum is the checksum that the headers give, nil if none. Only one
// may be given.
func headerChecksum(r *http.Request) (*checksum, error) {
	if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
		return nil, nil // of the object that the parts make, not of this body
	}
	var found *checksum
	unreadable := ""
	for header, values := range r.Header {
		name, ok := strings.CutPrefix(strings.ToLower(header), checksumPrefix)
		if !ok || name == "algorithm" || name == "type" || name == "mode" {
			continue
		}
		c, err := checksumNamed(name)
		if err != nil {
			return nil, err
		}
		if found != nil || len(values) > 1 {
			return nil, severalChecksums()
		}
		if c.given = values[0]; !c.readable() {
			unreadable = checksumPrefix + name // but two are worse than one: recorded on AWS
		}
		found = c
	}
	if unreadable != "" {
		return nil, Errorf(http.StatusBadRequest, "InvalidRequest", "Value for %s header is invalid.", unreadable)
	}
	return found, nil
}

func checksumNamed(name string) (*checksum, error) {
	h := newChecksum(name)
	if h == nil {
		return nil, Errorf(http.StatusBadRequest, "InvalidRequest", "Checksum algorithm provided is unsupported. "+
			"Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return &checksum{Hash: h, name: name}, nil
}

func severalChecksums() *Error {
	return Errorf(http.StatusBadRequest, "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

// readable says whether what is given is base64 of the right length.
func (c *checksum) readable() bool {
	b, err := base64.StdEncoding.Strict().DecodeString(c.given)
	return err == nil && len(b) == c.Size()
}

func (c *checksum) text() string { return base64.StdEncoding.EncodeToString(c.Sum(nil)) }

// check compares with what was given, once the body is read.
func (c *checksum) check() error {
	if c.text() == c.given {
		return nil
	}
	return Errorf(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", strings.ToUpper(c.name))
}
