//go:build onednn && cgo

package onednn

import (
	"math"

	"alexctl/kernel"
)

// rounded computes a convolution in float32 from operands rounded to bfloat16. Without AMX a
// processor multiplies bfloat16 no quicker, and the kernels of float32 know of a way with
// fewer products. The rounded operands take as much memory as the operands.
type rounded struct {
	kernel.Plan[float32]
	set      *set
	in       [3][]float32 // x, w and, as it is, b
	dy       []float32
	narrowed bool // whether dy is that of the Backwards after the last Forward
}

func (p *rounded) Forward(y []float32, in ...[]float32) {
	p.narrowed = false
	copy(p.in[2:], in[2:])
	for i := range 2 {
		p.in[i] = p.round(p.in[i], in[i])
	}
	p.Plan.Forward(y, p.in[:len(in)]...)
}

func (p *rounded) Backward(i int, dx, dy, y []float32, in ...[]float32) {
	if !p.narrowed {
		p.dy = p.round(p.dy, dy)
		p.narrowed = true
	}
	p.Plan.Backward(i, dx, p.dy, y, p.in[:len(in)]...)
}

// round returns x rounded to bfloat16, in dst if that is as long.
func (p *rounded) round(dst, x []float32) []float32 {
	if len(dst) != len(x) {
		dst = make([]float32, len(x))
	}
	p.set.pool.Run(len(x), func(_, lo, hi int) {
		to := dst[lo:hi]
		for i, v := range x[lo:hi] {
			to[i] = toBFloat16(v)
		}
	})
	return dst
}

// toBFloat16 returns the nearest number of 8 significant bits, of two the even one.
func toBFloat16(x float32) float32 {
	const low = 0xffff // the bits that bfloat16 lacks
	b := math.Float32bits(x)
	if x != x { //nolint:gocritic // a NaN, whose last bits may be all there is of it
		return x
	}
	return math.Float32frombits((b + low/2 + b>>16&1) &^ low)
}
