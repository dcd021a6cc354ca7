package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// statistics writes what batch normalization does with a row of channels.
func (v isa) statistics() {
	v.sums("moments", "adds x - shift to sum and its square to square.", []string{"x"}, "square")
	v.sums("comoments", "adds dy to sum and dy (x - shift) to product.", []string{"dy", "x"}, "product")

	v.function("standardize", "sets y to (x - mean) scale + bias.", []string{"y", "x", "mean", "scale", "bias"}, nil)
	y, x := base("y"), base("x")
	mean, scale, bias := base("mean"), base("scale"), base("bias")
	v.each("y", func(i reg.GPVirtual) {
		z := v.load(at(x, i))
		VSUBPS(at(mean, i), z, z)
		VMULPS(at(scale, i), z, z)
		VADDPS(at(bias, i), z, z)
		VMOVUPS(z, at(y, i))
	})
	v.end()

	v.function("standardizeGradient", "sets dx to (dy - offset - (x - mean) slope) scale.",
		[]string{"dx", "dy", "x", "mean", "scale", "offset", "slope"}, nil)
	dx, dy, x := base("dx"), base("dy"), base("x")
	mean, scale, offset, slope := base("mean"), base("scale"), base("offset"), base("slope")
	v.each("dx", func(i reg.GPVirtual) {
		z, up := v.load(at(x, i)), v.load(at(dy, i))
		VSUBPS(at(mean, i), z, z)
		VMULPS(at(slope, i), z, z)
		VSUBPS(at(offset, i), up, up)
		VSUBPS(z, up, up)
		VMULPS(at(scale, i), up, up)
		VMOVUPS(up, at(dx, i))
	})
	v.end()
}

// sums adds to two sums of each column, in float64: the first of the slices, and its product with what is
// left of the last one less the shift; of one slice, what is left itself and its square.
func (v isa) sums(name, doc string, slices []string, second string) {
	v.function(name, doc, slices, []string{"shift, sum, " + second + " []float64"})
	x := base(slices[len(slices)-1])
	var dy reg.GPVirtual
	if len(slices) > 1 {
		dy = base(slices[0])
	}
	shift, sum, product := base("shift"), base("sum"), base(second)
	v.each(slices[0], func(i reg.GPVirtual) {
		low, high := v.doubles(at(x, i))
		left := []reg.VecVirtual{low, high}
		up := left
		if len(slices) > 1 {
			low, high = v.doubles(at(dy, i))
			up = []reg.VecVirtual{low, high}
		}
		for half, d := range left {
			of := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: i, Scale: 8}.Offset(4 * v.lanes * half) }
			s := v.vector()
			VSUBPD(of(shift), d, d)
			VADDPD(of(sum), up[half], s)
			VMOVUPD(s, of(sum))
			VMULPD(up[half], d, d)
			VADDPD(of(product), d, d)
			VMOVUPD(d, of(product))
		}
	})
	v.end()
}

// taps2 calls body for each pair of offsets in at and under, in registers.
func (v isa) taps2(body func(offset, tap reg.GPVirtual)) {
	list, other, n, t := base("at"), base("under"), GP64(), GP64()
	Load(Param("at").Len(), n)
	XORQ(t, t)
	Label("tap")
	offset, tap := GP64(), GP64()
	MOVLQSX(Mem{Base: list, Index: t, Scale: 4}, offset)
	MOVLQSX(Mem{Base: other, Index: t, Scale: 4}, tap)
	body(offset.(reg.GPVirtual), tap.(reg.GPVirtual))
	INCQ(t)
	CMPQ(t, n)
	JLT(LabelRef("tap"))
}

// depthwise writes what a convolution of each channel by itself does at one position.
func (v isa) depthwise() {
	v.function("addTaps", "adds the products of x[at[k]:] and w[under[k]:] over all k to y.", []string{"y", "x", "w"}, []string{"at, under []int32"})
	y, x, w := base("y"), base("x"), base("w")
	v.each("y", func(i reg.GPVirtual) {
		sum, from, weights := v.load(at(y, i)), shifted(x, i), shifted(w, i)
		v.taps2(func(offset, tap reg.GPVirtual) {
			z := v.load(at(from, offset))
			VMULPS(at(weights, tap), z, z)
			VADDPS(z, sum, sum)
		})
		VMOVUPS(sum, at(y, i))
	})
	v.end()

	v.function("addTapProducts", "adds the product of dy and x[at[k]:] to dw[under[k]:], for all k.", []string{"dy", "x", "dw"}, []string{"at, under []int32"})
	dy, x, dw := base("dy"), base("x"), base("dw")
	v.each("dy", func(i reg.GPVirtual) {
		up, from, to := v.load(at(dy, i)), shifted(x, i), shifted(dw, i)
		v.taps2(func(offset, tap reg.GPVirtual) {
			z := v.vector()
			VMULPS(at(from, offset), up, z)
			VADDPS(at(to, tap), z, z)
			VMOVUPS(z, at(to, tap))
		})
	})
	v.end()
}
