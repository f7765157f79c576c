package wire

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VerifyOptions say what a signature is checked against.
type VerifyOptions struct {
	// Service is the signing name that the scope must have.
	Service string
	// Region is the region that the scope must have; "" takes any.
	Region string
	// Body is what was signed, unless PayloadHash says it. S3's bodies are
	// streams: there, leave both out and read the body from OpenPayload.
	Body []byte
	// PayloadHash is the lower-case hex SHA-256 of the body.
	PayloadHash string
	// S3 applies S3's rules: the path is signed as it is, x-amz-* headers must be
	// signed, x-amz-content-sha256 says what was signed of the body.
	S3 bool
	// Bucket is what the host of an S3 request names, "" in path style: Version 2
	// signs it with the path.
	Bucket string
	// MaxSkew is how far the time of signing may be from now; 0 is 15 minutes,
	// which STS, IAM and S3 allow.
	MaxSkew time.Duration
	// Keys may be nil.
	Keys *KeyCache
}

// Verify checks that r was signed with secret, the way s says. The order of
// checks is that of STS as far as answers show it: time, scope, signature. The
// error is an *AuthError, or nil.
func (s *Signature) Verify(r *http.Request, secret string, now time.Time, opts VerifyOptions) error {
	if opts.MaxSkew == 0 {
		opts.MaxSkew = 15 * time.Minute
	}
	if s.v2 != nil {
		return s.verify2(r, secret, now.UTC(), opts)
	}
	if opts.S3 {
		if err := s.checkExpires(); err != nil {
			return err
		}
	}
	if err := s.checkTime(now.UTC(), opts); err != nil {
		return err
	}
	if err := s.checkScope(opts); err != nil {
		return err
	}
	if err := s.checkSigned(r, opts.S3); err != nil {
		return err
	}
	payload, err := s.payload(r, opts)
	if err != nil {
		return err
	}
	return s.check(r, secret, payload, opts)
}

// check computes the signature and compares it.
func (s *Signature) check(r *http.Request, secret, payload string, opts VerifyOptions) error {
	key := opts.Keys.key(secret, s.Date, s.Region, s.Service)
	var first []byte
	for _, f := range s.forms(r, opts.S3) {
		canonical := s.canonicalRequest(r, payload, f)
		if first == nil {
			first = canonical
		}
		sum := sha256.Sum256(canonical)
		toSign := algorithmHMAC + "\n" + s.Time.Format(basicISO8601) + "\n" + s.scope() + "\n" + hex.EncodeToString(sum[:])
		if s.equals(mac(key, toSign)) {
			opts.Keys.remember(secret, s.Date, s.Region, s.Service, key)
			s.key, s.payloadHash, s.canonical, s.stringToSign = key, payload, string(canonical), toSign
			return nil
		}
	}
	sum := sha256.Sum256(first)
	return s.mismatch(s.provided, string(first),
		algorithmHMAC+"\n"+s.Time.Format(basicISO8601)+"\n"+s.scope()+"\n"+hex.EncodeToString(sum[:]))
}

// forms are the canonical forms in which the request may have been signed, the
// likeliest first. More than one verifies no more requests than AWS does: they
// are ways in which clients differ that AWS accepts.
func (s *Signature) forms(r *http.Request, s3 bool) []canonicalForm {
	forms := append(make([]canonicalForm, 0, 4), canonicalForm{s3: s3})
	if s3 {
		return forms
	}
	path, query := target(r)
	if needsDecoding(path) {
		forms = append(forms, canonicalForm{decodePath: true})
	}
	if s.Presigned && strings.Contains(query, "X-Amz-Security-Token=") {
		// Old clients add the token after they have signed, and STS accepts it.
		for _, f := range slices.Clone(forms) {
			f.without = "X-Amz-Security-Token"
			forms = append(forms, f)
		}
	}
	return forms
}

// needsDecoding says whether a path is not in the form that encoders make.
func needsDecoding(path string) bool {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			decoded, ok := percent(path, i)
			if !ok || unreserved(decoded) || path[i+1] >= 'a' || path[i+2] >= 'a' {
				return true
			}
			i += 2
		} else if c != '/' && !unreserved(c) {
			return true
		}
	}
	return false
}

func (s *Signature) equals(want []byte) bool {
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], want)
	return subtle.ConstantTimeCompare(text[:], []byte(s.provided)) == 1
}

// checkTime compares the time of signing with now.
func (s *Signature) checkTime(now time.Time, opts VerifyOptions) error {
	window := opts.MaxSkew
	if s.Presigned && s.Expires > 0 && opts.Service != "sts" && !opts.S3 {
		window = s.Expires // STS looks at its 15 minutes only
	}
	switch {
	case opts.S3 && s.Presigned:
		if end := s.Time.Add(s.Expires); now.After(end) {
			return s.presignExpired(end, now)
		}
		if s.Time.After(now.Add(opts.MaxSkew)) {
			return s.presignEarly(now)
		}
		return nil
	case s.Time.Before(now.Add(-window)):
		return s.skewed(now, window, opts.MaxSkew, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)",
			s.Time.Format(basicISO8601), now.Add(-window).Format(basicISO8601), now.Format(basicISO8601), minutes(window)))
	case s.Time.After(now.Add(opts.MaxSkew)):
		return s.skewed(now, opts.MaxSkew, opts.MaxSkew, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s)",
			s.Time.Format(basicISO8601), now.Add(opts.MaxSkew).Format(basicISO8601), now.Format(basicISO8601), minutes(opts.MaxSkew)))
	}
	return nil
}

func minutes(d time.Duration) string {
	if d%time.Minute != 0 {
		return strconv.Itoa(int(d/time.Second)) + " sec."
	}
	return strconv.Itoa(int(d/time.Minute)) + " min."
}

// checkExpires looks at X-Amz-Expires as S3 does.
func (s *Signature) checkExpires() error {
	if !s.Presigned {
		return nil
	}
	if !s.hasExpires || s.expires == "" {
		return incomplete("AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the query-string parameters.", s3Parameters(s3AllParameters))
	}
	n, err := strconv.ParseInt(s.expires, 10, 64)
	switch {
	case err != nil:
		return incomplete("'X-Amz-Expires' must be a number.", s3Parameters("X-Amz-Expires should be a number"))
	case n < 0:
		return incomplete("'X-Amz-Expires' must be non-negative.", s3Parameters("X-Amz-Expires must be non-negative"))
	case n > int64(maxExpires/time.Second):
		return incomplete("'X-Amz-Expires' must be less than a week.", s3Parameters("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"))
	}
	return nil
}

// checkScope compares the scope with the service; all that is wrong is in one
// message.
func (s *Signature) checkScope(opts VerifyOptions) error {
	var wrong []string
	var s3 *Error
	add := func(message string, s3err *Error) {
		wrong = append(wrong, message)
		if s3 == nil {
			s3 = s3err
		}
	}
	if opts.Region != "" && s.Region != opts.Region || s.Region == "" {
		add(fmt.Sprintf("Credential should be scoped to a valid Region, not '%s'.", s.Region),
			s.WrongRegion(opts.Region))
	}
	if opts.Service != "" && s.Service != opts.Service {
		add(fmt.Sprintf("Credential should be scoped to correct service: '%s'.", opts.Service),
			s.s3Scope(fmt.Sprintf("incorrect service %q. This endpoint belongs to %q.", s.Service, opts.Service)))
	}
	if s.terminator != terminator {
		add(fmt.Sprintf("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", s.terminator),
			s.s3Scope(fmt.Sprintf("incorrect terminal %q. This endpoint uses %q.", s.terminator, terminator)))
	}
	if day := s.Time.Format("20060102"); s.Date != day {
		add(fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			s.Date, day, s.Time.Format(basicISO8601)), s.s3Date(day))
	}
	if wrong == nil {
		return nil
	}
	return &AuthError{
		Kind: AuthScope, AccessKeyID: s.AccessKeyID, Message: strings.Join(wrong, " "), s3: s3,
		Hint: "the request was signed for " + s.scope(),
	}
}

// s3Date is S3's answer to a scope of another day than the request's.
func (s *Signature) s3Date(day string) *Error {
	if len(s.Date) != 8 || strings.Trim(s.Date, "0123456789") != "" {
		return s.s3Scope(fmt.Sprintf("incorrect date format %q. This date in the credential must be in the format \"yyyyMMdd\".", s.Date))
	}
	message := fmt.Sprintf("Invalid credential date %q. This date is not the same as X-Amz-Date: %q.", s.Date, day)
	if s.Presigned {
		return s3Parameters(message)
	}
	return s3Malformed(message)
}

// checkSigned looks for headers that are there and not signed. All services
// want the host signed, S3 all of x-amz-*.
func (s *Signature) checkSigned(r *http.Request, s3 bool) error {
	var unsigned []string
	if !s.signs("host") && !s.signs(":authority") {
		unsigned = append(unsigned, "host")
	}
	if s3 {
		for name := range r.Header {
			lower := strings.ToLower(name)
			if strings.HasPrefix(lower, "x-amz-") && !s.signs(lower) {
				unsigned = append(unsigned, lower)
			}
		}
		slices.Sort(unsigned)
	}
	if unsigned == nil {
		return nil
	}
	list := strings.Join(unsigned, ", ")
	return &AuthError{
		Kind: AuthUnsignedHeaders, AccessKeyID: s.AccessKeyID,
		Message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
		Hint:    "not signed: " + list,
		s3:      Errorf(http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed").With("HeadersNotSigned", list),
	}
}

// payload is the last line of the canonical request.
func (s *Signature) payload(r *http.Request, opts VerifyOptions) (string, error) {
	if opts.S3 {
		return s.s3Payload(r, opts)
	}
	hash := opts.PayloadHash
	if hash == "" {
		hash = hashOf(opts.Body)
	}
	// The header is optional here; where it is, it must be true.
	if sent := r.Header.Get("X-Amz-Content-Sha256"); sent != "" && sent != hash {
		return "", s.mismatchHint("x-amz-content-sha256 is not the hash of the body that arrived")
	}
	return hash, nil
}

// emptyHash is the SHA-256 of nothing, the payload of every GET.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func hashOf(body []byte) string {
	if len(body) == 0 {
		return emptyHash
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// s3Payload takes the payload's line from x-amz-content-sha256, which S3 wants
// to be there. A presigned request need not say it.
func (s *Signature) s3Payload(r *http.Request, opts VerifyOptions) (string, error) {
	said := r.Header.Get("X-Amz-Content-Sha256")
	if said == "" && s.Presigned {
		if said = signingQuery(r.URL.RawQuery).values["X-Amz-Content-Sha256"]; said == "" {
			said = unsignedPayload
		}
	}
	if said == "" {
		return "", &AuthError{
			Kind: AuthPayload, AccessKeyID: s.AccessKeyID, Message: signatureMessage,
			s3: Errorf(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
		}
	}
	if !isHash(said) && !payloadForms[said] {
		return "", &AuthError{
			Kind: AuthPayload, AccessKeyID: s.AccessKeyID, Message: signatureMessage,
			s3: Errorf(http.StatusBadRequest, "InvalidArgument", s3PayloadForms).
				With("ArgumentName", "x-amz-content-sha256").With("ArgumentValue", said),
		}
	}
	if isHash(said) && (opts.PayloadHash != "" || opts.Body != nil) {
		hash := opts.PayloadHash
		if hash == "" {
			hash = hashOf(opts.Body)
		}
		if hash != said {
			return "", &AuthError{Kind: AuthPayload, AccessKeyID: s.AccessKeyID, Message: signatureMessage, s3: payloadMismatch(said, hash)}
		}
	}
	return said, nil
}

func isHash(text string) bool {
	if len(text) != 2*sha256.Size {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// WrongRegion is S3's refusal of a signature for another region than the one
// that is wanted.
func (s *Signature) WrongRegion(want string) *Error {
	return s.s3Scope(fmt.Sprintf("the region '%s' is wrong; expecting '%s'", s.Region, want)).With("Region", want)
}
