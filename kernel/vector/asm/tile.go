package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// matrix is one of ../tile.go, as it is there.
type matrix [][]float32

var (
	input         = matrix{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}
	output        = matrix{{1, 1, 1, 0}, {0, 1, -1, 1}}
	outputAdjoint = matrix{{1, 0}, {1, 1}, {1, -1}, {0, 1}}
	filter        = matrix{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	filterAdjoint = matrix{{1, 0.5, 0.5, 0}, {0, 0.5, -0.5, 0}, {0, 0.5, 0.5, 1}}
)

const halfBits = 0x3f000000

// combine returns the sum of the elements times coefficients, those above 0 first: every row
// has one.
func (v isa) combine(row []float32, element func(k int) Op, half reg.VecVirtual) reg.VecVirtual {
	sum := v.vector()
	started := false
	for _, k := range order(row) {
		term := element(k)
		if c := row[k]; c == 0.5 || c == -0.5 {
			product := v.vector()
			VMULPS(term, half, product)
			term = product
		}
		switch {
		case !started:
			VMOVUPS(term, sum)
		case row[k] > 0:
			VADDPS(term, sum, sum)
		default:
			VSUBPS(term, sum, sum)
		}
		started = true
	}
	return sum
}

// order lists the coefficients that are not 0: those above it, then those below.
func order(row []float32) []int {
	var above, below []int
	for k, c := range row {
		switch {
		case c > 0:
			above = append(above, k)
		case c < 0:
			below = append(below, k)
		}
	}
	return append(above, below...)
}

func (v isa) tile(name string, m matrix) {
	v.function(name, "sets the tiles of dst, whose elements begin at to, to the transforms of those of src, which begin at from.",
		[]string{"dst", "src"}, []string{"to, from []int", "n int"})
	dst, src, to, from := base("dst"), base("src"), base("to"), base("from")
	n, i := GP64(), GP64()
	Load(Param("n"), n)
	XORQ(i, i)
	var half reg.VecVirtual
	for _, row := range m {
		for _, c := range row {
			if c == 0.5 && half == nil {
				half = v.constant(halfBits)
			}
		}
	}
	size := len(m[0])
	Label("loop")
	for r := len(m) - 1; r >= 0; r-- {
		columns := make([]reg.VecVirtual, size)
		for c := range columns {
			columns[c] = v.combine(m[r], func(k int) Op {
				offset := GP64()
				MOVQ(Mem{Base: from}.Offset(8*(k*size+c)), offset)
				return at(src, offset)
			}, half)
		}
		for c := len(m) - 1; c >= 0; c-- {
			offset := GP64()
			MOVQ(Mem{Base: to}.Offset(8*(r*len(m)+c)), offset)
			VMOVUPS(v.combine(m[c], func(k int) Op { return columns[k] }, half), at(dst, offset))
		}
	}
	ADDQ(U8(4*v.lanes), dst)
	ADDQ(U8(4*v.lanes), src)
	ADDQ(Imm(uint64(v.lanes)), i)
	CMPQ(i, n)
	JLT(LabelRef("loop"))
	v.end()
}
