//go:build cgo && !linux

package ort

// keepSignals does nothing: the CUDA provider is packaged for Linux only.
func keepSignals() (restore func() int) { return func() int { return 0 } }
