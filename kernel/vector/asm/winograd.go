package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// matrix is one of ../winograd.go, as it is there: the test of the same bits compares them.
type matrix [][]float32

// transforms are the matrices by the operands that they transform, for kernels of 3 and of 5.
var transforms = []struct {
	name string
	matrix
}{
	{"input3", matrix{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}},
	{"output3", matrix{{1, 1, 1, 0}, {0, 1, -1, 1}}},
	{"filter3", matrix{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}},
	{"input5", matrix{
		{1, 1.5, -2, -1.5, 1, 0},
		{0, -1, -2.5, -0.5, 1, 0},
		{0, 1, 0.5, -2.5, 1, 0},
		{0, -0.5, -1, 0.5, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 1, 1.5, -2, -1.5, 1},
	}},
	{"output5", matrix{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -0.5, 1}}},
	{"filter5", matrix{
		{1, 0, 0, 0, 0},
		{-1. / 3, -1. / 3, -1. / 3, -1. / 3, -1. / 3},
		{1. / 3, -1. / 3, 1. / 3, -1. / 3, 1. / 3},
		{1. / 15, 2. / 15, 4. / 15, 8. / 15, 16. / 15},
		{-16. / 15, 8. / 15, -4. / 15, 2. / 15, -1. / 15},
		{0, 0, 0, 0, 1},
	}},
}

// transposed returns the matrix of the adjoint transform.
func (m matrix) transposed() matrix {
	t := make(matrix, len(m[0]))
	for i := range t {
		for _, row := range m {
			t[i] = append(t[i], row[i])
		}
	}
	return t
}

// constants are coefficients, but for signs, in registers.
type constants map[float32]reg.VecVirtual

// constants loads those of a matrix that are not 0 or 1.
func (v isa) constants(m matrix) constants {
	list := constants{}
	for _, row := range m {
		for _, c := range row {
			c = max(c, -c)
			if _, known := list[c]; !known && c != 0 && c != 1 {
				list[c] = v.constant(math.Float32bits(c))
			}
		}
	}
	return list
}

// combine returns the sum of the elements times coefficients: first those above 0, then
// those below.
func (v isa) combine(row []float32, element func(k int) Op, by constants) reg.VecVirtual {
	sum, started := v.vector(), false
	for _, k := range order(row) {
		term, c := element(k), row[k]
		if c != 1 && c != -1 {
			product := v.vector()
			VMULPS(term, by[max(c, -c)], product)
			term = product
		}
		switch {
		case !started && c > 0:
			VMOVUPS(term, sum)
		case !started:
			sum = v.zero()
			VSUBPS(term, sum, sum)
		case c > 0:
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

func (v isa) transform(name string, m matrix) {
	v.function(name, "sets n tiles of dst, whose elements begin at to, to the transforms of those of src, which begin at from. n is not 0.",
		[]string{"dst", "src"}, []string{"to, from []int", "n int"})
	dst, src, to, from := base("dst"), base("src"), base("to"), base("from")
	n, i := GP64(), GP64()
	Load(Param("n"), n)
	XORQ(i, i)
	by := v.constants(m)
	size := len(m[0])
	Label("loop")
	for r := len(m) - 1; r >= 0; r-- {
		columns := make([]reg.VecVirtual, size)
		for c := range columns {
			columns[c] = v.combine(m[r], func(k int) Op {
				offset := GP64()
				MOVQ(Mem{Base: from}.Offset(8*(k*size+c)), offset)
				return at(src, offset)
			}, by)
		}
		for c := len(m) - 1; c >= 0; c-- {
			offset := GP64()
			MOVQ(Mem{Base: to}.Offset(8*(r*len(m)+c)), offset)
			VMOVUPS(v.combine(m[c], func(k int) Op { return columns[k] }, by), at(dst, offset))
		}
	}
	ADDQ(U8(4*v.lanes), dst)
	ADDQ(U8(4*v.lanes), src)
	ADDQ(Imm(uint64(v.lanes)), i)
	CMPQ(i, n)
	JLT(LabelRef("loop"))
	v.end()
}
