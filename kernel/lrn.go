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

// windowSums sets each element of sum to the sum of x from so many elements before its
// place to so many after. Each window is summed anew: a running sum would carry what a
// large neighbour left in its last digits.
func windowSums[T Float](sum, x []T, before, after int) {
	clear(sum)
	for shift := -before; shift <= after; shift++ {
		lo, hi := max(0, -shift), len(x)-max(0, shift)
		if lo >= hi {
			continue
		}
		to := sum[lo:hi]
		for i, v := range x[lo+shift : hi+shift] {
			to[i] += v
		}
	}
}

// scale computes s for the channels x of one position.
func (l *lrn[T]) scale(s, square, x []T) {
	for c, v := range x {
		square[c] = v * v
	}
	windowSums(s, square, (l.Size-1)/2, l.Size/2)
	alpha, bias := T(l.Alpha/float64(l.Size)), T(l.Bias)
	for c, v := range s {
		s[c] = bias + alpha*v
	}
}

// powers sets p to s^-Beta.
func (l *lrn[T]) powers(p, s []T) {
	switch l.Beta {
	case 0.75: // everyone's: two square roots are quicker than a power
		for c, v := range s {
			root := T(math.Sqrt(float64(v)))
			p[c] = 1 / (root * T(math.Sqrt(float64(root))))
		}
	case 0.5:
		for c, v := range s {
			p[c] = 1 / T(math.Sqrt(float64(v)))
		}
	case 1:
		for c, v := range s {
			p[c] = 1 / v
		}
	default:
		for c, v := range s {
			p[c] = T(math.Pow(float64(v), -l.Beta))
		}
	}
}

func (l *lrn[T]) Forward(y []T, in ...[]T) {
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		s, square := l.rows[worker][:l.C], l.rows[worker][l.C:2*l.C]
		for r := lo; r < hi; r++ {
			x, out := in[0][r*l.C:][:l.C], y[r*l.C:][:l.C]
			l.scale(s, square, x)
			l.powers(square, s)
			for c, v := range x {
				out[c] = v * square[c]
			}
		}
	})
}

// Backward: dx[i] = dy[i] s[i]^-Beta - 2 Beta Alpha/Size x[i] sum dy[c] y[c] / s[c],
// over the c whose window holds i.
func (l *lrn[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	factor := T(2 * l.Beta * l.Alpha / float64(l.Size))
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		s, power, term := l.rows[worker][:l.C], l.rows[worker][l.C:2*l.C], l.rows[worker][2*l.C:]
		for r := lo; r < hi; r++ {
			x, out, up, to := in[0][r*l.C:][:l.C], y[r*l.C:][:l.C], dy[r*l.C:][:l.C], dx[r*l.C:][:l.C]
			l.scale(s, power, x)
			l.powers(power, s)
			for c, v := range out {
				term[c] = up[c] * v / s[c]
			}
			windowSums(s, term, l.Size/2, (l.Size-1)/2)
			for i, v := range x {
				to[i] = up[i]*power[i] - factor*v*s[i]
			}
		}
	})
}
