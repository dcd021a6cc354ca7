//go:build cgo && windows

package ort

// LibraryVersion returns "": on Windows the version is not known before loading.
func LibraryVersion(Library) (string, error) { return "", nil }

// unloadable returns nil: this build cannot tell.
func unloadable([]string) []string { return nil }
