//go:build !unix

package main

// watchParent: a process is not told here that its parent is another one.
func watchParent(int) (gone func() bool, err error) {
	return nil, parentless("is not known on this system")
}
