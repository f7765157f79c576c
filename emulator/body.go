package emulator

import (
	"bytes"
	"io"
	"net/http"

	"github.com/irsa-emu/irsa-emu/wire"
)

// maxBody bounds the body of every call but S3's, which streams. The largest
// documents that AWS takes are 131,072 characters, sent percent-encoded.
const maxBody = 1 << 20

// smallBody is what a body may have without a share of the memory for large
// ones: tokens and session policies fit, and mostLargeBodies are for the rest.
const (
	smallBody       = 64 << 10
	mostLargeBodies = 128
)

// bodies has an item for each large body in memory.
type bodies chan struct{}

// read reads a body whole. Anybody may send one before it is known who it is, so
// only so many large ones are read at a time; release gives the place back.
func (b bodies) read(r *http.Request) (body []byte, release func(), err error) {
	release = func() {}
	if n := r.ContentLength; n > 0 && n <= smallBody/2 {
		body = make([]byte, n)
		if _, err = io.ReadFull(r.Body, body); err != nil {
			return nil, release, aborted(err)
		}
		return body, release, nil
	}
	var buffer bytes.Buffer
	if r.ContentLength > 0 { // a client that announces a megabyte and sends nothing gets no megabyte
		buffer.Grow(smallBody/2 + bytes.MinRead)
	}
	_, err = buffer.ReadFrom(io.LimitReader(r.Body, smallBody))
	if err == nil && buffer.Len() == smallBody {
		select {
		case b <- struct{}{}:
			release = func() { <-b }
		default:
			return nil, release, wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "too many large requests in flight (limit %d); retry", cap(b))
		}
		_, err = buffer.ReadFrom(io.LimitReader(r.Body, maxBody+1-smallBody))
	}
	if err != nil {
		return nil, release, aborted(err)
	}
	if buffer.Len() > maxBody {
		return nil, release, wire.Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the request body is over %d bytes", maxBody)
	}
	return buffer.Bytes(), release, nil
}

func aborted(err error) error {
	return wire.Errorf(http.StatusBadRequest, "RequestAborted", "reading the request body: %v", err)
}

// rewound is a body that was read, to be read again.
func rewound(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
