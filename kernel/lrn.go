package kernel

import (
	"fmt"
	"math"
)

// LRN is ONNX's LRN on x of Rows positions with C channels each:
//
//	s[c] = Bias + Alpha/Size * sum x[i]^2,  y[c] = x[c] / s[c]^Beta
//
// with i from c - floor((Size-1)/2) to c + ceil((Size-1)/2). For an odd size equals
// torch.nn.LocalResponseNorm with k = Bias.
type LRN struct {
	Rows, C           int
	Size              int
	Alpha, Beta, Bias float64
}

// Sizes returns the elements of x and y.
func (s LRN) Sizes() (in []int, out int) { return []int{s.Rows * s.C}, s.Rows * s.C }

// Differentiable is true.
func (s LRN) Differentiable(int) bool { return true }

// Check reports sizes that make no sense.
func (s LRN) Check() error {
	if s.Rows < 1 || s.C < 1 || s.Size < 1 {
		return fmt.Errorf("LRN over %d of %d channels at %d positions", s.Size, s.C, s.Rows)
	}
	return nil
}

type lrn[T Float] struct {
	LRN
	workers workers
	rows    [][]T // by worker: s of one position, then the terms of its gradient
}

func newLRN[T Float](s LRN, k workers) *lrn[T] {
	l := &lrn[T]{LRN: s, workers: k, rows: make([][]T, k)}
	for i := range l.rows {
		l.rows[i] = make([]T, 3*s.C)
	}
	return l
}

// scale computes s for the channels x of one position. Each window is summed anew: a
// running sum would carry what a large neighbour left in its last digits.
func (l *lrn[T]) scale(s, square, x []T) {
	for c, v := range x {
		square[c] = v * v
	}
	alpha, bias := T(l.Alpha/float64(l.Size)), T(l.Bias)
	before, after := (l.Size-1)/2, l.Size/2
	for c := range x {
		sum := T(0)
		for _, v := range square[max(0, c-before):min(len(x), c+after+1)] {
			sum += v
		}
		s[c] = bias + alpha*sum
	}
}

// power returns s^-beta.
func (l *lrn[T]) power(s T) T {
	switch l.Beta {
	case 0.75: // everyone's: two square roots are quicker than a power
		root := math.Sqrt(float64(s))
		return T(1 / (root * math.Sqrt(root)))
	case 0.5:
		return T(1 / math.Sqrt(float64(s)))
	case 1:
		return 1 / s
	}
	return T(math.Pow(float64(s), -l.Beta))
}

func (l *lrn[T]) Forward(y []T, in ...[]T) {
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		s, square := l.rows[worker][:l.C], l.rows[worker][l.C:2*l.C]
		for r := lo; r < hi; r++ {
			x, out := in[0][r*l.C:][:l.C], y[r*l.C:][:l.C]
			l.scale(s, square, x)
			for c, v := range x {
				out[c] = v * l.power(s[c])
			}
		}
	})
}

// Backward: dx[i] = dy[i] s[i]^-Beta - 2 Beta Alpha/Size x[i] sum dy[c] y[c] / s[c],
// over the c whose window holds i.
func (l *lrn[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	factor := T(2 * l.Beta * l.Alpha / float64(l.Size))
	before, after := (l.Size-1)/2, l.Size/2
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		s, square, term := l.rows[worker][:l.C], l.rows[worker][l.C:2*l.C], l.rows[worker][2*l.C:]
		for r := lo; r < hi; r++ {
			x, out, up, to := in[0][r*l.C:][:l.C], y[r*l.C:][:l.C], dy[r*l.C:][:l.C], dx[r*l.C:][:l.C]
			l.scale(s, square, x)
			for c := range x {
				term[c] = up[c] * out[c] / s[c]
			}
			for i, v := range x {
				sum := T(0)
				for _, t := range term[max(0, i-after):min(l.C, i+before+1)] {
					sum += t
				}
				to[i] = up[i]*l.power(s[i]) - factor*v*sum
			}
		}
	})
}
