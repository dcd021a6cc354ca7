package kernel

import (
	"fmt"
	"math"

	"alexctl/kernel/vector"
)

// BatchNorm is ONNX's BatchNormalization: inputs x of Rows positions with C channels
// each, scale, bias, mean and variance (C); output
//
//	y = (x - mean) / sqrt(variance + Epsilon) * scale + bias
//
// clamped. With Training, mean and variance are the batch's own (the population variance), and the
// inputs of that name, the running statistics, become running*Momentum + batch*(1-Momentum), or stay
// with a Momentum of 1. Equals torch.nn.BatchNorm1d to 3d, whose momentum is 1 less this one: like
// there, and unlike ONNX's definition, the running variance takes the sample variance of the batch.
type BatchNorm struct {
	Rows, C           int
	Epsilon, Momentum float64
	Training          bool
	Clamp             Clamp
}

// Sizes returns the elements of the inputs and of y.
func (s BatchNorm) Sizes() (in []int, out int) {
	return []int{s.Rows * s.C, s.C, s.C, s.C, s.C}, s.Rows * s.C
}

// Differentiable is true for x, scale and bias.
func (s BatchNorm) Differentiable(i int) bool { return i < 3 }

// Clamping returns the clamp of the output.
func (s BatchNorm) Clamping() Clamp { return s.Clamp }

// Reads returns x, and the scale for the gradient of x.
func (s BatchNorm) Reads(i int) Reads {
	if i == 0 {
		return inputs(0, 1)
	}
	return inputs(0)
}

// Check reports sizes that make no sense.
func (s BatchNorm) Check() error {
	if s.Rows < 1 || s.C < 1 || !(s.Epsilon >= 0) {
		return fmt.Errorf("batch normalization of %d channels at %d positions, epsilon %g", s.C, s.Rows, s.Epsilon)
	}
	return nil
}

// batchNorm keeps the statistics that its last Forward used, and what its gradients share.
type batchNorm[T Float] struct {
	BatchNorm
	workers       workers
	mean, inverse []float64      // inverse is 1/sqrt(variance + epsilon)
	sums          [][2][]float64 // by worker: two sums a channel
	up, product   []float64      // sums of dy, and of dy (x - mean)
	summed        bool           // whether those are of this dy
	row           [5][]T         // by channel, in T: what the loops multiply and add
}

func newBatchNorm[T Float](s BatchNorm, k workers) *batchNorm[T] {
	b := &batchNorm[T]{BatchNorm: s, workers: k, mean: make([]float64, s.C), inverse: make([]float64, s.C), sums: make([][2][]float64, k.Size()),
		up: make([]float64, s.C), product: make([]float64, s.C)}
	for i := range b.sums {
		b.sums[i] = [2][]float64{make([]float64, s.C), make([]float64, s.C)}
	}
	for i := range b.row {
		b.row[i] = make([]T, s.C)
	}
	return b
}

// total has f add two sums by channel of each row, in float64 and in an order that depends only
// on the number of workers, and leaves them in the first worker's.
func (b *batchNorm[T]) total(f func(row int, first, second []float64)) (first, second []float64) {
	for _, s := range b.sums {
		clear(s[0])
		clear(s[1])
	}
	b.workers.run(b.Rows, func(worker, lo, hi int) {
		s := b.sums[worker]
		for r := lo; r < hi; r++ {
			f(r*b.C, s[0], s[1])
		}
	})
	for _, s := range b.sums[1:] {
		for i := range b.sums[0] {
			vector.Sum(b.sums[0][i], b.sums[0][i], s[i])
		}
	}
	return b.sums[0][0], b.sums[0][1]
}

func (b *batchNorm[T]) Forward(y []T, in ...[]T) {
	x, running, spread := in[0], in[3], in[4]
	b.summed = false
	if b.Training {
		b.measure(x)
		n := float64(b.Rows)
		for c := range b.C {
			if b.Momentum == 1 {
				break // they stay
			}
			running[c] = T(float64(running[c])*b.Momentum + b.mean[c]*(1-b.Momentum))
			spread[c] = T(float64(spread[c])*b.Momentum + b.product[c]/max(n-1, 1)*(1-b.Momentum))
		}
	} else {
		for c := range b.C {
			b.mean[c] = float64(running[c])
			b.inverse[c] = 1 / math.Sqrt(float64(spread[c])+b.Epsilon)
		}
	}
	mean, scale := b.row[0], b.row[1]
	for c := range b.C {
		mean[c], scale[c] = T(b.mean[c]), T(b.inverse[c]*float64(in[1][c]))
	}
	b.workers.run(b.Rows, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			row := y[r*b.C:][:b.C]
			vector.Standardize(row, x[r*b.C:], mean, scale, in[2])
			clampRows(b.Clamp, row)
		}
	})
}

// measure finds mean and variance in one pass: the sums of what is left of the first row, and of
// its squares. What is left is about as large as the deviation, so nothing cancels. It leaves
// Rows times the variance in product.
func (b *batchNorm[T]) measure(x []T) {
	first, n := b.up, float64(b.Rows)
	for c := range first {
		first[c] = float64(x[c])
	}
	sums, squares := b.total(func(at int, sum, square []float64) { vector.Moments(x[at:][:b.C], first, sum, square) })
	for c := range b.C {
		b.product[c] = max(squares[c]-sums[c]*sums[c]/n, 0)
		b.mean[c] = first[c] + sums[c]/n
		if squares[c] != squares[c] { //nolint:gocritic // NaN: max leaves it, but not of every processor
			b.product[c] = squares[c]
		}
		b.inverse[c] = 1 / math.Sqrt(b.product[c]/n+b.Epsilon)
	}
}

func (b *batchNorm[T]) Backward(i int, dx, dy, _ []T, in ...[]T) {
	x := in[0]
	if !b.summed {
		up, product := b.total(func(at int, sum, product []float64) {
			vector.Comoments(dy[at:][:b.C], x[at:], b.mean, sum, product)
		})
		copy(b.up, up)
		copy(b.product, product)
		b.summed = true
	}
	switch i {
	case 1:
		for c, v := range b.product {
			dx[c] = T(v * b.inverse[c])
		}
		return
	case 2:
		for c, v := range b.up {
			dx[c] = T(v)
		}
		return
	}
	mean, scale, offset, slope := b.row[0], b.row[2], b.row[3], b.row[4]
	clear(offset)
	clear(slope)
	n := float64(b.Rows)
	for c := range b.C {
		mean[c], scale[c] = T(b.mean[c]), T(b.inverse[c]*float64(in[1][c]))
		if b.Training {
			offset[c], slope[c] = T(b.up[c]/n), T(b.product[c]/n*b.inverse[c]*b.inverse[c])
		}
	}
	b.workers.run(b.Rows, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			vector.StandardizeGradient(dx[r*b.C:][:b.C], dy[r*b.C:], x[r*b.C:], mean, scale, offset, slope)
		}
	})
}
