package kernel

import (
	"fmt"
	"math"

	"alexctl/kernel/vector"
)

// Softmax is ONNX's Softmax along the middle of three axes (Outer, C, Inner), or,
// with Log, LogSoftmax. Equals torch.nn.Softmax and LogSoftmax.
type Softmax struct {
	Outer, C, Inner int
	Log             bool
}

// Sizes returns the elements of x and y.
func (s Softmax) Sizes() (in []int, out int) {
	n := s.Outer * s.C * s.Inner
	return []int{n}, n
}

// Differentiable is true.
func (s Softmax) Differentiable(int) bool { return true }

// Reads returns y.
func (s Softmax) Reads(int) Reads { return Reads{Output: true} }

// Check reports sizes that make no sense.
func (s Softmax) Check() error {
	if s.Outer < 1 || s.C < 1 || s.Inner < 1 {
		return fmt.Errorf("softmax of %d by %d by %d", s.Outer, s.C, s.Inner)
	}
	return nil
}

type softmax[T Float] struct {
	Softmax
	workers workers
}

// lines calls f for each line along the axis, with the index of its first element.
func (s *softmax[T]) lines(f func(first int)) {
	s.workers.run(s.Outer*s.Inner, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i/s.Inner*s.C*s.Inner + i%s.Inner)
		}
	})
}

func (s *softmax[T]) Forward(y []T, in ...[]T) {
	x := in[0]
	if s.Inner == 1 && !s.Log {
		s.rows(y, x)
		return
	}
	s.lines(func(first int) {
		end := first + s.C*s.Inner
		largest := math.Inf(-1)
		for i := first; i < end; i += s.Inner {
			largest = math.Max(largest, float64(x[i]))
		}
		sum := 0.0
		for i := first; i < end; i += s.Inner {
			sum += math.Exp(float64(x[i]) - largest)
		}
		for i := first; i < end; i += s.Inner {
			if s.Log {
				y[i] = T(float64(x[i]) - largest - math.Log(sum))
			} else {
				y[i] = T(math.Exp(float64(x[i])-largest) / sum)
			}
		}
	})
}

// rows computes lines whose elements lie side by side.
func (s *softmax[T]) rows(y, x []T) {
	s.workers.run(s.Outer, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			from, to := x[r*s.C:][:s.C], y[r*s.C:][:s.C]
			largest := T(math.Inf(-1))
			for _, v := range from {
				if v > largest || v != v { //nolint:gocritic // NaN, which the whole row becomes
					largest = v
				}
			}
			vector.Affine(to, from, 1, -largest)
			vector.Exp(to, to)
			sum := 0.0
			for _, v := range to {
				sum += float64(v)
			}
			vector.Affine(to, to, T(1/sum), 0)
		}
	})
}

func (s *softmax[T]) Backward(_ int, dx, dy, y []T, _ ...[]T) {
	s.lines(func(first int) {
		end := first + s.C*s.Inner
		sum := 0.0
		for i := first; i < end; i += s.Inner {
			if s.Log {
				sum += float64(dy[i])
			} else {
				sum += float64(dy[i]) * float64(y[i])
			}
		}
		for i := first; i < end; i += s.Inner {
			if s.Log {
				dx[i] = T(float64(dy[i]) - math.Exp(float64(y[i]))*sum)
			} else {
				dx[i] = T(float64(y[i]) * (float64(dy[i]) - sum))
			}
		}
	})
}

// CrossEntropy is the loss of N rows of logits (N, C) against labels (N), the
// numbers of their classes: the mean of -log softmax(logits)[label], the target
// mixed with Smoothing/C of every class. Output: one number. Equals
// torch.nn.CrossEntropyLoss(label_smoothing=Smoothing).
type CrossEntropy struct {
	N, C      int
	Smoothing float64
}

// Sizes returns the elements of the logits, the labels and the loss.
func (s CrossEntropy) Sizes() (in []int, out int) { return []int{s.N * s.C, s.N}, 1 }

// Differentiable is true for the logits.
func (s CrossEntropy) Differentiable(i int) bool { return i == 0 }

// Reads returns the logits and the labels.
func (s CrossEntropy) Reads(int) Reads { return inputs(0, 1) }

// Check reports sizes that make no sense.
func (s CrossEntropy) Check() error {
	if s.N < 1 || s.C < 1 || !(s.Smoothing >= 0 && s.Smoothing < 1) {
		return fmt.Errorf("cross entropy of %d rows of %d, label smoothing %g", s.N, s.C, s.Smoothing)
	}
	return nil
}

type crossEntropy[T Float] struct {
	CrossEntropy
	workers workers
	losses  []float64 // by row
}

func newCrossEntropy[T Float](s CrossEntropy, k workers) *crossEntropy[T] {
	return &crossEntropy[T]{s, k, make([]float64, s.N)}
}

// LogSum returns the largest logit of a row, and log sum exp of the row less it.
func LogSum[T Float](row []T) (largest, log float64) {
	largest = math.Inf(-1)
	for _, v := range row {
		largest = math.Max(largest, float64(v))
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - largest)
	}
	return largest, math.Log(sum)
}

func (c *crossEntropy[T]) Forward(y []T, in ...[]T) {
	c.workers.run(c.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			row := in[0][n*c.C:][:c.C]
			largest, log := LogSum(row)
			mean := 0.0 // of -log softmax
			for _, v := range row {
				mean += (largest + log - float64(v)) / float64(c.C)
			}
			picked := largest + log - float64(row[int(in[1][n])])
			c.losses[n] = (1-c.Smoothing)*picked + c.Smoothing*mean
		}
	})
	sum := 0.0
	for _, v := range c.losses {
		sum += v
	}
	y[0] = T(sum / float64(c.N))
}

func (c *crossEntropy[T]) Backward(_ int, dx, dy, _ []T, in ...[]T) {
	scale := float64(dy[0]) / float64(c.N)
	c.workers.run(c.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			row, to := in[0][n*c.C:][:c.C], dx[n*c.C:][:c.C]
			largest, log := LogSum(row)
			label := int(in[1][n])
			for i, v := range row {
				target := c.Smoothing / float64(c.C)
				if i == label {
					target += 1 - c.Smoothing
				}
				to[i] = T(scale * (math.Exp(float64(v)-largest-log) - target))
			}
		}
	})
}
