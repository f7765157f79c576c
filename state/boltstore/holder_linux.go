package boltstore

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// holder finds the process that has the file's lock in /proc/locks, whose lines are
// "1: FLOCK  ADVISORY  WRITE 4242 fd:01:1311 0 EOF" with the inode after the device. Zero when it cannot be told, as for a
// process of another PID namespace.
func holder(file *os.File) int {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer locks.Close()
	inode, found := ":"+strconv.FormatUint(stat.Ino, 10), 0
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		if err != nil || pid <= 0 || found != 0 && found != pid { // not told, or two devices have this inode
			return 0
		}
		found = pid
	}
	return found
}
