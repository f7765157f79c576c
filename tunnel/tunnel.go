// Package tunnel carries connections from one place to another, and looks only at
// what is not encrypted of a TLS handshake: whether the client breaks it off.
package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Join carries bytes both ways until both sides have ended, and closes both.
// Resets by either side are its own business. patience is how long one side may go
// on after the other has ended, 0 for ever. brokenOff is told of a TLS handshake
// that the client, at from, ends; nil does not look.
func Join(ctx context.Context, from, to net.Conn, patience time.Duration, brokenOff func(*BrokenOff)) {
	closeBoth := func() { _, _ = from.Close(), to.Close() }
	defer closeBoth()
	defer context.AfterFunc(ctx, closeBoth)()
	done := make(chan struct{}, 2)
	pipe := func(dst, src net.Conn, begin func() error) {
		err := begin()
		broken := (*BrokenOff)(nil)
		if errors.As(err, &broken) {
			brokenOff(broken)
			err = nil
		}
		if err == nil {
			_, err = io.Copy(dst, src)
		}
		if err == nil || broken != nil {
			err = CloseWrite(dst)
		}
		if err != nil {
			closeBoth()
		}
		done <- struct{}{}
	}
	begin := func() error { return nil }
	if brokenOff != nil {
		begin = func() error { return carryHandshake(to, from) }
	}
	go pipe(to, from, begin)
	go pipe(from, to, func() error { return nil })
	<-done
	if patience > 0 {
		limit := time.Now().Add(patience)
		_, _ = from.SetDeadline(limit), to.SetDeadline(limit) // a closed connection needs none
	}
	<-done
}

// CloseWrite ends what a connection sends, or all of it where that is one thing.
func CloseWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}
