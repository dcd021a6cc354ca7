package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// numbers are the constants of the functions, in memory: 16 registers of AVX2 do not hold them.
// They are the ones of vector/functions.go.
var numbers = map[string]float32{
	"one": 1, "half": 0.5, "negative": -1,
	"lowest": -104, "highest": 89, "log2e": 1.44269504, "ln2High": 0.693359375, "ln2Low": -2.12194440e-4,
	"exp0": 1.9875691500e-4, "exp1": 1.3981999507e-3, "exp2": 8.3334519073e-3, "exp3": 4.1665795894e-2,
	"exp4": 1.6666665459e-1, "exp5": 5.0000001201e-1,
	"near": 0.927734375,
	"far0": -1.72853470e-5, "far1": 3.83197126e-4, "far2": -3.88396438e-3, "far3": 2.42546219e-2,
	"far4": -1.06777877e-1, "far5": -6.34846687e-1, "far6": -1.28717512e-1,
	"near0": -5.96761703e-4, "near1": 4.99119423e-3, "near2": -2.67681349e-2, "near3": 1.12819925e-1,
	"near4": -3.76125336e-1, "near5": 1.28379166e-1,
}

// numberNames is the order in which they lie in memory.
var numberNames = []string{"one", "half", "negative", "lowest", "highest", "log2e", "ln2High", "ln2Low", "exp0", "exp1", "exp2", "exp3",
	"exp4", "exp5", "near", "far0", "far1", "far2", "far3", "far4", "far5", "far6", "near0", "near1", "near2", "near3", "near4", "near5",
	"bias", "sign", "magnitude"}

// table is where they lie.
var table Mem

// writeNumbers writes them.
func writeNumbers() {
	table = GLOBL("functionConstants", RODATA|NOPTR)
	for i, name := range numberNames {
		bits := math.Float32bits(numbers[name])
		switch name {
		case "bias":
			bits = 127
		case "sign":
			bits = 1 << 31
		case "magnitude":
			bits = 1<<31 - 1
		}
		DATA(4*i, U32(bits))
	}
}

// number returns one of them in every lane.
func (v isa) number(name string) reg.VecVirtual {
	for i, n := range numberNames {
		if n == name {
			z := v.vector()
			VBROADCASTSS(table.Offset(4*i), z)
			return z
		}
	}
	panic("no constant " + name)
}

// arithmetic writes the loops over two operands and over one with numbers.
func (v isa) arithmetic() {
	binary := func(name, doc string, do func(b, a, to Op)) {
		v.function(name, doc, []string{"y", "a", "b"}, nil)
		y, a, b := base("y"), base("a"), base("b")
		v.each("y", func(i reg.GPVirtual) {
			x := v.load(at(a, i))
			do(at(b, i), x, x)
			VMOVUPS(x, at(y, i))
		})
		v.end()
	}
	binary("sum", "sets y to a + b.", func(b, a, to Op) { VADDPS(b, a, to) })
	binary("difference", "sets y to a - b.", func(b, a, to Op) { VSUBPS(b, a, to) })
	binary("times", "sets y to a b.", func(b, a, to Op) { VMULPS(b, a, to) })
	binary("quotient", "sets y to a / b.", func(b, a, to Op) { VDIVPS(b, a, to) })

	v.function("addTimes", "adds a b to y.", []string{"y", "a", "b"}, nil)
	y, a, b := base("y"), base("a"), base("b")
	v.each("y", func(i reg.GPVirtual) {
		x := v.load(at(a, i))
		VMULPS(at(b, i), x, x)
		VADDPS(at(y, i), x, x)
		VMOVUPS(x, at(y, i))
	})
	v.end()

	v.function("affine", "sets y to x p + q.", []string{"y", "x"}, []string{"p, q float32"})
	y, x := base("y"), base("x")
	p, q := v.broadcast("p"), v.broadcast("q")
	v.each("y", func(i reg.GPVirtual) {
		z := v.vector()
		VMULPS(at(x, i), p, z)
		VADDPS(q, z, z)
		VMOVUPS(z, at(y, i))
	})
	v.end()

	v.function("clamp", "sets y to x, at least lo and at most hi.", []string{"y", "x"}, []string{"lo, hi float32"})
	y, x = base("y"), base("x")
	lo, hi := v.broadcast("lo"), v.broadcast("hi")
	v.each("y", func(i reg.GPVirtual) {
		z := v.vector()
		VMAXPS(at(x, i), lo, z) // its second operand where one is NaN
		VMINPS(z, hi, z)
		VMOVUPS(z, at(y, i))
	})
	v.end()

	v.function("between", "sets to to dy where y is between lo and hi, otherwise to 0.", []string{"to", "dy", "y"}, []string{"lo, hi float32"})
	to, dy, y := base("to"), base("dy"), base("y")
	lo, hi = v.broadcast("lo"), v.broadcast("hi")
	const less = 17 // ordered
	v.each("to", func(i reg.GPVirtual) {
		z := v.load(at(y, i))
		if v.wide() {
			k, l := K(), K()
			VCMPPS(Imm(less), z, lo, k)
			VCMPPS(Imm(less), hi, z, l)
			KANDW(l, k, k)
			VMOVUPS_Z(at(dy, i), k, z)
		} else {
			k := YMM()
			VCMPPS(Imm(less), z, lo, k)
			VCMPPS(Imm(less), hi, z, z)
			VANDPS(k, z, z)
			VANDPS(at(dy, i), z, z)
		}
		VMOVUPS(z, at(to, i))
	})
	v.end()
}

// polynomial returns the polynomial in x with named coefficients, the highest first.
func (v isa) polynomial(x reg.VecVirtual, names ...string) reg.VecVirtual {
	y := v.number(names[0])
	for _, name := range names[1:] {
		VMULPS(x, y, y)
		VADDPS(v.number(name), y, y)
	}
	return y
}

// and is the bits that both have.
func (v isa) and(a, b, to reg.VecVirtual) {
	if v.wide() {
		VPANDD(a, b, to)
	} else {
		VANDPS(a, b, to)
	}
}

// exp returns e to the power of x, which it changes: 2^n times a polynomial in what is left.
func (v isa) exp(x reg.VecVirtual) reg.VecVirtual {
	VMAXPS(x, v.number("lowest"), x)
	VMINPS(x, v.number("highest"), x)
	n, t := v.vector(), v.vector()
	VMULPS(v.number("log2e"), x, n)
	if v.wide() {
		VRNDSCALEPS(Imm(0), n, n)
	} else {
		VROUNDPS(Imm(0), n, n)
	}
	VMULPS(v.number("ln2High"), n, t)
	VSUBPS(t, x, x)
	VMULPS(v.number("ln2Low"), n, t)
	VSUBPS(t, x, x)
	y := v.polynomial(x, "exp0", "exp1", "exp2", "exp3", "exp4", "exp5")
	VMULPS(x, y, y)
	VMULPS(x, y, y)
	VADDPS(x, y, y)
	VADDPS(v.number("one"), y, y)
	// In two steps: 2^n may be beyond what a float32 holds where the product is not.
	half, bias := v.vector(), v.number("bias")
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, half)
	VPSUBD(half, n, n)
	for _, k := range []reg.VecVirtual{half, n} {
		VPADDD(bias, k, k)
		VPSLLD(Imm(23), k, k)
		VMULPS(k, y, y)
	}
	return y
}

// functions writes the loops over functions of one operand.
func (v isa) functions() {
	unary := func(name, doc string, do func(x reg.VecVirtual) reg.VecVirtual) {
		v.function(name, doc, []string{"y", "x"}, nil)
		y, x := base("y"), base("x")
		v.each("y", func(i reg.GPVirtual) { VMOVUPS(do(v.load(at(x, i))), at(y, i)) })
		v.end()
	}
	unary("root", "sets y to the square root of x.", func(x reg.VecVirtual) reg.VecVirtual {
		VSQRTPS(x, x)
		return x
	})
	unary("roundEven", "sets y to the whole number next to x, of two the even one.", func(x reg.VecVirtual) reg.VecVirtual {
		if v.wide() {
			VRNDSCALEPS(Imm(0), x, x)
		} else {
			VROUNDPS(Imm(0), x, x)
		}
		return x
	})
	unary("exp", "sets y to e to the power of x.", v.exp)
	unary("sigmoid", "sets y to 1 / (1 + exp(-x)).", func(x reg.VecVirtual) reg.VecVirtual {
		VMULPS(v.number("negative"), x, x)
		y, one := v.exp(x), v.number("one")
		VADDPS(one, y, y)
		VDIVPS(y, one, y)
		return y
	})
	unary("erf", "sets y to the error function of x.", v.erf)
}

// erf returns the error function of x: for small ones x and x times a polynomial in its square,
// otherwise 1 - exp of a polynomial in its magnitude.
func (v isa) erf(x reg.VecVirtual) reg.VecVirtual {
	t, s := v.vector(), v.vector()
	v.and(v.number("magnitude"), x, t)
	VMULPS(x, x, s)
	near := v.polynomial(s, "near0", "near1", "near2", "near3", "near4", "near5")
	VMULPS(x, near, near)
	VADDPS(x, near, near)
	far, u := v.polynomial(t, "far0", "far1"), v.polynomial(t, "far2", "far3")
	VMULPS(s, far, far)
	VADDPS(u, far, far)
	for _, name := range []string{"far4", "far5", "far6"} {
		VMULPS(t, far, far)
		VADDPS(v.number(name), far, far)
	}
	VMULPS(t, far, far)
	VSUBPS(t, far, far)
	far = v.exp(far)
	VSUBPS(far, v.number("one"), far)
	v.and(v.number("sign"), x, x)
	if v.wide() {
		VPORD(x, far, far)
		k := K()
		VCMPPS(Imm(greater), v.number("near"), t, k)
		VMOVAPS(far, k, near)
		return near
	}
	VORPS(x, far, far)
	k := YMM()
	VCMPPS(Imm(greater), v.number("near"), t, k)
	VBLENDVPS(k, far, near, near)
	return near
}
