//go:build onednn && cgo

package onednn

import (
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/kerneltest"
)

// TestAMX computes in bfloat16 what is computed so only where there is AMX.
func TestAMX(t *testing.T) {
	if BFloat16Unit() == "" {
		t.Skip(ErrPrecision)
	}
	const tolerance = 3e-2 // as in TestBFloat16
	kerneltest.Run(t, func(threads int) kernel.Set[float32] {
		s, err := open(threads, BFloat16)
		if err != nil {
			t.Fatal(err)
		}
		s.(*set).amx = true
		return s
	}, tolerance)
}
