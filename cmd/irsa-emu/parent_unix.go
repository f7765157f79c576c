//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// initial is the process that adopts those whose parent died.
const initial = 1

// parentAtStart is asked for before anything takes time: state to start from may
// take long to load, and the parent may be gone by then.
var parentAtStart = os.Getppid()

// watchParent gives a function that says whether the parent is gone: process pid,
// or, with 0, the one that started this process.
func watchParent(pid int) (gone func() bool, err error) {
	parent := parentAtStart
	switch {
	case pid != 0 && pid != parent:
		return watchProcess(pid)
	case parent == 0:
		return nil, parentless("the process that started this one is outside of this container and cannot be seen")
	case pid == 0 && parent == initial && adopted():
		return nil, parentless("%w already: process 1 has adopted this one; if it started it, write --parent-pid 1", errParentGone)
	}
	return func() bool { return os.Getppid() != parent }, nil
}

// adopted is whether process 1 is the parent because another one died. A process
// of its own, as in a container whose first process is a test suite, is in its
// group, unless it was put into another.
func adopted() bool {
	group, err := syscall.Getpgid(initial)
	return err != nil || group != syscall.Getpgrp()
}

// watchProcess watches a process that is not the parent. On Linux, where
// [os.FindProcess] holds on to it, another that gets its id later is not taken for it.
func watchProcess(pid int) (gone func() bool, err error) {
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("--parent-pid %d: %w", pid, err)
	}
	gone = func() bool {
		err := process.Signal(syscall.Signal(0))
		return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) || zombie(pid)
	}
	if gone() {
		return nil, parentless("process %d of --parent-pid is gone already, or never was", pid)
	}
	return gone, nil
}

// zombie is whether a process has ended and nobody has asked for its exit code
// yet; Linux alone says so.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(stat, ')') // the name before it may hold anything
	return err == nil && end >= 0 && bytes.HasPrefix(stat[end+1:], []byte(" Z "))
}
