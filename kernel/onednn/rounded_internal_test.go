//go:build onednn && cgo

package onednn

import (
	"math"
	"testing"
)

func TestToBFloat16(t *testing.T) {
	const step = 1. / 128 // between neighbours from 1 to 2
	for _, c := range [][2]float64{
		{0, 0}, {1, 1}, {-1, -1}, {1 + step/2, 1}, {1 + 3*step/2, 1 + 2*step}, {1 + step/2 + 1e-6, 1 + step}, {-1 - step/2 - 1e-6, -1 - step},
		{2 - 1e-4, 2}, {math.MaxFloat32, math.Inf(1)}, {math.Inf(-1), math.Inf(-1)},
	} {
		if got := toBFloat16(float32(c[0])); float64(got) != c[1] {
			t.Errorf("%v became %v, want %v", c[0], got, c[1])
		}
	}
	if got := toBFloat16(math.Float32frombits(0x7f800001)); !math.IsNaN(float64(got)) {
		t.Errorf("a NaN became %v", got)
	}
}
