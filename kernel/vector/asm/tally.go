package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns is vector.Columns: how many float64 a row of an operand has.
const columns = 32

// constant64 returns a float64 in every lane.
func (v isa) constant64(bits uint64) reg.VecVirtual {
	g, x, z := GP64(), XMM(), v.vector()
	MOVQ(U64(bits), g)
	MOVQ(g, x)
	VBROADCASTSD(x, z)
	return z
}

// rows runs body for each number of w, broadcast, and the row of x that it multiplies.
func (v isa) rows(label string, body func(w reg.VecVirtual, row Mem, i reg.GPVirtual)) {
	n, i, w, row := GP64(), GP64(), base("w"), base("x")
	Load(Param("w").Len(), n)
	XORQ(i, i)
	JMP(LabelRef(label + "Test"))
	Label(label)
	z := v.vector()
	VBROADCASTSD(Mem{Base: w, Index: i, Scale: 8}, z)
	body(z, Mem{Base: row}, i.(reg.GPVirtual))
	ADDQ(U32(8*columns), row)
	INCQ(i)
	Label(label + "Test")
	CMPQ(i, n)
	JLT(LabelRef(label))
}

// dots has the columns in registers, those of AVX2 half of them at a time.
func (v isa) dots() {
	TEXT("dots"+v.suffix, NOSPLIT, "func(sum, w, x []float64)")
	Pragma("noescape")
	Doc("dots" + v.suffix + " adds the products of w with the columns of x to sum.")
	sum := base("sum")
	group := v.lanes / 2 * 4 // columns in registers
	for first := 0; first < columns; first += group {
		var s [4]reg.VecVirtual
		for j := range s {
			s[j] = v.vector()
			VMOVUPD(Mem{Base: sum, Disp: 8*first + 4*v.lanes*j}, s[j])
		}
		v.rows(fmt.Sprintf("dots%d", first), func(w reg.VecVirtual, row Mem, _ reg.GPVirtual) {
			for j := range s {
				VFMADD231PD(row.Offset(8*first+4*v.lanes*j), w, s[j])
			}
		})
		for j := range s {
			VMOVUPD(s[j], Mem{Base: sum, Disp: 8*first + 4*v.lanes*j})
		}
	}
	v.end()
}

// tallies is dots with the squares of the products and, after every 16 of them and at the
// end, the largest absolute partial sum.
func (v isa) tallies() {
	TEXT("tallies"+v.suffix, NOSPLIT, "func(sum, square, peak, w, x []float64)")
	Pragma("noescape")
	Doc("tallies" + v.suffix + " is dots, with sums of squared products and the peaks of the sums.")
	names := []string{"sum", "square", "peak"}
	var bases [3]reg.GPVirtual
	for k, name := range names {
		bases[k] = base(name)
	}
	absolute := v.constant64(1<<63 - 1)
	vectors := 4
	if !v.wide() {
		vectors = 2 // of AVX2's 16 registers
	}
	group := v.lanes / 2 * vectors
	for first := 0; first < columns; first += group {
		held := make([][3]reg.VecVirtual, vectors)
		for j := range held {
			for k := range held[j] {
				held[j][k] = v.vector()
				VMOVUPD(Mem{Base: bases[k], Disp: 8*first + 4*v.lanes*j}, held[j][k])
			}
		}
		peaks := func() {
			for j := range held {
				t := v.vector()
				if v.wide() {
					VPANDQ(held[j][0], absolute, t) // VANDPD needs more than AVX-512F
				} else {
					VANDPD(held[j][0], absolute, t)
				}
				VMAXPD(t, held[j][2], held[j][2])
			}
		}
		label := fmt.Sprintf("tallies%d", first)
		v.rows(label, func(w reg.VecVirtual, row Mem, i reg.GPVirtual) {
			for j := range held {
				t := v.vector()
				VMULPD(row.Offset(8*first+4*v.lanes*j), w, t)
				VADDPD(t, held[j][0], held[j][0])
				VFMADD231PD(t, t, held[j][1])
			}
			rest := GP64()
			MOVQ(i, rest)
			ANDQ(Imm(15), rest)
			CMPQ(rest, Imm(15))
			JNE(LabelRef(label + "Next"))
			peaks()
			Label(label + "Next")
		})
		peaks()
		for j := range held {
			for k := range held[j] {
				VMOVUPD(held[j][k], Mem{Base: bases[k], Disp: 8*first + 4*v.lanes*j})
			}
		}
	}
	v.end()
}
