package wire

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A canonical request is what is hashed and signed: AWS's pages "Create a
// canonical request", for S3 "Authenticating Requests: Using the Authorization
// Header". This file makes the server's version of it out of what arrived.

// canonicalForm is how one kind of service wants the request in canonical form.
type canonicalForm struct {
	s3 bool
	// decodePath: the path was signed as the client holds it, not as it sent it.
	decodePath bool
	// without is a query parameter that was not signed: STS's session token.
	without string
}

// canonicalRequest writes the canonical request. payload is the last line.
func (s *Signature) canonicalRequest(r *http.Request, payload string, f canonicalForm) []byte {
	path, query := target(r)
	b := bytes.NewBuffer(make([]byte, 0, 1024))
	b.WriteString(r.Method)
	b.WriteByte('\n')
	switch {
	case f.s3:
		encodePathOnce(b, path)
	case f.decodePath:
		once := &bytes.Buffer{}
		encodePathOnce(once, normalise(path))
		encode(b, once.String(), true)
	default:
		encode(b, normalise(path), true)
	}
	b.WriteByte('\n')
	s.canonicalQuery(b, query, f.without)
	b.WriteByte('\n')
	for _, name := range s.SignedHeaders {
		b.WriteString(name)
		b.WriteByte(':')
		canonicalHeader(b, r, name)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(s.signed)
	b.WriteByte('\n')
	b.WriteString(payload)
	return b.Bytes()
}

// target is path and query as they came over the wire. r.URL may have been
// rewritten by a router; r.RequestURI, where there is one, was not.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		path, query = r.URL.EscapedPath(), r.URL.RawQuery
	} else {
		path, query, _ = strings.Cut(uri, "?")
	}
	if path == "" {
		path = "/"
	}
	return path, query
}

// normalise takes "//", "." and ".." out of a path. Only S3 takes paths as they
// are. Vault sends "//" for a request that it signed with "/".
func normalise(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	dir := true // the path ends in a slash
	for segment := range strings.SplitSeq(path, "/") {
		dir = segment == "" || segment == "." || segment == ".."
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if dir && len(kept) > 0 {
		clean += "/"
	}
	return clean
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// encode percent-encodes what is not unreserved, keeping slashes if asked to.
func encode(b *bytes.Buffer, text string, keepSlash bool) {
	for i := range len(text) {
		c := text[i]
		if unreserved(c) || keepSlash && c == '/' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
}

// encodePathOnce brings a path into the one encoded form: decoded segment by
// segment, then encoded. A percent sign that encodes nothing stands for itself.
func encodePathOnce(b *bytes.Buffer, path string) {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '/' {
			b.WriteByte(c)
			continue
		}
		if decoded, ok := percent(path, i); ok {
			c = decoded
			i += 2
		}
		if unreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
}

// percent decodes the escape at i.
func percent(text string, i int) (byte, bool) {
	if text[i] != '%' || i+2 >= len(text) {
		return 0, false
	}
	hi, lo := unhex(text[i+1]), unhex(text[i+2])
	return hi<<4 | lo, hi < 16 && lo < 16
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// canonicalQuery writes the parameters, encoded and in order of name and value,
// without the signature itself.
func (s *Signature) canonicalQuery(b *bytes.Buffer, raw, without string) {
	if raw == "" {
		return
	}
	type pair struct{ key, value string }
	pairs := make([]pair, 0, 8)
	for item := range strings.SplitSeq(raw, "&") {
		if item == "" {
			continue
		}
		key, value, _ := strings.Cut(item, "=")
		p := pair{encodeParameter(key), encodeParameter(value)}
		if s.Presigned && p.key == "X-Amz-Signature" || without != "" && p.key == without {
			continue
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(x, y pair) int {
		if c := strings.Compare(x.key, y.key); c != 0 {
			return c
		}
		return strings.Compare(x.value, y.value)
	})
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.key)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
}

// encodeParameter brings a name or a value of a query into the encoded form; a
// plus sign is a space.
func encodeParameter(text string) string {
	plain := true
	for i := range len(text) {
		if !unreserved(text[i]) {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	b := make([]byte, 0, len(text)+16)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if decoded, ok := percent(text, i); ok {
			c = decoded
			i += 2
		} else if c == '+' {
			c = ' '
		}
		if unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// canonicalHeader writes a header's values: trimmed, runs of blanks as one
// space, joined by commas. What net/http takes out of the headers is put back.
func canonicalHeader(b *bytes.Buffer, r *http.Request, name string) {
	values := r.Header[http.CanonicalHeaderKey(name)]
	if len(values) == 0 {
		switch name {
		case "host", ":authority":
			b.WriteString(r.Host)
			return
		case "content-length":
			if r.ContentLength >= 0 {
				b.WriteString(strconv.FormatInt(r.ContentLength, 10))
			}
			return
		case "transfer-encoding":
			b.WriteString(strings.Join(r.TransferEncoding, ","))
			return
		}
	}
	for i, value := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		blank := false
		start := b.Len()
		for j := range len(value) {
			c := value[j]
			if c == ' ' || c == '\t' {
				blank = true
				continue
			}
			if blank && b.Len() > start {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteByte(c)
		}
	}
}
