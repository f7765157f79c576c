//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// server is a process under load.
type server struct {
	name, address string
	ready         time.Duration // from its start until it answered
	began         usage         // what it had used then
	metrics       bool          // it serves /metrics
	process       *exec.Cmd
	output        *os.File
}

// start runs a server on a port that is free now and waits until it answers.
func start(dir, name string, metrics bool, command func(address string) []string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args := command(address)
	output, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	s := &server{name: name, address: address, metrics: metrics, process: exec.Command(args[0], args[1:]...), output: output}
	s.process.Stdout, s.process.Stderr = output, output
	started := time.Now()
	if err := s.process.Start(); err != nil {
		return nil, errors.Join(err, output.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	for time.Since(started) < 5*time.Minute {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			s.ready = time.Since(started)
			s.began, err = s.usage()
			return s, errors.Join(err, conn.Close())
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(output.Name()) // the message is better with it, and good without
			return nil, fmt.Errorf("%s ended: %v: %s", name, err, text)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not answer within five minutes", name), s.stop())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *server) stop() error { return errors.Join(s.process.Process.Kill(), s.output.Close()) }

// usage is what a process has used so far.
type usage struct {
	cpu            time.Duration
	resident       int64 // bytes
	objects, bytes float64
}

// tick is the unit of /proc/PID/stat's times; Linux fixes it for user space.
const tick = 10 * time.Millisecond

func (s *server) usage() (usage, error) {
	var u usage
	pid := strconv.Itoa(s.process.Process.Pid)
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on, proc(5)
	for _, field := range fields[14-3 : 16-3] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, fmt.Errorf("/proc/%s/stat: %w", pid, err)
		}
		u.cpu += time.Duration(n) * tick
	}
	pages, err := strconv.ParseInt(fields[24-3], 10, 64)
	if err != nil {
		return u, fmt.Errorf("/proc/%s/stat: %w", pid, err)
	}
	u.resident = pages * int64(os.Getpagesize())
	if !s.metrics {
		return u, nil
	}
	text, err := fetch("http://" + s.address + "/metrics")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "go_memstats_mallocs_total":
			u.objects, err = strconv.ParseFloat(value, 64)
		case "go_memstats_alloc_bytes_total":
			u.bytes, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			return u, fmt.Errorf("/metrics: %q: %w", line, err)
		}
	}
	return u, nil
}

func split(address string) (host, port string) {
	host, port, _ = strings.Cut(address, ":")
	return host, port
}
