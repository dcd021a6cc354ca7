//go:build onednn && cgo

package onednn

import (
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/kerneltest"
)

// TestDenseBFloat16 has dense layers in bfloat16, which take AMX otherwise.
func TestDenseBFloat16(t *testing.T) {
	if BFloat16Unit() == "" {
		t.Skip(ErrPrecision)
	}
	const tolerance = 3e-2 // as in TestBFloat16
	kerneltest.Run(t, func(threads int) kernel.Set[float32] {
		s, err := open(threads, BFloat16)
		if err != nil {
			t.Fatal(err)
		}
		s.(*set).denseBF16 = true
		return s
	}, tolerance)
}
