package kernel

import "fmt"

// Concat lays rows of several inputs one after the other: input i has Outer rows of Parts[i]
// elements, the output Outer rows of all. It is ONNX's Concat.
type Concat struct {
	Outer int
	Parts []int
}

// width is how many elements a row of the output has.
func (s Concat) width() int { return sum(s.Parts) }

// Sizes returns the elements of the inputs and of y.
func (s Concat) Sizes() (in []int, out int) {
	for _, n := range s.Parts {
		in = append(in, s.Outer*n)
	}
	return in, s.Outer * s.width()
}

// Differentiable is true for every input.
func (s Concat) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s Concat) Reads(int) Reads { return Reads{} }

// Check reports sizes that make no sense.
func (s Concat) Check() error {
	if s.Outer < 1 || len(s.Parts) == 0 {
		return fmt.Errorf("a concatenation of %d rows of %v", s.Outer, s.Parts)
	}
	return nil
}

type concat[T Float] struct {
	Concat
	workers workers
}

func (c *concat[T]) Forward(y []T, in ...[]T) {
	at := 0
	for i, n := range c.Parts {
		copyRows(c.workers, c.Outer, n, y[at:], c.width(), in[i], n)
		at += n
	}
}

func (c *concat[T]) Backward(i int, dx, dy, _ []T, _ ...[]T) {
	copyRows(c.workers, c.Outer, c.Parts[i], dx, c.Parts[i], dy[sum(c.Parts[:i]):], c.width())
}

// copyRows copies so many rows of n elements; strides is how far they are apart in each.
func copyRows[T Float](k workers, rows, n int, to []T, toStride int, from []T, fromStride int) {
	part := func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			copy(to[r*toStride:][:n], from[r*fromStride:][:n])
		}
	}
	if rows*n < small {
		part(0, 0, rows)
		return
	}
	k.run(rows, part)
}

// Cut takes a part of each row of x: Outer rows of Width elements, of which From to From+Part are
// the output. It is ONNX's Slice of neighbours along one axis, and an output of Split.
type Cut struct{ Outer, Width, From, Part int }

// Sizes returns the elements of x and y.
func (s Cut) Sizes() (in []int, out int) { return []int{s.Outer * s.Width}, s.Outer * s.Part }

// Differentiable is true.
func (s Cut) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s Cut) Reads(int) Reads { return Reads{} }

// Check reports a part that is not inside.
func (s Cut) Check() error {
	if s.Outer < 1 || s.From < 0 || s.Part < 1 || s.From+s.Part > s.Width {
		return fmt.Errorf("elements %d to %d of %d, in %d rows", s.From, s.From+s.Part, s.Width, s.Outer)
	}
	return nil
}

type cut[T Float] struct {
	Cut
	workers workers
}

func (c *cut[T]) Forward(y []T, in ...[]T) {
	copyRows(c.workers, c.Outer, c.Part, y, c.Part, in[0][c.From:], c.Width)
}

func (c *cut[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) {
	c.workers.run(c.Outer, func(_, lo, hi int) { clear(dx[lo*c.Width : hi*c.Width]) })
	copyRows(c.workers, c.Outer, c.Part, dx[c.From:], c.Width, dy, c.Part)
}
