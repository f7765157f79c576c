package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// signingParameters are those of a presigned request.
type signingParameters struct {
	values map[string]string
	twice  string // the first that is there twice
	keyID2 bool   // the parameters of Signature Version 2 are there
}

// signingQuery picks the parameters of a signature out of a query.
func signingQuery(raw string) signingParameters {
	q := signingParameters{}
	if !strings.Contains(raw, "X-Amz-") && !strings.Contains(raw, "AWSAccessKeyId") {
		return q
	}
	q.values = map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders",
			"X-Amz-Date", "X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Content-Sha256":
		case "AWSAccessKeyId":
			q.keyID2 = true
			continue
		default:
			continue
		}
		if _, twice := q.values[key]; twice && q.twice == "" {
			q.twice = key
		}
		text, err := url.QueryUnescape(value)
		if err != nil {
			text = value
		}
		q.values[key] = text
	}
	return q
}

func (q signingParameters) has(name string) bool { _, ok := q.values[name]; return ok }

func (q signingParameters) signs() bool {
	return q.has("X-Amz-Algorithm") || q.has("X-Amz-Signature") || q.has("X-Amz-Credential")
}

func (q signingParameters) version2() bool { return q.keyID2 }

// parseQuery reads the signature of a presigned request.
func parseQuery(r *http.Request, q signingParameters) (*Signature, error) {
	if q.twice != "" {
		return nil, incomplete("'"+q.twice+"' may be given once only in the query-string parameters.", s3Parameters(s3AllParameters))
	}
	message := ""
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if q.values[name] == "" {
			message += "AWS query-string parameters must include '" + name + "'. "
		}
	}
	if message != "" {
		return nil, incomplete(message+"Re-examine the query-string parameters.", s3Parameters(s3AllParameters))
	}
	if algorithm := q.values["X-Amz-Algorithm"]; algorithm != algorithmHMAC {
		return nil, unsupportedAlgorithm(algorithm, "", true)
	}
	s := &Signature{Presigned: true, provided: q.values["X-Amz-Signature"]}
	if !s.setCredential(q.values["X-Amz-Credential"]) {
		return nil, malformedCredential(q.values["X-Amz-Credential"], true)
	}
	if !s.setSignedHeaders(q.values["X-Amz-SignedHeaders"]) {
		return nil, incomplete("'X-Amz-SignedHeaders' is malformed. Re-examine the query-string parameters.", s3Parameters(s3AllParameters))
	}
	t, ok := parseTime(q.values["X-Amz-Date"])
	if !ok {
		return nil, malformedDate(q.values["X-Amz-Date"], true)
	}
	s.Time = t
	s.expires, s.hasExpires = q.values["X-Amz-Expires"]
	if n, err := strconv.ParseInt(s.expires, 10, 32); err == nil && n > 0 {
		s.Expires = time.Duration(n) * time.Second
	}
	s.SecurityToken = q.values["X-Amz-Security-Token"]
	if s.SecurityToken == "" {
		s.SecurityToken = strings.TrimSpace(r.Header.Get("X-Amz-Security-Token"))
	}
	return s, nil
}
