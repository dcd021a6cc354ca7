package kernel

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// matrix is a row-major matrix with rows stride elements apart, or its transpose.
type matrix[T Float] struct {
	data   []T
	stride int
	trans  bool
}

// scratch is what one goroutine's products need besides their operands.
type scratch[T Float] struct{}

// product computes c = a*b + beta*c, where a is (m, k) and b is (k, n) after their
// transpositions, on the calling goroutine.
func (s *scratch[T]) product(m, n, k int, a, b matrix[T], beta T, c []T, stride int) {
	if m == 0 || n == 0 {
		return
	}
	transpose := func(x matrix[T]) blas.Transpose {
		if x.trans {
			return blas.Trans
		}
		return blas.NoTrans
	}
	switch c := any(c).(type) {
	case []float32:
		a, b := any(a).(matrix[float32]), any(b).(matrix[float32])
		gonum.Implementation{}.Sgemm(transpose32(a), transpose32(b), m, n, k, 1, a.data, a.stride, b.data, b.stride, float32(beta), c, stride)
	case []float64:
		x, y := any(a).(matrix[float64]), any(b).(matrix[float64])
		gonum.Implementation{}.Dgemm(transpose(a), transpose(b), m, n, k, 1, x.data, x.stride, y.data, y.stride, float64(beta), c, stride)
	}
}

func transpose32(x matrix[float32]) blas.Transpose {
	if x.trans {
		return blas.Trans
	}
	return blas.NoTrans
}
