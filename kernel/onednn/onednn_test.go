package onednn_test

import (
	"errors"
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/kerneltest"
	"alexctl/kernel/onednn"
)

// bf16Tolerance is for operands with 8 significant bits: each product is off by up to
// 2^-8, sums of both signs come to more than that of their largest.
const bf16Tolerance = 3e-2

func set(t *testing.T, p onednn.Precision) func(threads int) kernel.Set[float32] {
	if _, err := onednn.New(1, p); errors.Is(err, onednn.ErrMissing) || errors.Is(err, onednn.ErrPrecision) {
		t.Skip(err)
	}
	return func(threads int) kernel.Set[float32] {
		s, err := onednn.New(threads, p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestFloat32(t *testing.T) {
	kerneltest.Run(t, set(t, onednn.Float32), kerneltest.Tolerance)
}

func TestBFloat16(t *testing.T) {
	kerneltest.Run(t, set(t, onednn.BFloat16), bf16Tolerance)
}
