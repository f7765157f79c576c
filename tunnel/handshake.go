package tunnel

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// Records of TLS: RFC 8446, 5.1.
const (
	recordHeader     = 5
	recordChange     = 20
	recordAlert      = 21
	recordHandshake  = 22
	recordData       = 23
	mostRecord       = 1<<14 + 256
	encryptedAlert   = 2 + 1 + 16 // level and description, the type, the cipher's tag; what ends a handshake in earnest is longer by a hash
	alertDescription = 1
)

// BrokenOff is a handshake that the client ended with an alert.
type BrokenOff struct{ Host, Reason string }

func (e *BrokenOff) Error() string {
	return fmt.Sprintf("the client broke off the handshake for %s: %s", e.Host, e.Reason)
}

// carryHandshake takes a client's records to the emulator until the handshake is
// over, and reads of them what is not encrypted: which host the client wants, and
// whether it breaks off. In TLS 1.3 its alert is encrypted, and told by its length.
func carryHandshake(to io.Writer, from io.Reader) error {
	host, changed := "", false
	for first := true; ; first = false {
		header := make([]byte, recordHeader, recordHeader+512)
		if n, err := io.ReadFull(from, header); err != nil {
			_, failed := to.Write(header[:n])
			return errors.Join(ignoreEnd(err), failed)
		}
		kind, length := header[0], int(header[3])<<8|int(header[4])
		if kind < recordChange || kind > recordData || length > mostRecord { // no TLS: not ours to judge
			_, err := to.Write(header)
			return err
		}
		record := slices.Grow(header, length)[:recordHeader+length]
		n, err := io.ReadFull(from, record[recordHeader:])
		if _, failed := to.Write(record[:recordHeader+n]); err != nil || failed != nil {
			return errors.Join(ignoreEnd(err), failed)
		}
		if first {
			host = serverName(record)
		}
		switch {
		case kind == recordAlert && length == 2:
			return &BrokenOff{host, tls.AlertError(record[recordHeader+alertDescription]).Error()}
		case kind == recordData && length <= encryptedAlert:
			return &BrokenOff{host, "an alert of TLS 1.3, which is encrypted; in all likelihood it does not trust the certificate's authority"}
		case kind == recordData, kind == recordHandshake && changed:
			return nil
		case kind == recordChange:
			changed = true
		}
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// serverName is the host in a client's first record.
func serverName(record []byte) (name string) {
	read := errors.New("read")
	_ = tls.Server(onlyRead{bytes.NewReader(record)}, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name = hello.ServerName
		return nil, read // no handshake is wanted
	}}).Handshake()
	return name
}

// onlyRead is a connection of which only the bytes count.
type onlyRead struct{ io.Reader }

func (onlyRead) Write(p []byte) (int, error)      { return len(p), nil }
func (onlyRead) Close() error                     { return nil }
func (onlyRead) LocalAddr() net.Addr              { return nil }
func (onlyRead) RemoteAddr() net.Addr             { return nil }
func (onlyRead) SetDeadline(time.Time) error      { return nil }
func (onlyRead) SetReadDeadline(time.Time) error  { return nil }
func (onlyRead) SetWriteDeadline(time.Time) error { return nil }
