//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package boltstore

import "os"

// lock leaves it to bbolt, which has its own way on each of these systems, to keep others out.
func lock(*os.File) error { return nil }
