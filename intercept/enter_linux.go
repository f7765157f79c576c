package intercept

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// entry is what a helper prepares before it becomes the command.
type entry struct {
	Mounts     []mount `json:"mounts"`
	OwnNetwork bool    `json:"ownNetwork,omitempty"`
	// Address is where to listen on a network of its own as [listenOn] does, More
	// are further addresses.
	Address string   `json:"address,omitempty"`
	More    []string `json:"more,omitempty"`
}

type mount struct {
	From string `json:"from"`
	Over string `json:"over"`
}

// report is what the helper says: that all is ready, with the sockets, or what
// went wrong. After that it is silent once it has become the command.
type report struct {
	Error string        `json:"error,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
	// Exec is that the command itself could not be run.
	Exec bool `json:"exec,omitempty"`
}

// reportFD is the helper's end of a socket pair.
const reportFD = 3

const mostReport = 4 << 10

// enter starts the command by the helper. ready is called with the sockets of a
// network of its own when all is prepared; before that, abandon with what failed.
func (s *starter) enter(environ []string, e entry, r *Running, ready func(*sockets), abandon func(error) error) error {
	spec, err := json.Marshal(e)
	if err != nil {
		return abandon(err)
	}
	var refused error
	for _, attributes := range namespaces(e.OwnNetwork) {
		cmd := s.command(environ)
		if cmd.Err != nil {
			return abandon(cmd.Err)
		}
		ours, theirs, err := socketPair()
		if err != nil {
			return abandon(err)
		}
		cmd.Args = slices.Concat(s.Helper, []string{string(spec), cmd.Path}, cmd.Args)
		cmd.Path, cmd.SysProcAttr, cmd.ExtraFiles = s.Helper[0], attributes, []*os.File{theirs}
		err = cmd.Start()
		_ = theirs.Close() // the helper has its own
		if err != nil {
			_ = ours.Close()
			refused = withoutPath(err)
			continue
		}
		got, err := receive(ours, e)
		if err != nil {
			_ = ours.Close() // which ends a helper that waits for our word
			_ = cmd.Wait()   // what failed is known
			refused = err
			continue
		}
		defer ours.Close()
		r.Cmd = cmd
		ready(got)
		return admit(ours, r)
	}
	return abandon(&unavailable{refused})
}

// withoutPath is why the kernel makes no namespaces: the helper's path says nothing.
func withoutPath(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("namespaces: %w", err)
}

func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("a socket pair: %w", err)
	}
	own := os.NewFile(uintptr(pair[0]), "helper")
	defer own.Close()
	theirs = os.NewFile(uintptr(pair[1]), "helper")
	conn, err := net.FileConn(own)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

// receive waits for the helper's first report.
func receive(ours *net.UnixConn, e entry) (*sockets, error) {
	said, rights := make([]byte, mostReport), make([]byte, unix.CmsgSpace(4*(4+len(e.More))))
	n, nrights, _, _, err := ours.ReadMsgUnix(said, rights)
	if err != nil || n == 0 {
		return nil, errors.Join(errors.New("the helper ended early"), ignoreEOF(err))
	}
	var r report
	if err := json.Unmarshal(said[:n], &r); err != nil {
		return nil, fmt.Errorf("the helper says %q", said[:n])
	}
	if r.Error != "" {
		return nil, errors.New(r.Error)
	}
	if !e.OwnNetwork {
		return &sockets{}, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights[:nrights])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("the helper's sockets: %d messages, %w", len(messages), err)
	}
	descriptors, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	return socketsOf(descriptors, len(e.More))
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// socketsOf takes the descriptors in the order of [sockets.files].
func socketsOf(descriptors []int, more int) (*sockets, error) {
	var files []*os.File
	for _, fd := range descriptors {
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "socket"))
	}
	defer func() {
		for _, f := range files {
			_ = f.Close() // what was made of it has its own
		}
	}()
	if len(files) != 4+more {
		return nil, fmt.Errorf("the helper sent %d sockets; expected %d", len(files), 4+more)
	}
	s := &sockets{more: make([]net.Listener, more)}
	into := []*net.Listener{&s.streams, &s.secure, &s.plain}
	for i := range s.more {
		into = append(into, &s.more[i])
	}
	var err error
	if s.packets, err = net.FilePacketConn(files[0]); err != nil {
		return nil, err
	}
	for i, l := range into {
		if *l, err = net.FileListener(files[i+1]); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// files are descriptors of the sockets.
func (s *sockets) files() (all []*os.File, err error) {
	type filer interface{ File() (*os.File, error) }
	sockets := []any{s.packets, s.streams, s.secure, s.plain}
	for _, l := range s.more {
		sockets = append(sockets, l)
	}
	for _, socket := range sockets {
		f, err := socket.(filer).File()
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// admit lets the helper become the command, and says whether it could.
func admit(ours *net.UnixConn, r *Running) error {
	if _, err := ours.Write([]byte{1}); err != nil {
		return fmt.Errorf("the helper: %w", errors.Join(err, r.Cmd.Wait()))
	}
	said := make([]byte, mostReport)
	n, err := ours.Read(said)
	if n == 0 || err != nil {
		return ignoreEOF(err) // it closed the socket by becoming the command
	}
	var failed report
	if err := json.Unmarshal(said[:n], &failed); err != nil {
		return fmt.Errorf("the helper says %q", said[:n])
	}
	_ = r.Cmd.Wait() // with the helper's exit code
	return &os.PathError{Op: "exec", Path: failed.Error, Err: failed.Errno}
}

// Enter is the helper: with the arguments that come after [Config.Helper] it
// prepares the namespaces that it was started in, and becomes the command. It
// returns if that fails, which who started it has been told.
func Enter(args []string) error {
	runtime.LockOSThread() // capabilities are a thread's
	if len(args) < 3 {
		return errors.New("this is the helper of irsa-emu exec --intercept, and is started by it")
	}
	syscall.CloseOnExec(reportFD)
	conn, err := net.FileConn(os.NewFile(reportFD, "exec"))
	if err != nil {
		return fmt.Errorf("this is the helper of irsa-emu exec --intercept, and is started by it: %w", err)
	}
	to := conn.(*net.UnixConn)
	fail := func(r report) error {
		text, err := json.Marshal(r)
		if err == nil {
			_, err = to.Write(text)
		}
		return errors.Join(errors.New(r.Error), err)
	}
	var e entry
	if err := json.Unmarshal([]byte(args[0]), &e); err != nil {
		return fail(report{Error: err.Error()})
	}
	files, err := e.prepare()
	if err != nil {
		return fail(report{Error: err.Error()})
	}
	if err := tell(to, files); err != nil {
		return err
	}
	if n, err := to.Read(make([]byte, 1)); n != 1 {
		return errors.Join(errors.New("who started this is gone"), err)
	}
	err = syscall.Exec(args[1], args[2:], os.Environ())
	var errno syscall.Errno
	errors.As(err, &errno)
	return fail(report{Error: args[1], Errno: errno, Exec: true})
}

// tell sends that all is ready, with the sockets.
func tell(to *net.UnixConn, files []*os.File) error {
	var rights []byte
	if len(files) > 0 {
		var descriptors []int
		for _, f := range files {
			descriptors = append(descriptors, int(f.Fd()))
		}
		rights = unix.UnixRights(descriptors...)
	}
	_, _, err := to.WriteMsgUnix([]byte("{}"), rights, nil)
	return err
}

// prepare changes the namespaces that this process was started in.
func (e *entry) prepare() ([]*os.File, error) {
	// What is mounted here must not be seen elsewhere.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("a mount namespace: %w", err)
	}
	for _, m := range e.Mounts {
		if err := unix.Mount(m.From, m.Over, "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("mounting over %s: %w", m.Over, err)
		}
	}
	var files []*os.File
	if e.OwnNetwork {
		if err := loopbackUp(); err != nil {
			return nil, fmt.Errorf("a network's loopback: %w", err)
		}
		s, err := listenOn(context.Background(), e.Address)
		if err != nil {
			return nil, err
		}
		for _, address := range e.More {
			l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
			if err != nil {
				return nil, err
			}
			s.more = append(s.more, l)
		}
		if files, err = s.files(); err != nil {
			return nil, err
		}
	}
	if err := giveUp(); err != nil {
		return nil, fmt.Errorf("giving up capabilities: %w", err)
	}
	return files, nil
}

// giveUp takes from this thread, and so from the command, what a user namespace
// gave it; what root has anyway stays.
func giveUp() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // of 32 capabilities each
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	return unix.Capset(&header, &sets[0])
}

// loopbackUp gives a new network 127.0.0.0/8.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
