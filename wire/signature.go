package wire

import (
	"net/http"
	"strings"
	"time"
)

const (
	algorithmHMAC = "AWS4-HMAC-SHA256"
	terminator    = "aws4_request"
	basicISO8601  = "20060102T150405Z"
	// maxExpires is the longest life of a presigned S3 request, seven days.
	maxExpires = 604800 * time.Second
)

// Signature is what a request says about who signed it and how: Signature
// Version 4, from the Authorization header or from the query, or Version 2 from
// the query of an S3 request. Nothing in it is to be believed before Verify.
type Signature struct {
	AccessKeyID string
	// Date, Region and Service are the scope of the credential; Date is
	// yyyymmdd, Service the signing name, such as "sts".
	Date, Region, Service string
	// SecurityToken is the session token sent along; "" if none.
	SecurityToken string
	// Time is when the request says it was signed.
	Time time.Time
	// SignedHeaders are lower-case names, as sent.
	SignedHeaders []string
	// Presigned: the signature is in the query.
	Presigned bool
	// Expires is how long a presigned request says it is valid; 0 if it does not.
	Expires time.Duration

	terminator string
	provided   string // the signature itself
	expires    string // X-Amz-Expires as sent
	hasExpires bool
	signed     string // SignedHeaders as sent
	v2         *signature2

	// Of a verified signature, for the chunks of the body that follow it.
	key          []byte
	payloadHash  string
	canonical    string
	stringToSign string
}

// ParseSignature reads a request's signature. It is nil, without error, when the
// request is not signed; what looks like a signature and cannot be read is an
// *AuthError. Nothing may be there twice: neither the header, nor a part of it,
// nor a parameter, nor both ways of signing at once.
func ParseSignature(r *http.Request) (*Signature, error) {
	header := r.Header["Authorization"]
	query := signingQuery(r.URL.RawQuery)
	switch {
	case len(header) > 1:
		return nil, oneMechanism(strings.Join(header, ","))
	case len(header) == 1 && header[0] != "" && query.signs():
		return nil, oneMechanism(header[0])
	case query.signs():
		return parseQuery(r, query)
	case len(header) == 1 && header[0] != "":
		return parseHeader(r, header[0])
	case query.version2():
		return parseVersion2(r)
	}
	return nil, nil
}

// scope is the credential's scope as the string to sign has it.
func (s *Signature) scope() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + s.terminator
}

// setCredential takes a credential apart; ok is false if it is malformed.
func (s *Signature) setCredential(credential string) (ok bool) {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return false
	}
	s.AccessKeyID, s.Date, s.Region, s.Service, s.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	return true
}

// setSignedHeaders takes the list of signed headers apart. Names are lower-case
// tokens, none of them twice.
func (s *Signature) setSignedHeaders(list string) (ok bool) {
	s.signed = list
	s.SignedHeaders = strings.Split(list, ";")
	for i, name := range s.SignedHeaders {
		if !isHeaderName(name) {
			return false
		}
		for _, other := range s.SignedHeaders[:i] {
			if name == other {
				return false
			}
		}
		if i > 200 {
			return false
		}
	}
	return true
}

func isHeaderName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.!#$%&'*+^`|~:", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// signs says whether a header is among the signed ones.
func (s *Signature) signs(lowerName string) bool {
	for _, name := range s.SignedHeaders {
		if name == lowerName {
			return true
		}
	}
	return false
}

// parseTime reads the one form that AWS takes.
func parseTime(text string) (time.Time, bool) {
	if len(text) != len(basicISO8601) {
		return time.Time{}, false
	}
	t, err := time.Parse(basicISO8601, text)
	return t, err == nil
}
