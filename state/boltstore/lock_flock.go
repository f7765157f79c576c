//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package boltstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock takes the lock that bbolt takes too. It belongs to the open file, so bbolt, given the same one, has it at once, and
// closing the file gives it up.
func lock(file *os.File) error {
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(lockPause) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("locking the state file %s: %w", file.Name(), err)
		case time.Now().After(deadline):
			return &InUseError{Path: file.Name(), PID: holder(file)}
		}
	}
}
