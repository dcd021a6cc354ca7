//go:build unix

package cache

import (
	"os"
	"syscall"
)

// writable reports whether this user may make something in a folder.
func writable(dir string) bool {
	const write, search = 2, 1
	return syscall.Access(dir, write|search) == nil
}

// private reports whether a folder is this user's and nobody else may write to it.
func private(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
