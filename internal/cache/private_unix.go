//go:build unix

package cache

import (
	"os"
	"syscall"
)

// private reports whether a folder is this user's and nobody else may write to it.
func private(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
