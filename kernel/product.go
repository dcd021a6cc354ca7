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

// products names what multiplies matrices of float32.
func products() string {
	if name := gemm.Name(); name != "" {
		return name
	}
	return "gonum"
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
		gonum.Implementation{}.Sgemm(x.transposed(), y.transposed(), m, n, k, 1, x.data, x.stride, y.data, y.stride, float32(beta), c, stride)
	case []float64:
		x, _ := any(a).(matrix[float64])
		y, _ := any(b).(matrix[float64])
		gonum.Implementation{}.Dgemm(x.transposed(), y.transposed(), m, n, k, 1, x.data, x.stride, y.data, y.stride, float64(beta), c, stride)
	}
}
