// Command asm writes ../vector_amd64.s and its declarations: every loop for vectors of
// AVX2 (8 numbers) and AVX-512 (16), from one description.
//
//	go run . -out ../vector_amd64.s -stubs ../stubs_amd64.go -pkg vector
package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is one of the two sets of instructions.
type isa struct {
	suffix string
	lanes  int
}

func (v isa) wide() bool { return v.lanes == 16 }

// vector returns a register for so many numbers.
func (v isa) vector() reg.VecVirtual {
	if v.wide() {
		return ZMM()
	}
	return YMM()
}

func main() {
	ConstraintExpr("amd64")
	writeNumbers()
	for _, v := range []isa{{"256", 8}, {"512", 16}} {
		v.rectify()
		v.add()
		v.addRectify()
		v.square()
		v.mask()
		v.widenAdd()
		v.squareSum()
		v.sgd("sgd", false)
		v.sgd("nesterov", true)
		v.adam()
		v.maxPool()
		v.maxPoolGradient()
		v.lrn()
		v.lrnGradient()
		v.dots()
		v.tallies()
		v.arithmetic()
		v.functions()
		v.statistics()
		v.depthwise()
		for _, t := range transforms {
			v.transform(t.name, t.matrix)
			if !strings.HasPrefix(t.name, "input") {
				v.transform(t.name+"Adjoint", t.transposed())
			}
		}
	}
	Generate()
}

// function begins a function over slices of equal length, and numbers.
func (v isa) function(name, doc string, slices, numbers []string) {
	var params []string
	if len(slices) > 0 {
		params = append(params, strings.Join(slices, ", ")+" []float32")
	}
	params = append(params, numbers...)
	TEXT(name+v.suffix, NOSPLIT, "func("+strings.Join(params, ", ")+")")
	Pragma("noescape")
	Doc(name + v.suffix + " " + doc + fmt.Sprintf(" Lengths, or n, are multiples of %d.", v.lanes))
}

// broadcast returns a parameter, a float32, in every lane.
func (v isa) broadcast(name string) reg.VecVirtual {
	z := v.vector()
	VBROADCASTSS(mustAddr(name), z)
	return z
}

// constant returns a number in every lane.
func (v isa) constant(bits uint32) reg.VecVirtual {
	g, x, z := GP32(), XMM(), v.vector()
	MOVL(U32(bits), g)
	VMOVD(g, x)
	VBROADCASTSS(x, z)
	return z
}

const oneBits = 0x3f800000

func (v isa) zero() reg.VecVirtual {
	z := v.vector()
	if v.wide() {
		VPXORD(z, z, z)
	} else {
		VXORPS(z, z, z)
	}
	return z
}

// each calls body for offsets 0, lanes, ... below the length of a slice.
func (v isa) each(slice string, body func(i reg.GPVirtual)) { v.loop("loop", slice, body) }

// loop is each with a label of its own, where a function has several.
func (v isa) loop(label, slice string, body func(i reg.GPVirtual)) {
	n, i := GP64(), GP64()
	Load(Param(slice).Len(), n)
	XORQ(i, i)
	Label(label)
	body(i)
	ADDQ(Imm(uint64(v.lanes)), i)
	CMPQ(i, n)
	JLT(LabelRef(label))
}

func base(name string) reg.GPVirtual {
	p := GP64()
	Load(Param(name).Base(), p)
	return p.(reg.GPVirtual)
}

func at(p, i reg.Register) Mem { return Mem{Base: p, Index: i, Scale: 4} }

func (v isa) load(m Op) reg.VecVirtual {
	z := v.vector()
	VMOVUPS(m, z)
	return z
}

func (v isa) end() {
	VZEROUPPER()
	RET()
}

func (v isa) rectify() {
	v.function("rectify", "sets the negative numbers of y to 0.", []string{"y"}, nil)
	y, zero := base("y"), v.zero()
	v.each("y", func(i reg.GPVirtual) {
		x := v.vector()
		VMAXPS(at(y, i), zero, x) // its second operand where one is NaN or both are 0
		VMOVUPS(x, at(y, i))
	})
	v.end()
}

func (v isa) add() {
	v.function("add", "adds x to y.", []string{"y", "x"}, nil)
	y, x := base("y"), base("x")
	v.each("y", func(i reg.GPVirtual) {
		a := v.load(at(y, i))
		VADDPS(at(x, i), a, a)
		VMOVUPS(a, at(y, i))
	})
	v.end()
}

func (v isa) addRectify() {
	v.function("addRectify", "adds x to y and sets what is negative then to 0.", []string{"y", "x"}, nil)
	y, x, zero := base("y"), base("x"), v.zero()
	v.each("y", func(i reg.GPVirtual) {
		a := v.load(at(y, i))
		VADDPS(at(x, i), a, a)
		VMAXPS(a, zero, a)
		VMOVUPS(a, at(y, i))
	})
	v.end()
}

func (v isa) square() {
	v.function("square", "sets y to the squares of x.", []string{"y", "x"}, nil)
	y, x := base("y"), base("x")
	v.each("y", func(i reg.GPVirtual) {
		a := v.load(at(x, i))
		VMULPS(a, a, a)
		VMOVUPS(a, at(y, i))
	})
	v.end()
}

func (v isa) mask() {
	v.function("mask", "sets to to dy where y is positive, otherwise to 0.", []string{"to", "dy", "y"}, nil)
	to, dy, y, zero := base("to"), base("dy"), base("y"), v.zero()
	v.each("to", func(i reg.GPVirtual) {
		if v.wide() {
			k, a := K(), v.vector()
			VCMPPS(Imm(1), at(y, i), zero, k) // 0 < y, ordered
			VMOVUPS_Z(at(dy, i), k, a)
			VMOVUPS(a, at(to, i))
			return
		}
		a := v.vector()
		VCMPPS(Imm(1), at(y, i), zero, a)
		VANDPS(at(dy, i), a, a)
		VMOVUPS(a, at(to, i))
	})
	v.end()
}

// doubles widens the numbers at m to float64, in two vectors.
func (v isa) doubles(m Mem) (low, high reg.VecVirtual) {
	low, high = v.vector(), v.vector()
	VCVTPS2PD(m, low)
	VCVTPS2PD(m.Offset(2*v.lanes), high)
	return low, high
}

func (v isa) widenAdd() {
	v.function("widenAdd", "adds x to sum.", []string{"x"}, []string{"sum []float64"})
	x, sum := base("x"), base("sum")
	v.each("x", func(i reg.GPVirtual) {
		low, high := v.doubles(at(x, i))
		to := Mem{Base: sum, Index: i, Scale: 8}
		VADDPD(to, low, low)
		VADDPD(to.Offset(4*v.lanes), high, high)
		VMOVUPD(low, to)
		VMOVUPD(high, to.Offset(4*v.lanes))
	})
	v.end()
}

func (v isa) squareSum() {
	v.function("squareSum", "sets sums, of as many numbers as a vector has in float64, to sums of squares of x.", []string{"x"}, []string{"sums []float64"})
	x, sums := base("x"), base("sums")
	a, b := v.zero(), v.zero()
	v.each("x", func(i reg.GPVirtual) {
		low, high := v.doubles(at(x, i))
		VFMADD231PD(low, low, a)
		VFMADD231PD(high, high, b)
	})
	VADDPD(b, a, a)
	VMOVUPD(a, Mem{Base: sums})
	v.end()
}

// sgd does what train.Optimizer says, operation by operation, so that the bits are the
// same as without vectors.
func (v isa) sgd(name string, nesterov bool) {
	v.function(name, "updates w by the gradient g and the velocity u.", []string{"w", "g", "u"}, []string{"scale, decay, momentum, rate float32"})
	w, g, u := base("w"), base("g"), base("u")
	scale, decay, momentum, rate := v.broadcast("scale"), v.broadcast("decay"), v.broadcast("momentum"), v.broadcast("rate")
	v.flushing(func() {
		v.each("w", func(i reg.GPVirtual) {
			weight, gradient, velocity, t := v.load(at(w, i)), v.vector(), v.vector(), v.vector()
			VMULPS(at(g, i), scale, gradient)
			VMULPS(weight, decay, t)
			VADDPS(t, gradient, gradient)
			VMULPS(at(u, i), momentum, velocity)
			VADDPS(gradient, velocity, velocity)
			VMOVUPS(velocity, at(u, i))
			if nesterov {
				VMULPS(velocity, momentum, velocity)
				VADDPS(velocity, gradient, velocity)
			}
			VMULPS(velocity, rate, velocity)
			VSUBPS(velocity, weight, weight)
			VMOVUPS(weight, at(w, i))
		})
	})
	v.end()
}

// flushing has body run, until it returns, with numbers below the smallest normal one taken
// and written as 0: bits 6 and 15 of MXCSR, which is as it was afterwards.
func (v isa) flushing(body func()) {
	const flags = 1<<6 | 1<<15
	old, changed, bits := AllocLocal(4), AllocLocal(4), GP32()
	STMXCSR(old)
	MOVL(old, bits)
	ORL(U32(flags), bits)
	MOVL(bits, changed)
	LDMXCSR(changed)
	body()
	LDMXCSR(old)
}

func (v isa) adam() {
	v.function("adam", "updates w by the gradient g and its moments m and s.", []string{"w", "g", "m", "s"},
		[]string{"scale, decay, keep, b1, rest1, b2, rest2, rate, root, epsilon float32"})
	w, g, m, s := base("w"), base("g"), base("m"), base("s")
	p := map[string]reg.VecVirtual{}
	for _, name := range []string{"scale", "decay", "keep", "b1", "rest1", "b2", "rest2", "rate", "root", "epsilon"} {
		if v.wide() {
			p[name] = v.broadcast(name)
		}
	}
	get := func(name string) reg.VecVirtual { // 16 registers of AVX2 do not hold them all
		if v.wide() {
			return p[name]
		}
		return v.broadcast(name)
	}
	v.flushing(func() {
		v.each("w", func(i reg.GPVirtual) {
			weight, gradient, t, first, second := v.load(at(w, i)), v.vector(), v.vector(), v.vector(), v.vector()
			VMULPS(at(g, i), get("scale"), gradient)
			VMULPS(weight, get("decay"), t)
			VADDPS(t, gradient, gradient)
			VMULPS(at(m, i), get("b1"), first)
			VMULPS(gradient, get("rest1"), t)
			VADDPS(t, first, first)
			VMOVUPS(first, at(m, i))
			VMULPS(gradient, get("rest2"), t)
			VMULPS(gradient, t, t)
			VMULPS(at(s, i), get("b2"), second)
			VADDPS(t, second, second)
			VMOVUPS(second, at(s, i))
			VSQRTPS(second, second)
			VMULPS(second, get("root"), second)
			VADDPS(second, get("epsilon"), second)
			VMULPS(first, get("rate"), first)
			VDIVPS(second, first, first)
			VMULPS(weight, get("keep"), weight)
			VSUBPS(first, weight, weight)
			VMOVUPS(weight, at(w, i))
		})
	})
	v.end()
}

// mustAddr returns where a parameter lies.
func mustAddr(name string) Op {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
