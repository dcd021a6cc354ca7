//go:build onednn && cgo

package onednn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/gemm"
	"alexctl/kernel/kerneltest"
)

// TestRounded holds convolutions against float32's of rounded operands: the same bits.
func TestRounded(t *testing.T) {
	if BFloat16Unit() == "" {
		t.Skip(ErrPrecision)
	}
	if gemm.Name() == "" {
		t.Skip("without vectors in Go, oneDNN computes these")
	}
	low, err := open(2, BFloat16)
	if err != nil {
		t.Fatal(err)
	}
	low.(*set).amx = false
	for _, c := range kerneltest.Wide()["Winograd"] {
		spec, _ := c.Spec.(kernel.Conv)
		if !spec.Saves() {
			t.Fatalf("%+v is left to oneDNN", spec)
		}
		in, dy := c.Draw(rand.New(rand.NewPCG(1, 2)))
		near := [][]float32{nearest(in[0]), nearest(in[1])}
		near = append(near, in[2:]...)
		got, err := low.Plan(spec)
		if err != nil {
			t.Fatal(err)
		}
		want, err := low.(*set).plain.Plan(spec)
		if err != nil {
			t.Fatal(err)
		}
		y, exact := make([]float32, len(dy)), make([]float32, len(dy))
		got.Forward(y, in...)
		want.Forward(exact, near...)
		if !slices.Equal(y, exact) {
			t.Errorf("%+v: the outputs differ", spec)
		}
		for i := range in {
			dx, exactly := make([]float32, len(in[i])), make([]float32, len(in[i]))
			got.Backward(i, dx, dy, y, in...)
			want.Backward(i, exactly, nearest(dy), exact, near...)
			if !slices.Equal(dx, exactly) {
				t.Errorf("%+v: the gradients of input %d differ", spec, i)
			}
		}
	}
}

func nearest(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = toBFloat16(v)
	}
	return y
}

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
