package kernel

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"alexctl/kernel/gemm"
)

// matrix is a row-major matrix with rows stride elements apart, or its transpose.
type matrix[T Float] struct {
	data   []T
	stride int
	trans  bool
}

func (m matrix[T]) transposed() blas.Transpose {
	if m.trans {
		return blas.Trans
	}
	return blas.NoTrans
}

// scratch is what one goroutine's products need besides their operands.
type scratch[T Float] struct{ vector gemm.Scratch }

// multiplier names what multiplies matrices of float32.
func multiplier() string {
	if name := gemm.Name(); name != "" {
		return name
	}
	return "gonum"
}

// shortDot is the length from which Gonum may take dot products. Its result depends on
// whether the operands lie at a multiple of 16 bytes, and Go sees to that only for
// allocations of 32 bytes and more: shorter rows would not give the same bits twice.
const shortDot = 8

// products is product by its definition.
func products[T Float](m, n, k int, a, b matrix[T], beta T, c []T, stride int) {
	for i := range m {
		for j := range n {
			sum := T(0)
			for l := range k {
				sum += a.at(i, l) * b.at(l, j)
			}
			if beta != 0 { // otherwise c may hold anything
				sum += beta * c[i*stride+j]
			}
			c[i*stride+j] = sum
		}
	}
}

// from returns the matrix from a row and a column on.
func (m matrix[T]) from(row, column int) matrix[T] {
	if m.trans {
		row, column = column, row
	}
	return matrix[T]{m.data[row*m.stride+column:], m.stride, m.trans}
}

// at returns the element in row i and column j.
func (m matrix[T]) at(i, j int) T {
	if m.trans {
		i, j = j, i
	}
	return m.data[i*m.stride+j]
}

// product computes c = a*b + beta*c, where a is (m, k) and b is (k, n) after their
// transpositions, on the calling goroutine: float32 with our vector kernels where the
// processor has them, everything else with Gonum's BLAS.
func (s *scratch[T]) product(m, n, k int, a, b matrix[T], beta T, c []T, stride int) {
	if m == 0 || n == 0 {
		return
	}
	switch c := any(c).(type) {
	case []float32:
		x, _ := any(a).(matrix[float32])
		y, _ := any(b).(matrix[float32])
		if gemm.Name() != "" {
			gemm.Product(&s.vector, x.trans, y.trans, m, n, k, 1, x.data, x.stride, y.data, y.stride, float32(beta), c, stride)
			return
		}
		if b.trans && k < shortDot {
			products(m, n, k, x, y, float32(beta), c, stride)
			return
		}
		gonum.Implementation{}.Sgemm(x.transposed(), y.transposed(), m, n, k, 1, x.data, x.stride, y.data, y.stride, float32(beta), c, stride)
	case []float64:
		x, _ := any(a).(matrix[float64])
		y, _ := any(b).(matrix[float64])
		if b.trans && k < shortDot {
			products(m, n, k, x, y, float64(beta), c, stride)
			return
		}
		gonum.Implementation{}.Dgemm(x.transposed(), y.transposed(), m, n, k, 1, x.data, x.stride, y.data, y.stride, float64(beta), c, stride)
	}
}
