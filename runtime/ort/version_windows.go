//go:build cgo && windows

package ort

// LibraryVersion returns "": on Windows the version is not known before loading.
func LibraryVersion(Library) (string, error) { return "", nil }

// CUDAMissing returns nil: this build cannot tell.
func CUDAMissing() []string { return nil }
