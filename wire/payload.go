package wire

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// What x-amz-content-sha256 may say of a body, but for its hash.
const (
	unsignedPayload      = "UNSIGNED-PAYLOAD"
	streamingUnsigned    = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingHMAC        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingHMACTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

	s3PayloadForms = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, " +
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, " +
		"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)

// payloadForms are those that are served; the ECDSA ones come with Signature
// Version 4A only, which is not.
var payloadForms = map[string]bool{unsignedPayload: true, streamingUnsigned: true, streamingHMAC: true, streamingHMACTrailer: true}

// Payload is the body of an S3 request: decoded if it is aws-chunked, and checked
// while it is read. What is wrong with it shows as the error of Read, an *Error,
// at the latest instead of io.EOF: nothing that was read before is to be kept.
type Payload struct {
	body   io.Reader
	closer io.Closer
	// chunks is body, if it is aws-chunked.
	chunks *chunkReader
	length int64

	hash     hash.Hash // of the whole body, if its hash was signed
	wantHash string
	sum      *checksum
	trailing bool // sum is given in the trailer
	err      error
}

// OpenPayload gives the body of an S3 request. sig is its verified signature, nil
// if the request is not signed.
func OpenPayload(r *http.Request, sig *Signature) (*Payload, error) {
	said := r.Header.Get("X-Amz-Content-Sha256")
	if sig != nil {
		if sig.key == nil {
			return nil, sig.mismatchHint("the signature of the request has not been verified")
		}
		said = sig.payloadHash
	}
	p := &Payload{body: r.Body, closer: r.Body, length: r.ContentLength}
	if r.Body == nil {
		p.body, p.closer = http.NoBody, http.NoBody
	}
	var err error
	if p.sum, err = headerChecksum(r); err != nil {
		return nil, err
	}
	if isHash(said) {
		p.hash, p.wantHash = sha256.New(), said
	}
	if strings.HasPrefix(said, "STREAMING-") {
		if err := p.openChunks(r, sig, said); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// openChunks sets the payload up to decode an aws-chunked body.
func (p *Payload) openChunks(r *http.Request, sig *Signature, said string) error {
	signed := said == streamingHMAC || said == streamingHMACTrailer
	if !payloadForms[said] || signed && sig == nil {
		return Errorf(http.StatusBadRequest, "InvalidArgument", s3PayloadForms).
			With("ArgumentName", "x-amz-content-sha256").With("ArgumentValue", said)
	}
	decoded := r.Header.Get("X-Amz-Decoded-Content-Length")
	length, err := strconv.ParseInt(decoded, 10, 64)
	if err != nil || length < 0 || decoded[0] == '+' {
		return Errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	p.length = length
	p.chunks = &chunkReader{in: bufio.NewReaderSize(p.body, chunkBuffer), length: length, trailers: map[string]string{}}
	p.body = p.chunks
	if signed {
		p.chunks.sign(sig)
	}
	return p.expectTrailer(r, said)
}

// expectTrailer notes the checksum that x-amz-trailer announces.
func (p *Payload) expectTrailer(r *http.Request, said string) error {
	announced := strings.ToLower(strings.TrimSpace(r.Header.Get("X-Amz-Trailer")))
	p.chunks.hasTrailer = strings.HasSuffix(said, "-TRAILER")
	if announced == "" {
		return nil
	}
	if !p.chunks.hasTrailer {
		return malformedTrailer()
	}
	name, ok := strings.CutPrefix(announced, checksumPrefix)
	if !ok || strings.Contains(name, ",") || len(r.Header.Values("X-Amz-Trailer")) > 1 {
		return Errorf(http.StatusBadRequest, "InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
	}
	sum, err := checksumNamed(name)
	if err != nil {
		return err
	}
	if p.sum != nil {
		return severalChecksums()
	}
	p.sum, p.trailing = sum, true
	return nil
}

func malformedTrailer() *Error {
	return Errorf(http.StatusBadRequest, "MalformedTrailerError",
		"The request contained trailing data that was not well-formed or did not conform to our published schema.")
}

// Length is the length of the decoded body, -1 if it is not known before it is read.
func (p *Payload) Length() int64 { return p.length }

// Checksum is the checksum that came with the body: its header's name, such as
// "x-amz-checksum-crc32", and its value; "" if none. It is true once Read has
// given io.EOF.
func (p *Payload) Checksum() (name, value string) {
	if p.sum == nil {
		return "", ""
	}
	return checksumPrefix + p.sum.name, p.sum.text()
}

// Close closes the request's body.
func (p *Payload) Close() error { return p.closer.Close() }

// Read reads the decoded body.
func (p *Payload) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.body.Read(b)
	if p.hash != nil {
		p.hash.Write(b[:n])
	}
	if p.sum != nil {
		p.sum.Write(b[:n])
	}
	if err == io.EOF {
		if failure := p.finish(); failure != nil {
			err = failure
		}
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		err = incompleteBody("the connection ended before the body did")
	}
	p.err = err
	return n, err
}

// finish checks what can be checked once all is read.
func (p *Payload) finish() error {
	if p.hash != nil {
		if got := hex.EncodeToString(p.hash.Sum(nil)); got != p.wantHash {
			return payloadMismatch(p.wantHash, got)
		}
	}
	if p.chunks != nil {
		if err := p.trailer(); err != nil {
			return err
		}
	}
	if p.sum != nil {
		return p.sum.check()
	}
	return nil
}

// trailer takes the checksum out of the trailer. What was announced must be
// there, and nothing else may be.
func (p *Payload) trailer() error {
	if !p.trailing {
		if len(p.chunks.trailers) > 0 {
			return malformedTrailer()
		}
		return nil
	}
	value, ok := p.chunks.trailers[checksumPrefix+p.sum.name]
	if !ok || len(p.chunks.trailers) != 1 {
		return malformedTrailer()
	}
	if p.sum.given = value; !p.sum.readable() {
		return Errorf(http.StatusBadRequest, "InvalidRequest", "Value for %s trailing header is invalid.", checksumPrefix+p.sum.name)
	}
	return nil
}

func payloadMismatch(said, got string) *Error {
	return Errorf(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.").
		With("ClientComputedContentSHA256", said).With("S3ComputedContentSHA256", got)
}

func incompleteBody(reason string) *Error {
	err := Errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	err.Reason = reason
	return err
}
