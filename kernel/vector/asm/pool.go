package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS.
const (
	equal     = 0  // ordered
	unordered = 3  // one is NaN
	greater   = 30 // ordered
)

// taps calls body for each of the offsets in at, in a register.
func (v isa) taps(body func(offset reg.GPVirtual)) {
	list, n, t, offset := base("at"), GP64(), GP64(), GP64()
	Load(Param("at").Len(), n)
	XORQ(t, t)
	Label("tap")
	MOVLQSX(Mem{Base: list, Index: t, Scale: 4}, offset)
	body(offset.(reg.GPVirtual))
	INCQ(t)
	CMPQ(t, n)
	JLT(LabelRef("tap"))
}

// shifted returns a pointer i numbers after p, in a register.
func shifted(p, i reg.GPVirtual) reg.GPVirtual {
	q := GP64()
	LEAQ(Mem{Base: p, Index: i, Scale: 4}, q)
	return q.(reg.GPVirtual)
}

func (v isa) maxPool() {
	v.function("maxPool", "sets y to the largest of x[at[i]:] over all i; NaN counts as largest.", []string{"y", "x"}, []string{"at []int32"})
	y, x := base("y"), base("x")
	lowest := v.constant(0xff800000) // -Inf
	v.each("y", func(i reg.GPVirtual) {
		from, best := shifted(x, i), v.vector()
		VMOVUPS(lowest, best)
		v.taps(func(offset reg.GPVirtual) {
			a := v.load(at(from, offset))
			if v.wide() {
				k, nan := K(), K()
				VCMPPS(Imm(greater), best, a, k)
				VCMPPS(Imm(unordered), a, a, nan)
				KORW(nan, k, k)
				VMOVAPS(a, k, best)
				return
			}
			k, nan := YMM(), YMM()
			VCMPPS(Imm(greater), best, a, k)
			VCMPPS(Imm(unordered), a, a, nan)
			VORPS(nan, k, k)
			VBLENDVPS(k, a, best, best)
		})
		VMOVUPS(best, at(y, i))
	})
	v.end()
}

func (v isa) maxPoolGradient() {
	v.function("maxPoolGradient", "adds dy to the first of dx[at[i]:] whose x is y, or NaN.", []string{"dy", "y", "dx", "x"}, []string{"at []int32"})
	dy, y, dx, x := base("dy"), base("y"), base("dx"), base("x")
	v.each("dy", func(i reg.GPVirtual) {
		up, out, from, to := v.load(at(dy, i)), v.load(at(y, i)), shifted(x, i), shifted(dx, i)
		if v.wide() {
			free := K() // the lanes whose gradient is still to be given
			KXNORW(free, free, free)
			v.taps(func(offset reg.GPVirtual) {
				a, sum, k, nan := v.load(at(from, offset)), v.load(at(to, offset)), K(), K()
				VCMPPS(Imm(equal), out, a, k)
				VCMPPS(Imm(unordered), a, a, nan)
				KORW(nan, k, k)
				KANDW(free, k, k)
				KANDNW(free, k, free)
				VADDPS(up, sum, k, sum)
				VMOVUPS(sum, at(to, offset))
			})
			return
		}
		free := YMM()
		VPCMPEQD(free, free, free)
		v.taps(func(offset reg.GPVirtual) {
			a, k, nan := v.load(at(from, offset)), YMM(), YMM()
			VCMPPS(Imm(equal), out, a, k)
			VCMPPS(Imm(unordered), a, a, nan)
			VORPS(nan, k, k)
			VANDPS(free, k, k)
			VANDNPS(free, k, free)
			VANDPS(up, k, k)
			VADDPS(at(to, offset), k, k)
			VMOVUPS(k, at(to, offset))
		})
	})
	v.end()
}
