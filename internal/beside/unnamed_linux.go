package beside

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// unnamed opens a new file in a folder that has no name, so that nothing is left of it if this
// process is killed; nil where the file system has no such files.
func unnamed(dir string) *os.File {
	f, err := os.OpenFile(dir, os.O_WRONLY|unix.O_TMPFILE, 0o666)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(byNumber(f)); err != nil { // it could not be given a name
		_ = f.Close()
		return nil
	}
	return f
}

// byNumber is the path of an open file.
func byNumber(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// call gives an unnamed file a name that nothing has.
func call(f *os.File, path string) error {
	return unix.Linkat(unix.AT_FDCWD, byNumber(f), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}
