//go:build replicas

package main

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// host is a network namespace of its own with a place in the network: a member of etcd at 10.9.0.1N, or a replica at
// 10.9.0.2N, which clients reach at 10.9.1.2N over another wire.
type host struct{ name, address, front string }

func ip(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, out)
	}
}

// newNetwork makes two bridges in the namespace that the test runs in, which must be one of its own.
func newNetwork(t *testing.T) {
	t.Helper()
	for i, bridge := range []string{"back", "front"} {
		ip(t, "link add "+bridge+" type bridge")
		ip(t, fmt.Sprintf("addr add 10.9.%d.1/24 dev %s", i, bridge))
		ip(t, "link set "+bridge+" up")
	}
}

func newHost(t *testing.T, name string, number int, front bool) *host {
	t.Helper()
	h := &host{name: name, address: fmt.Sprintf("10.9.0.%d", number)}
	ip(t, "netns add "+name)
	ip(t, "-n "+name+" link set lo up")
	h.plug(t, "back", h.address)
	if front {
		h.front = fmt.Sprintf("10.9.1.%d", number)
		h.plug(t, "front", h.front)
	}
	return h
}

func (h *host) plug(t *testing.T, bridge, address string) {
	t.Helper()
	ip(t, fmt.Sprintf("link add %s-%s type veth peer name %s netns %s", bridge, h.name, bridge, h.name))
	ip(t, fmt.Sprintf("link set %s-%s master %s up", bridge, h.name, bridge))
	ip(t, fmt.Sprintf("-n %s addr add %s/24 dev %s", h.name, address, bridge))
	ip(t, fmt.Sprintf("-n %s link set %s up", h.name, bridge))
}

// prefix runs a command on the host.
func (h *host) prefix() []string { return []string{"ip", "netns", "exec", h.name} }

// cut takes the host off the back network without anybody being told: packets vanish. mend puts it back.
func (h *host) cut(t *testing.T)  { ip(t, "link set back-"+h.name+" nomaster") }
func (h *host) mend(t *testing.T) { ip(t, "link set back-"+h.name+" master back") }

// balancer is the one address of all replicas: each connection goes to the next of them, past those that refuse it.
type balancer struct {
	listener net.Listener
	backends []string
	next     atomic.Int64
}

func newBalancer(t *testing.T, backends []string) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener, backends: backends}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return b
}

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

func (b *balancer) serve(client net.Conn) {
	defer client.Close()
	for range b.backends {
		backend, err := net.DialTimeout("tcp", b.backends[int(b.next.Add(1))%len(b.backends)], time.Second)
		if err != nil {
			continue
		}
		defer backend.Close()
		go func() {
			_, _ = io.Copy(backend, client)
			_ = backend.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(client, backend)
		return
	}
}
