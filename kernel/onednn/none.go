//go:build !onednn || !cgo

package onednn

import "alexctl/kernel"

func open(int, Precision) (kernel.Set[float32], error) { return nil, ErrMissing }

// BFloat16Unit names what computes in bfloat16 here, "amx" or "avx512_bf16", or is "".
func BFloat16Unit() string { return "" }
