package kernel

import (
	"fmt"
	"math"
)

// BatchNorm is ONNX's BatchNormalization: inputs x of Rows positions with C channels
// each, scale, bias, mean and variance (C); output
//
//	y = (x - mean) / sqrt(variance + Epsilon) * scale + bias
//
// With Training, mean and variance are the batch's own (the population variance),
// and the inputs of that name, the running statistics, become
// running*Momentum + batch*(1-Momentum). Equals torch.nn.BatchNorm1d to 3d, whose
// momentum is 1 less this one and whose running variance is the sample's.
type BatchNorm struct {
	Rows, C           int
	Epsilon, Momentum float64
	Training          bool
}

// Sizes returns the elements of the inputs and of y.
func (s BatchNorm) Sizes() (in []int, out int) {
	return []int{s.Rows * s.C, s.C, s.C, s.C, s.C}, s.Rows * s.C
}

// Differentiable is true for x, scale and bias.
func (s BatchNorm) Differentiable(i int) bool { return i < 3 }

// Check reports sizes that make no sense.
func (s BatchNorm) Check() error {
	if s.Rows < 1 || s.C < 1 || !(s.Epsilon >= 0) {
		return fmt.Errorf("batch normalization of %d channels at %d positions, epsilon %g", s.C, s.Rows, s.Epsilon)
	}
	return nil
}

// batchNorm keeps the statistics that its last Forward used.
type batchNorm[T Float] struct {
	BatchNorm
	workers       workers
	mean, inverse []float64   // inverse is 1/sqrt(variance + epsilon)
	sums          [][]float64 // by worker: two sums a channel
}

func newBatchNorm[T Float](s BatchNorm, k workers) *batchNorm[T] {
	b := &batchNorm[T]{BatchNorm: s, workers: k, mean: make([]float64, s.C), inverse: make([]float64, s.C), sums: make([][]float64, k.Size())}
	for i := range b.sums {
		b.sums[i] = make([]float64, 2*s.C)
	}
	return b
}

// sum adds, over all positions, f's two terms by channel, in float64 and in an order
// that depends only on the number of workers.
func (b *batchNorm[T]) sum(f func(i, c int) (float64, float64)) (first, second []float64) {
	for _, s := range b.sums {
		clear(s)
	}
	b.workers.run(b.Rows, func(worker, lo, hi int) {
		s := b.sums[worker]
		for r := lo; r < hi; r++ {
			for c := range b.C {
				p, q := f(r*b.C+c, c)
				s[c] += p
				s[b.C+c] += q
			}
		}
	})
	total := b.sums[0]
	for _, s := range b.sums[1:] {
		for i, v := range s {
			total[i] += v
		}
	}
	return total[:b.C], total[b.C:]
}

func (b *batchNorm[T]) Forward(y []T, in ...[]T) {
	x, running, spread := in[0], in[3], in[4]
	if b.Training {
		n := float64(b.Rows)
		sum, _ := b.sum(func(i, _ int) (float64, float64) { return float64(x[i]), 0 })
		for c, v := range sum {
			b.mean[c] = v / n
		}
		squares, _ := b.sum(func(i, c int) (float64, float64) {
			d := float64(x[i]) - b.mean[c]
			return d * d, 0
		})
		for c, v := range squares {
			b.inverse[c] = 1 / math.Sqrt(v/n+b.Epsilon)
			running[c] = T(float64(running[c])*b.Momentum + b.mean[c]*(1-b.Momentum))
			spread[c] = T(float64(spread[c])*b.Momentum + v/n*(1-b.Momentum))
		}
	} else {
		for c := range b.C {
			b.mean[c] = float64(running[c])
			b.inverse[c] = 1 / math.Sqrt(float64(spread[c])+b.Epsilon)
		}
	}
	b.workers.run(b.Rows, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			for c := range b.C {
				i := r*b.C + c
				y[i] = T((float64(x[i])-b.mean[c])*b.inverse[c])*in[1][c] + in[2][c]
			}
		}
	})
}

func (b *batchNorm[T]) Backward(i int, dx, dy, _ []T, in ...[]T) {
	x := in[0]
	normal := func(i, c int) float64 { return (float64(x[i]) - b.mean[c]) * b.inverse[c] }
	up, product := b.sum(func(i, c int) (float64, float64) {
		return float64(dy[i]), float64(dy[i]) * normal(i, c)
	})
	switch i {
	case 1:
		for c, v := range product {
			dx[c] = T(v)
		}
		return
	case 2:
		for c, v := range up {
			dx[c] = T(v)
		}
		return
	}
	n := float64(b.Rows)
	b.workers.run(b.Rows, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			for c := range b.C {
				i := r*b.C + c
				g := float64(dy[i])
				if b.Training {
					g -= (up[c] + normal(i, c)*product[c]) / n
				}
				dx[i] = T(g * b.inverse[c] * float64(in[1][c]))
			}
		}
	})
}
