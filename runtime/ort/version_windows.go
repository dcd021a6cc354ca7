//go:build cgo && windows

package ort

// LibraryVersion returns "", and an error for a damaged library: on Windows the version is not known before loading.
func LibraryVersion(l Library) (string, error) { return "", l.sound() }

// unloadable returns nil: this build cannot tell.
func unloadable([]string) []string { return nil }
