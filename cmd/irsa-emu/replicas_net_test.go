//go:build replicas

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
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

// balancer is the one address of all replicas: each connection goes to the next of them that is ready.
type balancer struct {
	listener net.Listener
	backends []*backend
	next     atomic.Int64
}

// backend is a replica to the balancer, which asks it whether it is ready, as a Service of Kubernetes' has it asked.
type backend struct {
	address string
	ready   atomic.Bool
}

func newBalancer(t *testing.T, addresses []string) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener}
	for _, address := range addresses {
		next := &backend{address: address}
		next.ready.Store(true)
		b.backends = append(b.backends, next)
		go next.watch(t.Context())
	}
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

func (b *backend) watch(ctx context.Context) {
	client := &http.Client{Timeout: time.Second, Transport: ourTransport()}
	for ctx.Err() == nil {
		resp, err := client.Get("http://" + b.address + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		b.ready.Store(err == nil && resp.StatusCode == http.StatusOK)
		time.Sleep(100 * time.Millisecond)
	}
}

func (b *balancer) serve(client net.Conn) {
	defer client.Close()
	for range 2 * len(b.backends) {
		next := b.backends[int(b.next.Add(1))%len(b.backends)]
		if !next.ready.Load() {
			continue
		}
		conn, err := net.DialTimeout("tcp", next.address, time.Second)
		if err != nil {
			continue
		}
		defer conn.Close()
		go func() {
			_, _ = io.Copy(conn, client)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(client, conn)
		return
	}
}
