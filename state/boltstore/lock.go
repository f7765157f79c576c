package boltstore

import (
	"fmt"
	"time"
)

// How long a file that is in use is waited for: long enough for an emulator that is just going down.
const (
	lockTimeout = time.Second
	lockPause   = 25 * time.Millisecond
)

// InUseError says that another process has the file. PID is zero where that cannot be found out.
type InUseError struct {
	Path string
	PID  int
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("state file %s is in use by another irsa-emu", e.Path)
	}
	return fmt.Sprintf("state file %s is in use by another irsa-emu (pid %d)", e.Path, e.PID)
}
