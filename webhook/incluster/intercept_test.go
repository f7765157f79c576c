package incluster

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/tunnel"
)

// pair is a connection over loopback, both ends of it.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// A client that stays when the emulator has hung up is not kept for ever.
func TestAttackInterceptedClientStays(t *testing.T) {
	from, client := pair(t)
	to, emulator := pair(t)
	ended := make(chan struct{})
	go func() {
		tunnel.Join(t.Context(), from, to, 50*time.Millisecond, func(*tunnel.BrokenOff) {})
		close(ended)
	}()
	if _, err := io.WriteString(client, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(emulator, got); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	io.WriteString(emulator, "bye")
	emulator.Close()
	if answer, err := io.ReadAll(client); err != nil || string(answer) != "bye" {
		t.Errorf("%q, %v", answer, err)
	}
	select {
	case <-ended: // though the client never closed its side
	case <-time.After(2 * time.Minute):
		t.Error("the connection is still carried")
	}
}
