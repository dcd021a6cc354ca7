package machine

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"
)

// TestMemory reads the files of several systems.
func TestMemory(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing":           {nil, 0},
		"a machine":         {map[string]string{"proc/meminfo": meminfo}, 16 << 20},
		"a container":       {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "4194304\n"}, 4 << 20},
		"an unbounded one":  {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n"}, 16 << 20},
		"a service":         {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/a.service\n", "sys/fs/cgroup/system.slice/a.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "8388608\n"}, 8 << 20},
		"version 1":         {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "2097152\n"}, 2 << 20},
		"version 1, no end": {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16 << 20},
		"nonsense":          {map[string]string{"proc/meminfo": "MemTotal: many kB\n", "proc/self/cgroup": "\n:\n0::../../..\n", "sys/fs/cgroup/memory.max": "-5"}, 0},
	} {
		root := t.TempDir()
		for file, content := range c.files {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := memory(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if goruntime.GOOS == "linux" && Memory() < 1<<20 {
		t.Errorf("this machine has %d bytes", Memory())
	}
}
