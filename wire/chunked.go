package wire

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// The aws-chunked encoding of a body, from S3's pages "Signature Calculations
// for the Authorization Header: Transferring Payload in Multiple Chunks":
//
//	<size in hex>[;chunk-signature=<signature>] CRLF <size bytes> CRLF
//	… the last chunk has size 0 and no bytes …
//	[<name>:<value> CRLF]
//	[x-amz-trailer-signature:<signature> CRLF]
//	CRLF
//
// Each signature covers the one before it, the first that of the request.

const (
	chunkBuffer    = 32 << 10
	maxChunkLine   = 1 << 10
	maxTrailerLine = 16
	// smallestChunk is that of every chunk but the last. Status, code and the
	// numbers of the refusal as justincormack/argmin's tests assert against S3.
	smallestChunk = 8192
)

// chunkReader decodes an aws-chunked body. It gives out data before the
// signature of its chunk is checked, and the failure afterwards: see Payload.
type chunkReader struct {
	in         *bufio.Reader
	length     int64 // that the decoded body must have
	read       int64
	hasTrailer bool
	trailers   map[string]string

	open   bool  // inside a chunk
	left   int64 // of its data
	size   int64
	number int

	// Of a signed body.
	sig       *Signature
	previous  string // signature
	signature string // of the chunk at hand
	sum       hash.Hash
}

// sign makes the reader check the chunks' signatures.
func (c *chunkReader) sign(sig *Signature) {
	c.sig, c.previous, c.sum = sig, sig.provided, sha256.New()
}

func (c *chunkReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for c.left == 0 {
		if c.open {
			if err := c.endChunk(); err != nil {
				return 0, err
			}
		}
		if err := c.beginChunk(); err != nil {
			return 0, err
		}
		if c.size == 0 {
			if err := c.end(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	n, err := c.in.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if c.sum != nil {
		c.sum.Write(b[:n])
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = incompleteBody("the body ends inside a chunk")
	}
	return n, err
}

// line reads a line without its end. One that is too long is an error.
func (c *chunkReader) line() (string, error) {
	line, err := c.in.ReadSlice('\n')
	if len(line) > maxChunkLine || errors.Is(err, bufio.ErrBufferFull) {
		return "", incompleteBody("a line of the encoding is too long")
	}
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if err != nil {
		return string(line), io.EOF
	}
	return string(bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))), nil
}

// beginChunk reads a chunk's first line.
func (c *chunkReader) beginChunk() error {
	line, err := c.line()
	if err == io.EOF {
		return incompleteBody("the body ends before its last chunk")
	}
	if err != nil {
		return err
	}
	digits, extension, extended := strings.Cut(line, ";")
	size, err := strconv.ParseUint(digits, 16, 63)
	if err != nil || len(digits) > 16 {
		return incompleteBody("a chunk does not begin with its size")
	}
	c.number++
	last := c.size
	c.size, c.left, c.open = int64(size), int64(size), true
	if size > 0 && c.number > 1 && last < smallestChunk {
		return Errorf(http.StatusForbidden, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes").
			With("Chunk", strconv.Itoa(c.number)).With("BadChunkSize", strconv.FormatInt(last, 10))
	}
	if c.size > c.length-c.read {
		return incompleteBody("the chunks are longer than x-amz-decoded-content-length")
	}
	c.read += c.size
	if c.sig == nil {
		if extended {
			return incompleteBody("a chunk of an unsigned body has a signature")
		}
		return nil
	}
	signature, ok := strings.CutPrefix(extension, "chunk-signature=")
	if !ok {
		return incompleteBody("a chunk of a signed body has no signature")
	}
	c.signature = signature
	c.sum.Reset()
	return nil
}

// endChunk checks what follows a chunk's data, and its signature.
func (c *chunkReader) endChunk() error {
	c.open = false
	if line, err := c.line(); err != nil || line != "" {
		if err != nil && err != io.EOF {
			return err
		}
		return incompleteBody("a chunk is longer than its size")
	}
	return c.verifyChunk()
}

func (c *chunkReader) verifyChunk() error {
	if c.sig == nil {
		return nil
	}
	toSign := c.toSign("AWS4-HMAC-SHA256-PAYLOAD", emptyHash+"\n"+hex.EncodeToString(c.sum.Sum(nil)))
	return c.verify(c.signature, toSign)
}

func (c *chunkReader) toSign(algorithm, rest string) string {
	return algorithm + "\n" + c.sig.Time.Format(basicISO8601) + "\n" + c.sig.scope() + "\n" + c.previous + "\n" + rest
}

func (c *chunkReader) verify(provided, toSign string) error {
	probe := Signature{provided: provided}
	if !probe.equals(mac(c.sig.key, toSign)) {
		// AWS prints the chunk's string to sign with the request's canonical form.
		return c.sig.mismatch(provided, c.sig.canonical, toSign).S3()
	}
	c.previous = provided
	return nil
}

// end reads what follows the first line of the last chunk.
func (c *chunkReader) end() error {
	c.open = false
	if err := c.verifyChunk(); err != nil {
		return err
	}
	if c.read != c.length {
		return incompleteBody("the chunks are shorter than x-amz-decoded-content-length")
	}
	signature, canonical := "", ""
	for lines := 0; ; lines++ {
		line, err := c.line()
		if err != nil && err != io.EOF {
			return err
		}
		if line != "" {
			if !c.hasTrailer || lines >= maxTrailerLine || err == io.EOF {
				return malformedTrailer()
			}
			name, value, ok := strings.Cut(line, ":")
			name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
			if _, twice := c.trailers[name]; !ok || twice || signature != "" {
				return malformedTrailer()
			}
			if name == "x-amz-trailer-signature" {
				signature = value
			} else {
				c.trailers[name] = value
				canonical += name + ":" + value + "\n"
			}
		}
		if err == io.EOF {
			break
		}
		if line == "" && lines >= maxTrailerLine {
			return malformedTrailer()
		}
	}
	return c.verifyTrailer(signature, canonical)
}

func (c *chunkReader) verifyTrailer(signature, canonical string) error {
	if c.sig == nil || !c.hasTrailer {
		if signature != "" {
			return malformedTrailer()
		}
		return nil
	}
	if signature == "" {
		return malformedTrailer()
	}
	sum := sha256.Sum256([]byte(canonical))
	return c.verify(signature, c.toSign("AWS4-HMAC-SHA256-TRAILER", hex.EncodeToString(sum[:])))
}
