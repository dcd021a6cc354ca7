package kernel

import (
	"fmt"

	"alexctl/kernel/vector"
)

// ClampGradient is the gradient of a clamp: of dy and y, N elements each, what of dy passes where
// y is between Lo and Hi, and 0 where it is at one of them. Equals the gradient of torch.nn.ReLU,
// ReLU6 and Hardtanh.
type ClampGradient struct {
	N     int
	Clamp Clamp
}

// Sizes returns the elements of dy, y and the result.
func (s ClampGradient) Sizes() (in []int, out int) { return []int{s.N, s.N}, s.N }

// Differentiable is false: it is a gradient.
func (s ClampGradient) Differentiable(int) bool { return false }

// Reads returns nothing.
func (s ClampGradient) Reads(int) Reads { return Reads{} }

// Check reports a size that makes no sense.
func (s ClampGradient) Check() error {
	if s.N < 1 || !s.Clamp.On() {
		return fmt.Errorf("the gradient of a clamp of %d elements to %g and %g", s.N, s.Clamp.Lo, s.Clamp.Hi)
	}
	return nil
}

type clampGradient[T Float] struct {
	ClampGradient
	workers workers
}

func (c *clampGradient[T]) Forward(to []T, in ...[]T) {
	c.workers.elements(c.N, func(lo, hi int) {
		dy, y := in[0][lo:hi], in[1][lo:hi]
		if c.Clamp == Rectifier {
			vector.Mask(to[lo:hi], dy, y)
			return
		}
		vector.Between(to[lo:hi], dy, y, T(c.Clamp.Lo), T(c.Clamp.Hi))
	})
}

func (c *clampGradient[T]) Backward(int, []T, []T, []T, ...[]T) {}

// Sum adds inputs of N elements each: the gradients of a value that several operators read.
type Sum struct{ N, Inputs int }

// Sizes returns the elements of the inputs and the sum.
func (s Sum) Sizes() (in []int, out int) {
	for range s.Inputs {
		in = append(in, s.N)
	}
	return in, s.N
}

// Differentiable is false: Elementwise is the sum that is differentiated.
func (s Sum) Differentiable(int) bool { return false }

// Reads returns nothing.
func (s Sum) Reads(int) Reads { return Reads{} }

// Check reports sizes that make no sense.
func (s Sum) Check() error {
	if s.N < 1 || s.Inputs < 2 {
		return fmt.Errorf("a sum of %d inputs of %d elements", s.Inputs, s.N)
	}
	return nil
}

type sumOf[T Float] struct {
	Sum
	workers workers
}

func (s *sumOf[T]) Forward(y []T, in ...[]T) {
	s.workers.elements(s.N, func(lo, hi int) {
		vector.Sum(y[lo:hi], in[0][lo:hi], in[1][lo:hi])
		for _, x := range in[2:] {
			vector.Add(y[lo:hi], x[lo:hi])
		}
	})
}

func (s *sumOf[T]) Backward(int, []T, []T, []T, ...[]T) {}
