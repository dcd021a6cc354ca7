//go:build !unix

package cache

import "os"

// writable is true: making something tells.
func writable(string) bool { return true }

// private is true: elsewhere the folder of temporary files is the user's own.
func private(os.FileInfo) bool { return true }
