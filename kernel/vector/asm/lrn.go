package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// window sums the numbers of a window, in their order.
type window func(p reg.GPVirtual) reg.VecVirtual

// usual is the size that nearly everyone's windows have.
const usual = 5

// windows generates body for the usual window, unrolled, and for one of any size: the
// branches of a short loop are mispredicted. body loops over a slice.
func (v isa) windows(slice string, body func(sum window, i reg.GPVirtual)) {
	size := GP64()
	Load(Param("size"), size)
	CMPQ(size, Imm(usual))
	JNE(LabelRef("any"))
	v.loop("usual", slice, func(i reg.GPVirtual) {
		body(func(p reg.GPVirtual) reg.VecVirtual {
			sum := v.load(Mem{Base: p})
			for k := 1; k < usual; k++ {
				VADDPS(Mem{Base: p}.Offset(4*k), sum, sum)
			}
			return sum
		}, i)
	})
	v.end()
	Label("any")
	v.loop("other", slice, func(i reg.GPVirtual) {
		body(func(p reg.GPVirtual) reg.VecVirtual {
			sum, t := v.zero(), GP64()
			XORQ(t, t)
			Label("window")
			VADDPS(at(p, t), sum, sum)
			INCQ(t)
			CMPQ(t, size)
			JLT(LabelRef("window"))
			return sum
		}, i)
	})
	v.end()
}

// scale returns bias + alpha times the window's sum, for the numbers at i.
func (v isa) scale(square, i reg.GPVirtual, sum window, alpha, bias reg.VecVirtual) reg.VecVirtual {
	s := sum(shifted(square, i))
	VMULPS(alpha, s, s)
	VADDPS(bias, s, s)
	return s
}

// power returns s to the power of -3/4: one over a square root times its own root.
func (v isa) power(s, one reg.VecVirtual) reg.VecVirtual {
	root, fourth := v.vector(), v.vector()
	VSQRTPS(s, root)
	VSQRTPS(root, fourth)
	VMULPS(fourth, root, root)
	VDIVPS(root, one, root)
	return root
}

func (v isa) lrn() {
	v.function("lrn", "sets y to x (bias + alpha sum)^-0.75, where the sum is of size numbers of square.", []string{"y", "x", "square"},
		[]string{"size int", "alpha, bias float32"})
	y, x, square := base("y"), base("x"), base("square")
	alpha, bias, one := v.broadcast("alpha"), v.broadcast("bias"), v.constant(oneBits)
	v.windows("y", func(sum window, i reg.GPVirtual) {
		p := v.power(v.scale(square, i, sum, alpha, bias), one)
		VMULPS(at(x, i), p, p)
		VMOVUPS(p, at(y, i))
	})
}

func (v isa) lrnGradient() {
	v.function("lrnGradient", "sets term to dy y / s and power to s^-0.75, where s is bias + alpha times a sum of size numbers of square.",
		[]string{"term", "power", "dy", "y", "square"}, []string{"size int", "alpha, bias float32"})
	term, power, dy, y, square := base("term"), base("power"), base("dy"), base("y"), base("square")
	alpha, bias, one := v.broadcast("alpha"), v.broadcast("bias"), v.constant(oneBits)
	v.windows("term", func(sum window, i reg.GPVirtual) {
		s := v.scale(square, i, sum, alpha, bias)
		VMOVUPS(v.power(s, one), at(power, i))
		t := v.load(at(dy, i))
		VMULPS(at(y, i), t, t)
		VDIVPS(s, t, t)
		VMOVUPS(t, at(term, i))
	})

	v.function("lrnFinish", "sets dx to dy power - factor x sum, where the sum is of size numbers of term.",
		[]string{"dx", "dy", "power", "x", "term"}, []string{"size int", "factor float32"})
	dx, dy2, power2, x, term2 := base("dx"), base("dy"), base("power"), base("x"), base("term")
	factor := v.broadcast("factor")
	v.windows("dx", func(sum window, i reg.GPVirtual) {
		s := sum(shifted(term2, i))
		t, u := v.load(at(x, i)), v.load(at(dy2, i))
		VMULPS(factor, t, t)
		VMULPS(s, t, t)
		VMULPS(at(power2, i), u, u)
		VSUBPS(t, u, u)
		VMOVUPS(u, at(dx, i))
	})
}
