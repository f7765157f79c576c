package wire

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Signature Version 2 is HMAC-SHA1
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

// A form that uploads an object to S3 is signed in its fields, over the text of
// its policy ("Authenticating Requests: Browser-Based Uploads Using POST", S3
// API reference). The names of the fields that must be there, and the order in
// which they are missed, were recorded (LocalStack's test_post_request_missing_*).
var (
	postFields4 = []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"}
	postFields2 = []string{"AWSAccessKeyId", "Signature"}
)

// PostSignature reads the signature of a form; field gives a field's value, ""
// for none. It is nil for a form that is not signed.
func PostSignature(field func(name string) string) (*Signature, error) {
	names := postFields4
	if !anyOf(names, field) {
		if names = postFields2; !anyOf(names, field) {
			return nil, nil
		}
	}
	for _, name := range names {
		if field(name) == "" {
			return nil, Errorf(http.StatusBadRequest, "InvalidArgument",
				"Bucket POST must contain a field named '%s'.  If it is specified, please check the order of the fields.", name).With("ArgumentName", name)
		}
	}
	s := &Signature{SecurityToken: field("X-Amz-Security-Token")}
	if len(names) == len(postFields2) {
		s.AccessKeyID, s.provided, s.v2 = field("AWSAccessKeyId"), field("Signature"), &signature2{}
		return s, nil
	}
	s.provided = field("X-Amz-Signature")
	date, ok := parseTime(field("X-Amz-Date"))
	switch {
	case field("X-Amz-Algorithm") != algorithmHMAC:
		return nil, invalidField("X-Amz-Algorithm", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", field)
	case !s.setCredential(field("X-Amz-Credential")) || s.terminator != terminator || s.Service != "s3":
		return nil, invalidField("X-Amz-Credential", "The X-Amz-Credential field is malformed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\".", field)
	case !ok || date.Format("20060102") != s.Date:
		return nil, invalidField("X-Amz-Date", "X-Amz-Date must be formated via ISO8601 Long format", field)
	}
	s.Time = date
	return s, nil
}

func anyOf(names []string, field func(string) string) bool {
	for _, name := range names {
		if field(name) != "" {
			return true
		}
	}
	return false
}

func invalidField(name, message string, field func(string) string) *Error {
	return Errorf(http.StatusBadRequest, "InvalidArgument", "%s", message).With("ArgumentName", name).With("ArgumentValue", field(name))
}

// VerifyPost checks a form's signature, which is over its policy as it was sent.
func (s *Signature) VerifyPost(secret, policy string) error {
	if s.v2 != nil {
		h := hmac.New(sha1.New, []byte(secret))
		h.Write([]byte(policy))
		if want := base64.StdEncoding.EncodeToString(h.Sum(nil)); subtle.ConstantTimeCompare([]byte(want), []byte(s.provided)) == 1 {
			return nil
		}
	} else if s.equals(mac(signingKey(secret, s.Date, s.Region, s.Service), policy)) {
		return nil
	}
	err := s.mismatch(s.provided, "", policy)
	err.Hint = "the secret access key is another one, or the form's policy was changed after it was signed"
	err.s3 = Errorf(http.StatusForbidden, "SignatureDoesNotMatch", "%s", s3SignatureMessage).
		With("AWSAccessKeyId", s.AccessKeyID).With("StringToSign", policy).With("SignatureProvided", s.provided).With("StringToSignBytes", spacedHex(policy))
	return err
}
