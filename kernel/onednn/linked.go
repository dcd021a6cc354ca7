//go:build onednn && cgo && !(linux && (amd64 || arm64))

package onednn

// #cgo LDFLAGS: -ldnnl -lgomp
import "C"

// load does nothing: the system's loader has found the library with the program.
func load() error { return nil }
