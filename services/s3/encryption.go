package s3

import (
	"crypto/md5" //nolint:gosec // ETags have its length
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/wire"
)

// The headers of an encryption (API reference, PutObject).
const (
	sseHeader          = "X-Amz-Server-Side-Encryption"
	sseKeyHeader       = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	sseContextHeader   = "X-Amz-Server-Side-Encryption-Context"
	sseBucketKeyHeader = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
)

// kms says whether the encryption is with a key of KMS.
func (e Encryption) kms() bool { return e.Algorithm != statefile.AES256 }

// usesBucketKey: a bucket may say so, but only SSE-KMS has bucket keys: recorded on
// AWS; and not with two layers (S3 user guide, "Reducing the cost of SSE-KMS").
func (e Encryption) usesBucketKey() bool { return e.BucketKey && e.Algorithm == statefile.AWSKMS }

// wantedEncryption is that of the headers, or the bucket's. What the bucket says of
// bucket keys counts also where the headers name the algorithm (S3 user guide,
// "Specifying server-side encryption with AWS KMS").
func (c *call) wantedEncryption() (Encryption, error) {
	h := c.HTTP.Header
	e := c.bucket.Encryption
	switch algorithm := h.Get(sseHeader); {
	case algorithm != "" && !slices.Contains(statefile.SSEAlgorithms, algorithm):
		return e, invalidArgument("The encryption method specified is not supported", strings.ToLower(sseHeader), algorithm)
	case algorithm != "":
		e = Encryption{Algorithm: algorithm, BucketKey: c.bucket.Encryption.BucketKey}
	}
	if key := h.Get(sseKeyHeader); key != "" {
		if algorithm := h.Get(sseHeader); algorithm == "" || algorithm == statefile.AES256 {
			// aws/aws-cli#1517, #6713
			return e, invalidArgument("Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms", strings.ToLower(sseHeader), algorithm)
		}
		e.KeyID = key
	}
	if asked := h.Get(sseBucketKeyHeader); asked != "" {
		e.BucketKey = strings.EqualFold(asked, "true")
	}
	if !e.kms() {
		e.BucketKey = false
		return e, nil
	}
	if given := h.Get(sseContextHeader); given != "" {
		text, err := base64.StdEncoding.DecodeString(given)
		var pairs map[string]string
		if err == nil {
			err = json.Unmarshal(text, &pairs)
		}
		if err != nil { // apache/hadoop, HADOOP-19197
			return e, invalidArgument("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map", strings.ToLower(sseContextHeader), given)
		}
		e.Context = string(text)
	}
	return e, nil
}

// etag is the ETag of what is written with that MD5: the MD5 itself, and under a
// key of KMS another one each time (recorded 11a).
func (s *Service) etag(e Encryption, sum []byte) (string, error) {
	if !e.kms() {
		return hex.EncodeToString(sum), nil
	}
	salt := make([]byte, md5.Size)
	if _, err := io.ReadFull(s.rand, salt); err != nil {
		return "", fmt.Errorf("s3: making an ETag: %w", err)
	}
	return saltedETag(salt, sum), nil
}

func saltedETag(salt, sum []byte) string {
	h := md5New()
	h.Write(salt)
	h.Write(sum)
	return hexSum(h)
}

// context is the encryption context: the object, or the bucket where its key is
// used, beside what the client gave (S3 user guide, "Using server-side encryption
// with AWS KMS keys", Encryption context).
func (e Encryption) context(bucket *Bucket, key string) map[string]string {
	pairs := map[string]string{}
	if e.Context != "" {
		_ = json.Unmarshal([]byte(e.Context), &pairs) // it could be read when it was taken
	}
	pairs["aws:s3:arn"] = bucket.ARN() + "/" + key
	if e.usesBucketKey() {
		pairs["aws:s3:arn"] = bucket.ARN()
	}
	return pairs
}

// encrypt asks for the key that an object is to be written under. A key that is no
// ARN is one of the caller's account, also where the bucket names it (API reference,
// ServerSideEncryptionByDefault; aws/aws-cli#8405).
func (c *call) encrypt(o *Object) error {
	e := &o.Encryption
	if !e.kms() {
		return nil
	}
	if err := c.checkKMSSignature(); err != nil {
		return err
	}
	arn, f := kms.Use{
		Service: "s3", Action: "GenerateDataKey", Key: e.KeyID, Account: c.Principal.Account, Region: c.bucket.Region,
		Declared: c.Principal.Account != c.bucket.Account, Context: e.context(c.bucket, o.Key),
	}.Authorize(c.Request)
	if f != nil {
		return c.cannotUse(f)
	}
	e.KeyID = arn
	return nil
}

// decrypt asks for the key of an object of a bucket that is read.
func (c *call) decrypt(b *Bucket, o *Object) error {
	e := o.Encryption
	if !e.kms() {
		return nil
	}
	if err := c.checkKMSSignature(); err != nil {
		return err
	}
	_, f := kms.Use{
		Service: "s3", Action: "Decrypt", Key: e.KeyID, Account: b.Account, Region: b.Region, Context: e.context(b, o.Key),
	}.Authorize(c.Request)
	if f != nil {
		return c.cannotUse(f)
	}
	return nil
}

// refuseCustomerKey refuses the key that a client gives with a read, or with a part:
// no object here is under such a key (API reference, GetObject; the text: LocalStack,
// tests/aws/services/s3, test_s3_sse_c).
func (c *call) refuseCustomerKey(prefix string) error {
	for _, name := range []string{"Algorithm", "Key", "Key-Md5"} {
		if c.HTTP.Header.Get(prefix+sseHeader[len("X-Amz-"):]+"-Customer-"+name) != "" {
			return invalidRequest("The encryption parameters are not applicable to this object.")
		}
	}
	return nil
}

// checkKMSSignature: KMS does not take what nobody signed, nor Version 2
// (boto/botocore#377, aws/aws-sdk-net#2543, tailscale/tailscale#15195).
func (c *call) checkKMSSignature() error {
	if c.Principal != nil && c.signature != nil && c.signature.Algorithm() != "AWS" {
		return nil
	}
	return invalidArgument("Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.", "Authorization", "null")
}

// cannotUse words why a key cannot be used (recorded 11a).
func (c *call) cannotUse(f *kms.Failure) error {
	if f.Denied() {
		return f.Refusal(wire.Errorf(http.StatusForbidden, "AccessDenied", "%s", f.Message))
	}
	return f.Refusal(wire.Errorf(http.StatusBadRequest, "KMS."+f.Code, "%s", f.Message))
}

// set puts the encryption into an answer's headers.
func (e Encryption) set(h http.Header) {
	h.Set("X-Amz-Server-Side-Encryption", e.Algorithm)
	if e.KeyID != "" {
		h.Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", e.KeyID)
	}
	if e.usesBucketKey() {
		h.Set("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "true")
	}
}
