//go:build !unix

package ort

import "io/fs"

// fileNumber tells a file from another of the same name, where the system does.
func fileNumber(fs.FileInfo) string { return "" }
