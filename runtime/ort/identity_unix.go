//go:build unix

package ort

import (
	"fmt"
	"io/fs"
	"syscall"
)

// fileNumber tells a file from another of the same name.
func fileNumber(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprint(s.Ino)
	}
	return ""
}
