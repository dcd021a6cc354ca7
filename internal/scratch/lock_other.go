//go:build !unix

package scratch

import "os"

// TryLock does nothing where the system has no such locks.
func TryLock(*os.File) (bool, error) { return true, nil }

// own is false: without locks nothing is known to be abandoned.
func own(os.FileInfo) bool { return false }
