package intercept

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// nameTimeout is how long another server has; resolvers ask again after five seconds.
	nameTimeout = 5 * time.Second
	// nameLife is how long an answer may be kept, in seconds.
	nameLife   = 60
	mostNames  = 256 // questions under way
	mostAnswer = 64 << 10
)

// names is a DNS server: AWS's host names are an address of loopback, and others
// are what the servers before say.
type names struct {
	address netip.Addr
	served  *regexp.Regexp // see [Config.Served]
	before  []string       // host:port

	ctx   context.Context
	slots chan struct{}
	open  sync.WaitGroup
}

func newNames(ctx context.Context, address netip.Addr, served *regexp.Regexp, before []string) *names {
	return &names{address: address, served: served, before: before, ctx: ctx, slots: make(chan struct{}, mostNames)}
}

// servePackets answers until the connection is closed.
func (n *names) servePackets(conn net.PacketConn) {
	for {
		packet := make([]byte, mostAnswer)
		size, from, err := conn.ReadFrom(packet)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // about an earlier answer that nobody waited for
		}
		n.slots <- struct{}{}
		n.open.Go(func() {
			defer func() { <-n.slots }()
			if answer := n.answer(packet[:size], "udp"); answer != nil {
				_, _ = conn.WriteTo(answer, from) // who asked asks again
			}
		})
	}
}

// serveStreams answers what comes over TCP, until the listener is closed.
func (n *names) serveStreams(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		n.slots <- struct{}{}
		n.open.Go(func() {
			defer func() { <-n.slots }()
			defer conn.Close()
			defer context.AfterFunc(n.ctx, func() { _ = conn.Close() })()
			for {
				_ = conn.SetDeadline(time.Now().Add(2 * nameTimeout))
				question, err := readMessage(conn)
				if err != nil {
					return
				}
				answer := n.answer(question, "tcp")
				if answer == nil || writeMessage(conn, answer) != nil {
					return
				}
			}
		})
	}
}

// Messages over TCP have their length before them (RFC 1035, 4.2.2).
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}

// answer is nil for what is no question.
func (n *names) answer(packet []byte, network string) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil || header.Response {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	if question.Class == dnsmessage.ClassINET && Intercepts(question.Name.String(), n.served) {
		return n.own(header, question)
	}
	for _, server := range n.before {
		if answer, err := n.ask(network, server, packet); err == nil {
			return answer
		}
	}
	return respond(header, question, dnsmessage.RCodeServerFailure)
}

// own is the answer about a host of AWS's. It has an address of IPv4 and nothing
// else: an answer without records says so.
func (n *names) own(header dnsmessage.Header, question dnsmessage.Question) []byte {
	var records []dnsmessage.Resource
	if question.Type == dnsmessage.TypeA {
		records = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: nameLife},
			Body:   &dnsmessage.AResource{A: n.address.As4()},
		}}
	}
	return respond(header, question, dnsmessage.RCodeSuccess, records...)
}

func respond(header dnsmessage.Header, question dnsmessage.Question, code dnsmessage.RCode, records ...dnsmessage.Resource) []byte {
	message := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, OpCode: header.OpCode, RecursionDesired: header.RecursionDesired, RecursionAvailable: true, RCode: code,
		},
		Questions: []dnsmessage.Question{question}, Answers: records,
	}
	packed, err := message.Pack()
	if err != nil {
		return nil // the name was parsed, so it packs
	}
	return packed
}

// ask hands a question on as it is.
func (n *names) ask(network, server string, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(n.ctx, nameTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if network == "tcp" {
		if err := writeMessage(conn, question); err != nil {
			return nil, err
		}
		return readMessage(conn)
	}
	if _, err := conn.Write(question); err != nil {
		return nil, err
	}
	answer := make([]byte, mostAnswer)
	for {
		size, err := conn.Read(answer)
		if err != nil {
			return nil, err
		}
		if size >= 2 && [2]byte(answer) == [2]byte(question) { // the id is that of the question
			return answer[:size], nil
		}
	}
}

// resolvConf is a resolv.conf with one server in place of those that it has,
// which are given too.
func resolvConf(before string, server netip.Addr) (text string, servers []string) {
	var kept []string
	for line := range strings.Lines(before) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			kept = append(kept, strings.TrimRight(line, "\n"))
			continue
		}
		servers = append(servers, net.JoinHostPort(fields[1], "53"))
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1:53"} // resolv.conf(5)
	}
	return strings.Join(append([]string{"nameserver " + server.String()}, kept...), "\n") + "\n", servers
}

// nsswitchConf leaves out of an nsswitch.conf what asks for hosts past
// resolv.conf: systemd-resolved, by a socket of its own. Nothing changes: "".
func nsswitchConf(before string) string {
	var lines []string
	changed := false
	for line := range strings.Lines(before) {
		line = strings.TrimRight(line, "\n")
		if database, sources, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(database) == "hosts" {
			fields := strings.Fields(sources)
			if kept := withoutResolve(fields); len(kept) < len(fields) {
				if !slices.Contains(kept, "dns") {
					kept = append(kept, "dns")
				}
				line, changed = "hosts: "+strings.Join(kept, " "), true
			}
		}
		lines = append(lines, line)
	}
	if !changed {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// withoutResolve leaves out each source "resolve" with the actions that follow it in
// brackets, which may have blanks inside (nsswitch.conf(5)).
func withoutResolve(fields []string) []string {
	var kept []string
	for i := 0; i < len(fields); {
		if fields[i] != "resolve" {
			kept = append(kept, fields[i])
			i++
			continue
		}
		for i++; i < len(fields) && strings.HasPrefix(fields[i], "["); i++ {
			for i < len(fields)-1 && !strings.Contains(fields[i], "]") {
				i++
			}
		}
	}
	return kept
}
