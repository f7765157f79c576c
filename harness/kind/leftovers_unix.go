//go:build unix

package kind

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file for this process and reports whether it could.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
