package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// window sums so many numbers from p on, in their order.
func (v isa) window(p, size reg.GPVirtual, label string) reg.VecVirtual {
	sum, t := v.zero(), GP64()
	XORQ(t, t)
	Label(label)
	VADDPS(at(p, t), sum, sum)
	INCQ(t)
	CMPQ(t, size)
	JLT(LabelRef(label))
	return sum
}

// scale returns bias + alpha times the window's sum, for the numbers at i.
func (v isa) scale(square, i, size reg.GPVirtual, alpha, bias reg.VecVirtual) reg.VecVirtual {
	s := v.window(shifted(square, i), size, "window")
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

func loadSize() reg.GPVirtual {
	n := GP64()
	Load(Param("size"), n)
	return n.(reg.GPVirtual)
}

func (v isa) lrn() {
	v.function("lrn", "sets y to x (bias + alpha sum)^-0.75, where the sum is of size numbers of square.", []string{"y", "x", "square"},
		[]string{"size int", "alpha, bias float32"})
	y, x, square, size := base("y"), base("x"), base("square"), loadSize()
	alpha, bias, one := v.broadcast("alpha"), v.broadcast("bias"), v.constant(oneBits)
	v.each("y", func(i reg.GPVirtual) {
		p := v.power(v.scale(square, i, size, alpha, bias), one)
		VMULPS(at(x, i), p, p)
		VMOVUPS(p, at(y, i))
	})
	v.end()
}

func (v isa) lrnGradient() {
	v.function("lrnGradient", "sets term to dy y / s and power to s^-0.75, where s is bias + alpha times a sum of size numbers of square.",
		[]string{"term", "power", "dy", "y", "square"}, []string{"size int", "alpha, bias float32"})
	term, power, dy, y, square, size := base("term"), base("power"), base("dy"), base("y"), base("square"), loadSize()
	alpha, bias, one := v.broadcast("alpha"), v.broadcast("bias"), v.constant(oneBits)
	v.each("term", func(i reg.GPVirtual) {
		s := v.scale(square, i, size, alpha, bias)
		VMOVUPS(v.power(s, one), at(power, i))
		t := v.load(at(dy, i))
		VMULPS(at(y, i), t, t)
		VDIVPS(s, t, t)
		VMOVUPS(t, at(term, i))
	})
	v.end()

	v.function("lrnFinish", "sets dx to dy power - factor x sum, where the sum is of size numbers of term.",
		[]string{"dx", "dy", "power", "x", "term"}, []string{"size int", "factor float32"})
	dx, dy2, power2, x, term2, size2 := base("dx"), base("dy"), base("power"), base("x"), base("term"), loadSize()
	factor := v.broadcast("factor")
	v.each("dx", func(i reg.GPVirtual) {
		s := v.window(shifted(term2, i), size2, "window")
		t, u := v.load(at(x, i)), v.load(at(dy2, i))
		VMULPS(factor, t, t)
		VMULPS(s, t, t)
		VMULPS(at(power2, i), u, u)
		VSUBPS(t, u, u)
		VMOVUPS(u, at(dx, i))
	})
	v.end()
}
