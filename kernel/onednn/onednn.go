// Package onednn computes convolutions and matrix products with Intel's oneDNN, and
// everything else with the kernels in Go, on oneDNN's threads. It is part of programs
// built with the tag onednn; others have only Missing.
package onednn

import (
	"alexctl/fault"
	"alexctl/kernel"
)

// Precision is what convolutions and products are computed in. Values, weights and
// gradients between them are float32 always, and so are sums.
type Precision string

// The precisions.
const (
	Float32  Precision = "float32"
	BFloat16 Precision = "bf16" // operands rounded to bfloat16
)

// ErrMissing says that the program was built without oneDNN.
var ErrMissing error = fault.New(fault.Environment, "this alexctl was built without oneDNN: in its source folder, run: make onednn")

// ErrPrecision says that the processor does not compute in bfloat16.
var ErrPrecision error = fault.New(fault.Environment, "this processor has neither AVX512-BF16 nor AMX")

// New returns the kernels over oneDNN, computing with the given number of threads. The
// same number gives the same bits.
func New(threads int, p Precision) (kernel.Set[float32], error) {
	return open(max(1, threads), p)
}
