package kernel

import (
	"fmt"
	"math"

	"alexctl/kernel/vector"
)

// LayerNorm is ONNX's LayerNormalization of Rows of C numbers each, with scale and, with Bias, bias
// (C):
//
//	y = (x - mean) / sqrt(variance + Epsilon) * scale + bias
//
// with the row's own mean and variance. Equals torch.nn.LayerNorm.
type LayerNorm struct {
	Rows, C int
	Epsilon float64
	Bias    bool
}

// Sizes returns the elements of x, scale, bias and y.
func (s LayerNorm) Sizes() (in []int, out int) {
	in = []int{s.Rows * s.C, s.C}
	if s.Bias {
		in = append(in, s.C)
	}
	return in, s.Rows * s.C
}

// Differentiable is true for every input.
func (s LayerNorm) Differentiable(int) bool { return true }

// Reads returns x, and the scale for the gradient of x.
func (s LayerNorm) Reads(i int) Reads {
	switch i {
	case 0:
		return inputs(0, 1)
	case 1:
		return inputs(0)
	}
	return Reads{}
}

// Check reports sizes that make no sense.
func (s LayerNorm) Check() error {
	if s.Rows < 1 || s.C < 1 || !(s.Epsilon >= 0) {
		return fmt.Errorf("layer normalization of %d rows of %d, epsilon %g", s.Rows, s.C, s.Epsilon)
	}
	return nil
}

type layerNorm[T Float] struct {
	LayerNorm
	workers workers
	each    []layerNormWorker[T]
}

type layerNormWorker[T Float] struct {
	row, scaled []T
	sums        []float64
}

func newLayerNorm[T Float](s LayerNorm, k workers) *layerNorm[T] {
	l := &layerNorm[T]{LayerNorm: s, workers: k, each: make([]layerNormWorker[T], k.Size())}
	for i := range l.each {
		l.each[i] = layerNormWorker[T]{make([]T, s.C), make([]T, s.C), make([]float64, s.C)}
	}
	return l
}

// statistics returns the mean of a row and 1/sqrt(variance + epsilon), taken in float64.
func (l *layerNorm[T]) statistics(x []T) (mean, inverse float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(l.C)
	variance := 0.0
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(variance/float64(l.C)+l.Epsilon)
}

// normal makes its first argument the normalized row.
func (l *layerNorm[T]) normal(to, x []T) (inverse float64) {
	mean, inverse := l.statistics(x)
	for i, v := range x {
		to[i] = T((float64(v) - mean) * inverse)
	}
	return inverse
}

func (l *layerNorm[T]) Forward(y []T, in ...[]T) {
	l.workers.run(l.Rows, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			row := y[r*l.C:][:l.C]
			l.normal(row, in[0][r*l.C:][:l.C])
			vector.Times(row, row, in[1])
			if l.Bias {
				vector.Add(row, in[2])
			}
		}
	})
}

func (l *layerNorm[T]) Backward(i int, dx, dy, _ []T, in ...[]T) {
	if i > 0 {
		l.sums(i, dx, dy, in[0])
		return
	}
	n := float64(l.C)
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		w := &l.each[worker]
		for r := lo; r < hi; r++ {
			inverse := l.normal(w.row, in[0][r*l.C:][:l.C])
			vector.Times(w.scaled, dy[r*l.C:], in[1])
			sum, product := 0.0, 0.0
			for c, v := range w.scaled {
				sum += float64(v)
				product += float64(v) * float64(w.row[c])
			}
			to := dx[r*l.C:][:l.C]
			for c, v := range w.scaled {
				to[c] = T((float64(v) - (sum+float64(w.row[c])*product)/n) * inverse)
			}
		}
	})
}

// sums computes the gradient of the scale, 1, or the bias, 2.
func (l *layerNorm[T]) sums(i int, dx, dy, x []T) {
	for k := range l.each {
		clear(l.each[k].sums)
	}
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		w := &l.each[worker]
		for r := lo; r < hi; r++ {
			up := dy[r*l.C:][:l.C]
			if i == 1 {
				l.normal(w.row, x[r*l.C:][:l.C])
				vector.Times(w.row, w.row, up)
				up = w.row
			}
			vector.WidenAdd(w.sums, up)
		}
	})
	for c := range dx {
		sum := 0.0
		for k := range l.each {
			sum += l.each[k].sums[c]
		}
		dx[c] = T(sum)
	}
}
