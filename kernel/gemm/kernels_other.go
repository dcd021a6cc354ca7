//go:build !amd64

package gemm

// available lists the kernels that this processor runs: none yet.
func available() []*kernel { return nil }
