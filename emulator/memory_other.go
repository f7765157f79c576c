//go:build !linux

package emulator

// MemoryLimit is how many bytes of memory the process may have; 0: not known.
func MemoryLimit() int64 { return 0 }
