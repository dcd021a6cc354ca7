//go:build !unix

package cache

import "os"

// private is true: elsewhere the folder of temporary files is the user's own.
func private(os.FileInfo) bool { return true }
