package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// parseHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
// The order of the checks is AWS's as far as answers show it: pairs, missing
// parts, algorithm, credential, date.
func parseHeader(r *http.Request, value string) (*Signature, error) {
	algorithm, rest, _ := strings.Cut(value, " ")
	parts := map[string]string{}
	for chunk := range strings.SplitSeq(rest, ",") {
		chunk = strings.TrimSpace(chunk)
		if chunk == "" {
			continue
		}
		name, text, found := strings.Cut(chunk, "=")
		if !found || strings.ContainsRune(name, ' ') {
			return nil, notAPair(algorithm, value, chunk)
		}
		if _, twice := parts[name]; twice {
			return nil, malformedHeader(value, name)
		}
		parts[name] = text
	}
	if err := missingParts(r, algorithm, value, parts); err != nil {
		return nil, err
	}
	if algorithm != algorithmHMAC {
		return nil, unsupportedAlgorithm(algorithm, value, false)
	}
	if len(parts) != 3 {
		return nil, malformedHeader(value, "")
	}
	s := &Signature{provided: parts["Signature"]}
	if !s.setCredential(parts["Credential"]) {
		return nil, malformedCredential(parts["Credential"], false)
	}
	if !s.setSignedHeaders(parts["SignedHeaders"]) {
		return nil, malformedHeader(value, "SignedHeaders")
	}
	if err := s.setDate(r); err != nil {
		return nil, err
	}
	if tokens := r.Header.Values("X-Amz-Security-Token"); len(tokens) > 1 {
		return nil, malformedHeader(value, "X-Amz-Security-Token")
	} else if len(tokens) == 1 {
		s.SecurityToken = strings.TrimSpace(tokens[0])
	}
	return s, nil
}

// missingParts collects all that is missing into one message, as AWS does.
// Recorded: "Authorization header requires 'X' parameter. (Hashed with SHA-256
// and encoded with Base64) Authorization=…"; before 2023 the header was printed
// as it came.
func missingParts(r *http.Request, algorithm, value string, parts map[string]string) error {
	message := ""
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[name] == "" {
			message += "Authorization header requires '" + name + "' parameter. "
		}
	}
	dateless := r.Header.Get("X-Amz-Date") == "" && r.Header.Get("Date") == ""
	s3 := s3Malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
	if message == "" {
		s3 = Errorf(http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	}
	if dateless {
		message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	if message == "" {
		return nil
	}
	if !strings.HasPrefix(algorithm, "AWS4-") {
		s3 = s3Unsupported(algorithm, value)
	}
	return &AuthError{
		Kind: AuthIncomplete, s3: s3,
		Message: message + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed(value),
		Hint:    "the Authorization header is not a complete signature of Signature Version 4",
	}
}

// setDate takes the time of signing from X-Amz-Date, or else from Date.
func (s *Signature) setDate(r *http.Request) error {
	text := strings.Join(r.Header.Values("X-Amz-Date"), ",")
	if text == "" {
		text = strings.Join(r.Header.Values("Date"), ",")
		if t, err := http.ParseTime(text); err == nil {
			s.Time = t.UTC()
			return nil
		}
	}
	t, ok := parseTime(text)
	if !ok {
		return malformedDate(text, false)
	}
	s.Time = t
	return nil
}

// hashed is how AWS prints a header that it will not repeat.
func hashed(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// notAPair is the answer to every other scheme, too: "Bearer x".
func notAPair(algorithm, value, chunk string) *AuthError {
	s3 := s3Malformed(`the authorization component "` + chunk + `" is malformed.`)
	if !strings.HasPrefix(algorithm, "AWS4-") {
		s3 = s3Unsupported(algorithm, value)
	}
	return &AuthError{
		Kind: AuthIncomplete, s3: s3,
		Message: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed(value) + "'.",
		Hint:    "the Authorization header is not one of Signature Version 4: a part of it is not of the form key=value",
	}
}

// s3Unsupported is S3's answer to a scheme that is not Signature Version 4.
func s3Unsupported(scheme, value string) *Error {
	if scheme == "AWS" {
		return version2().s3
	}
	return Errorf(http.StatusBadRequest, "InvalidArgument", "Unsupported Authorization Type").
		With("ArgumentName", "Authorization").With("ArgumentValue", value)
}
