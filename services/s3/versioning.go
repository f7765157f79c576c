package s3

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
)

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// versionIDLength and the letters are those of S3's ids (recorded:
// test_object_version_id_format). The last four follow from the others: S3 too
// tells an id that it never gave from one whose version is gone (recorded:
// test_delete_object_versioned).
const (
	versionIDLength = 32
	versionIDCheck  = 4
)

// versionID draws an id for a version.
func (s *Service) versionID() (string, error) {
	b := make([]byte, versionIDLength-versionIDCheck)
	if _, err := s.rand.Read(b); err != nil {
		return "", fmt.Errorf("s3: making a version id: %w", err)
	}
	return spelled(b) + checkDigits(spelled(b)), nil
}

func spelled(b []byte) string {
	text := make([]byte, len(b))
	for i := range b {
		text[i] = idAlphabet[b[i]&63]
	}
	return string(text)
}

func checkDigits(id string) string {
	sum := sha256.Sum256([]byte("version " + id))
	return spelled(sum[:versionIDCheck])
}

func validVersionID(id string) bool {
	n := versionIDLength - versionIDCheck
	return id == nullVersion || len(id) == versionIDLength && checkDigits(id[:n]) == id[n:]
}

func invalidVersion(id string) error {
	return invalidArgument("Invalid version id specified", "versionId", id)
}

func noSuchVersion(key, id string) error {
	return fail(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.", "Key", key, "VersionId", id)
}

// setVersion says which version an answer is about, where there are versions.
// Of a version that was just written without an id, nothing is said: recorded
// on AWS (test_put_object_on_suspended_bucket).
func (c *call) setVersion(o *Object) {
	if o.VersionID != "" {
		c.w.Header().Set("X-Amz-Version-Id", o.VersionID)
	}
}

// setReadVersion is setVersion for reads, which name the null version too.
func (c *call) setReadVersion(b *Bucket, o *Object) {
	if b.Versioning != "" {
		c.w.Header().Set("X-Amz-Version-Id", o.id())
	}
}

func (c *call) setSourceVersion(o *Object) {
	if o.VersionID != "" {
		c.w.Header().Set("X-Amz-Copy-Source-Version-Id", o.VersionID)
	}
}

type versioningConfiguration struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    string   `xml:",omitempty"`
	MfaDelete string   `xml:",omitempty"`
}

func (s *Service) getVersioning(c *call) error {
	content := ""
	if c.bucket.Versioning != "" {
		content = "<Status>" + c.bucket.Versioning + "</Status>"
	}
	c.writeRaw("VersioningConfiguration", content)
	return nil
}

// putVersioning: the texts were recorded on AWS (test_bucket_versioning_crud).
func (s *Service) putVersioning(c *call) error {
	var in versioningConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	switch {
	case in.MfaDelete == "Enabled":
		return api.Unsupported("s3", "PutBucketVersioning with MFA delete")
	case in.Status == "":
		return fail(http.StatusBadRequest, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	case in.Status != versioned && in.Status != suspended, in.MfaDelete != "" && in.MfaDelete != "Disabled":
		return malformedXML()
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Versioning = in.Status }); err != nil {
		return err
	}
	return c.ok()
}
