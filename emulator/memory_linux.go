package emulator

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// MemoryLimit is how many bytes of memory the control groups of this process
// let it have, as those of a container do; 0 where none says.
func MemoryLimit() int64 {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	return memoryLimit(string(groups), os.ReadFile)
}

// memoryLimit reads the limits of a process's groups and of all above them: of
// version 2, whose line is "0::PATH", and of version 1, "N:memory:PATH".
func memoryLimit(groups string, read func(string) ([]byte, error)) int64 {
	least := int64(0)
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case fields[1] == "memory":
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case fields[1] != "":
			continue
		}
		for at := path.Clean("/" + fields[2]); ; at = path.Dir(at) {
			text, err := read(path.Join(root, at, file))
			// Version 1 has a number near the largest there is for "none".
			if n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil && n > 0 && n < 1<<60 && (least == 0 || n < least) {
				least = n
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}
