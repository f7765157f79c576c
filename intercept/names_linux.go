package intercept

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	resolvFile, nsswitchFile = "/etc/resolv.conf", "/etc/nsswitch.conf"
	// caches are the folders of nscd, which would answer before resolv.conf does.
	cacheFolder = "/run/nscd"
	// proxyPort is that of the proxy on a network of the command's own.
	proxyPort = 3128
)

// startByNames starts the command in a mount namespace where its resolver asks us.
func (s *starter) startByNames(ctx context.Context, r *Running, ownNetwork bool) error {
	if len(s.Helper) == 0 {
		return &unavailable{errors.New("there is no program that prepares it")}
	}
	at, address, err := &sockets{}, randomLoopback(), error(nil)
	if !ownNetwork {
		if at, address, err = listenForNames(ctx); err != nil {
			return &unavailable{err}
		}
	}
	abandon := func(err error) error { at.close(); return err }
	before, err := os.ReadFile(resolvFile)
	if err != nil {
		return abandon(&unavailable{err})
	}
	resolv, servers := resolvConf(string(before), address)
	mounts, err := s.mounts(resolv)
	if err != nil {
		return abandon(err)
	}
	env := s.trust.variables(s.Environ)
	enter := entry{Mounts: mounts}
	var ports []string
	user := proxyUser()
	if ownNetwork {
		if ports, err = loopbackPorts(); err != nil {
			return abandon(&unavailable{err})
		}
		proxy := net.JoinHostPort("127.0.0.1", unused(ports, proxyPort))
		enter.OwnNetwork, enter.Address, enter.More = true, address.String(), []string{proxy}
		for _, port := range ports {
			enter.More = append(enter.More, net.JoinHostPort("127.0.0.1", port))
		}
		env = s.proxied(proxy, user)
	} else if behindProxy(s.Environ) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return abandon(fmt.Errorf("a proxy on loopback: %w", err))
		}
		s.serveProxy(ctx, r, l, user)
		env = s.proxied(l.Addr().String(), user)
	}
	return s.enter(append(s.Environ, env...), enter, r, func(got *sockets) {
		if ownNetwork {
			s.serveProxy(ctx, r, got.more[0], user)
			at, got.more = got, got.more[1:]
		}
		s.serveNames(ctx, r, at, address, servers, ports)
	}, abandon)
}

// mounts are files of the command's folder, and what each is put over.
func (s *starter) mounts(resolv string) ([]mount, error) {
	var all []mount
	put := func(name, content, over string) error {
		path := filepath.Join(s.Dir, name)
		all = append(all, mount{path, over})
		return os.WriteFile(path, []byte(content), 0o644)
	}
	if err := put("resolv.conf", resolv, resolvFile); err != nil {
		return nil, err
	}
	if before, err := os.ReadFile(nsswitchFile); err == nil { // musl has none
		if text := nsswitchConf(string(before)); text != "" {
			if err := put("nsswitch.conf", text, nsswitchFile); err != nil {
				return nil, err
			}
		}
	}
	if info, err := os.Stat(cacheFolder); err == nil && info.IsDir() {
		empty := filepath.Join(s.Dir, "nscd")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return nil, err
		}
		all = append(all, mount{empty, cacheFolder})
	}
	// For programs that read no variable: GnuTLS and libcurl, for two.
	for _, bundle := range systemBundles {
		if info, err := os.Stat(bundle); err == nil && info.Mode().IsRegular() {
			all = append(all, mount{s.trust.bundle, bundle})
		}
	}
	return all, nil
}

// mostPorts bounds what is carried into a network: as many descriptors as a
// message takes (SCM_MAX_FD is 253), and some for ourselves.
const mostPorts = 240

// loopbackPorts are those on which something listens that loopback reaches: the
// emulator, an agent of EKS Pod Identity, somebody's database.
func loopbackPorts() ([]string, error) {
	var ports []string
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, port := range listening(string(table)) {
			if !slices.Contains(ports, port) && len(ports) < mostPorts {
				ports = append(ports, port)
			}
		}
	}
	return ports, nil
}

// listening are the ports of such sockets in a table of proc(5), net/tcp.
func listening(table string) (ports []string) {
	const listens = "0A"
	reached := []string{
		"00000000", "0100007F", strings.Repeat("0", 32), "00000000000000000000000001000000", // 0.0.0.0, 127.0.0.1, ::, ::1
	}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != listens {
			continue
		}
		address, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil && slices.Contains(reached, address) {
			ports = append(ports, strconv.FormatUint(port, 10))
		}
	}
	return ports
}

// unused is the first port from one on that is not among some.
func unused(ports []string, port int) string {
	for slices.Contains(ports, strconv.Itoa(port)) {
		port++
	}
	return strconv.Itoa(port)
}

// randomLoopback is an address that hardly anything else listens on.
func randomLoopback() netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(64 + rand.N(128)), byte(rand.N(256)), byte(1 + rand.N(254))})
}

// listenForNames takes the ports of DNS, HTTPS and HTTP on an address of loopback.
func listenForNames(ctx context.Context) (at *sockets, address netip.Addr, err error) {
	const attempts = 8
	for range attempts {
		address = randomLoopback()
		if at, err = listenOn(ctx, address.String()); err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w: ports below 1024 are root's, or who sysctl net.ipv4.ip_unprivileged_port_start lets", err)
	}
	return at, address, err
}

// listenOn opens the sockets of an address: of [sockets], but for more.
func listenOn(ctx context.Context, address string) (*sockets, error) {
	var config net.ListenConfig
	s := &sockets{}
	var err error
	if s.packets, err = config.ListenPacket(ctx, "udp", net.JoinHostPort(address, "53")); err != nil {
		return nil, err
	}
	for port, into := range map[string]*net.Listener{"53": &s.streams, "443": &s.secure, "80": &s.plain} {
		if *into, err = config.Listen(ctx, "tcp", net.JoinHostPort(address, port)); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// namespaces are what to start the command in, one after the other until the
// kernel lets us. Who is not root needs a user namespace, and in it the
// capabilities to mount and to listen, which the helper gives up again.
func namespaces(ownNetwork bool) []*syscall.SysProcAttr {
	flags := uintptr(unix.CLONE_NEWNS)
	if ownNetwork {
		flags |= unix.CLONE_NEWNET
	}
	asUser := &syscall.SysProcAttr{
		Cloneflags:  flags | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE},
	}
	if os.Geteuid() != 0 {
		return []*syscall.SysProcAttr{asUser}
	}
	return []*syscall.SysProcAttr{{Cloneflags: flags}, asUser}
}
