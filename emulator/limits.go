package emulator

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// limits are those of a server's connections: whatever clients do, or do not,
// the memory and the descriptors that they hold are bounded, and given back.
type limits struct {
	// header is the time for a request's head, and for the TLS handshake.
	header time.Duration
	// read is the time for a whole request; transfer that for a request or an
	// answer whose body may be large: objects of S3, state documents.
	read, transfer time.Duration
	// idle is how long a connection is kept for the next request.
	idle time.Duration
	// headerBytes bounds a request's head. A token of 20,000 characters in the
	// query of a GET fits, percent-encoded or not.
	headerBytes int
	// connections is how many there are at most. Beyond it the one goes that has
	// waited longest for a request.
	connections int
}

var usualLimits = limits{
	header: 10 * time.Second, read: 30 * time.Second, transfer: 15 * time.Minute, idle: 2 * time.Minute,
	headerBytes: 64 << 10, connections: 8192,
}

// newServer makes the server for a handler.
func (l limits) newServer(h http.Handler, log *slog.Logger) *http.Server {
	waiting := &connections{most: min(connectionsOf(l.connections, descriptors()), connectionsIn(MemoryLimit())), all: map[net.Conn]*list.Element{}}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: l.header, ReadTimeout: l.read, WriteTimeout: l.transfer, IdleTimeout: l.idle,
		MaxHeaderBytes: l.headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ConnState: waiting.changed,
	}
}

// connectionsOf leaves half of a process's descriptors to whatever else it does:
// with none free, a server can only wait for its clients to go. None: not known.
func connectionsOf(most, descriptors int) int {
	if descriptors <= 0 {
		return most
	}
	return max(1, min(most, descriptors/2))
}

// connectionMemory is what a connection may hold that sends half of a head or of
// a body: 64 kB, in buffers that grow by doubling.
const connectionMemory = 192 << 10

// connectionsIn leaves half of a process's memory to whatever else it does; 0: not known.
func connectionsIn(memory int64) int {
	if memory == 0 {
		return math.MaxInt
	}
	return max(16, int(memory/2/connectionMemory))
}

// allowTransfer gives a request's body the time that a large one needs. Where
// there is no connection, in a test's recorder, there is nothing to give.
func allowTransfer(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(usualLimits.transfer))
}

// hurry leaves a request's body the time that a head has.
func hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(usualLimits.header))
}

// connections bounds the open connections of a server. The flood that a client
// opens and leaves is what goes first; a connection with a request under way is
// left alone.
type connections struct {
	most int

	mu      sync.Mutex
	all     map[net.Conn]*list.Element // nil while a request is under way
	waiting list.List                  // of net.Conn, the longest wait first
}

// changed is the server's ConnState hook.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if surplus := c.note(conn, state); surplus != nil {
		if t, ok := surplus.(*tls.Conn); ok {
			surplus = t.NetConn() // no farewell, for which a deaf peer could make this wait
		}
		surplus.Close()
	}
}

// note keeps account of a connection and gives the one to close, if any.
func (c *connections) note(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.all[conn]
	if !known && state != http.StateNew {
		return nil // closed as surplus: net/http still calls half a request active before its end
	}
	if at != nil {
		c.waiting.Remove(at)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.all[conn] = c.waiting.PushBack(conn)
	case http.StateActive:
		c.all[conn] = nil
	case http.StateHijacked, http.StateClosed:
		delete(c.all, conn)
	}
	if len(c.all) <= c.most || c.waiting.Len() == 0 {
		return nil
	}
	surplus := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.all, surplus)
	return surplus
}
