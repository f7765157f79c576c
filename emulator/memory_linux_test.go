package emulator

import (
	"io/fs"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	for name, test := range map[string]struct {
		groups string
		files  map[string]string
		want   int64
	}{
		"a container":         {"0::/\n", map[string]string{"/sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"no limit":            {"0::/\n", map[string]string{"/sys/fs/cgroup/memory.max": "max\n"}, 0},
		"the group above":     {"0::/a/b\n", map[string]string{"/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1048576\n"}, 1 << 20},
		"the least":           {"0::/a\n", map[string]string{"/sys/fs/cgroup/a/memory.max": "1048576\n", "/sys/fs/cgroup/memory.max": "2097152\n"}, 1 << 20},
		"version 1":           {"9:cpu:/x\n4:memory:/docker/1\n", map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
		"version 1, no limit": {"4:memory:/\n", map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"nothing to be read":  {"what?\n", nil, 0},
	} {
		got := memoryLimit(test.groups, func(path string) ([]byte, error) {
			if text, ok := test.files[path]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
