package etcdstore_test

import (
	"net"
	"sync"
	"testing"
)

// network stands between a store and etcd, and can fail as networks do.
type network struct {
	to       string
	listener net.Listener

	mu    sync.Mutex
	cond  *sync.Cond
	mode  mode
	conns map[net.Conn]bool
}

type mode int

const (
	passing  mode = iota
	refusing      // connections are closed, and new ones at once
	stalling      // nothing gets through, but nothing is closed: packets are dropped
	muted         // requests get through and answers do not
)

func newNetwork(t testing.TB, to string) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{to: to, listener: listener, conns: map[net.Conn]bool{}}
	n.cond = sync.NewCond(&n.mu)
	go n.accept()
	t.Cleanup(func() {
		listener.Close()
		n.set(refusing)
	})
	return n
}

func (n *network) address() string { return n.listener.Addr().String() }

// set changes what the network does, with the connections there are as well.
func (n *network) set(m mode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mode = m
	if m == refusing {
		n.closeAll()
	}
	n.cond.Broadcast()
}

// cut closes the connections there are; new ones are as the mode says.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closeAll()
	n.cond.Broadcast()
}

func (n *network) closeAll() {
	for conn := range n.conns {
		conn.Close()
		delete(n.conns, conn)
	}
}

func (n *network) accept() {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		refused := n.mode == refusing
		n.mu.Unlock()
		if refused {
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", n.to)
		if err != nil {
			client.Close()
			continue
		}
		n.mu.Lock()
		n.conns[client], n.conns[server] = true, true
		n.mu.Unlock()
		go n.copy(server, client, false)
		go n.copy(client, server, true)
	}
}

func (n *network) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		count, err := from.Read(buffer)
		if err != nil {
			return
		}
		n.mu.Lock()
		for (n.mode == stalling || n.mode == muted && answers) && n.conns[from] {
			n.cond.Wait()
		}
		open := n.conns[from]
		n.mu.Unlock()
		if !open {
			return
		}
		if _, err := to.Write(buffer[:count]); err != nil {
			return
		}
	}
}
