// Package machine says what this process may use of the machine.
package machine

import (
	"bufio"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory returns how many bytes this process may use: the machine's, or less where its control
// group (a container's, a service's) allows less; 0 where the system does not say.
func Memory() int64 { return memory("/") }

// memory is Memory of a system whose files are below root.
func memory(root string) int64 {
	least := int64(0)
	consider := func(n int64) {
		if n > 0 && n < math.MaxInt64>>12 && (least == 0 || n < least) { // without a limit a group has a huge one
			least = n
		}
	}
	consider(total(filepath.Join(root, "proc/meminfo")))
	for _, file := range limits(root) {
		if b, err := os.ReadFile(file); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil {
				consider(n)
			}
		}
	}
	return least
}

// total is the machine's memory.
func total(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && fields[0] == "MemTotal:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// limits are the files that hold limits of this process's control group and of those around it,
// by both versions of control groups.
func limits(root string) []string {
	groups := filepath.Join(root, "sys/fs/cgroup")
	files := []string{filepath.Join(groups, "memory.max"), filepath.Join(groups, "memory/memory.limit_in_bytes")}
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return files
	}
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for dir := path.Clean("/" + parts[2]); dir != "/"; dir = path.Dir(dir) {
			switch parts[1] {
			case "":
				files = append(files, filepath.Join(groups, dir, "memory.max"))
			case "memory":
				files = append(files, filepath.Join(groups, "memory", dir, "memory.limit_in_bytes"))
			}
		}
	}
	return files
}
