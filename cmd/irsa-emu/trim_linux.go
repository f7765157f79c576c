package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// trim gives back what the start has touched and what runs from then on does not
// use: each page of the program that an initialiser touched, or that the kernel
// mapped beside one, stays in the machine's count of the process. Pages that are
// read again come back from the file's cache. It is a matter of thrift: what fails
// is left as it is.
func trim() {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		// The program's own text and constants: private, of a file, never written.
		if len(fields) < 6 || fields[5] != program || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil {
			continue
		}
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
	}
}
