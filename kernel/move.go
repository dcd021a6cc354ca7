package kernel

import "fmt"

// Move copies elements: output element i is element Index[i] of the inputs laid end
// to end, 0 where that is -1, or, where Index is nil, element i. It is what Transpose, Slice,
// Gather, Pad and their like are once shapes are known.
type Move struct {
	In    []int // elements of each input
	Out   int
	Index []int32
}

// Sizes returns the elements of the inputs and of y.
func (s Move) Sizes() (in []int, out int) { return append([]int{}, s.In...), s.Out }

// Differentiable is true for every input.
func (s Move) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s Move) Reads(int) Reads { return Reads{} }

// Check reports indices that do not fit.
func (s Move) Check() error {
	total := 0
	for _, n := range s.In {
		total += n
	}
	if s.Index == nil && (len(s.In) != 1 || total != s.Out) || s.Index != nil && len(s.Index) != s.Out {
		return fmt.Errorf("%d elements become %d", total, s.Out)
	}
	for _, i := range s.Index {
		if i < -1 || int(i) >= total {
			return fmt.Errorf("element %d of %d", i, total)
		}
	}
	return nil
}

type move[T Float] struct {
	Move
	workers workers
}

func (m *move[T]) Forward(y []T, in ...[]T) {
	if m.Index == nil {
		copy(y, in[0])
		return
	}
	if len(in) == 1 {
		m.workers.elements(m.Out, func(lo, hi int) {
			for i, from := range m.Index[lo:hi] {
				v := T(0)
				if from >= 0 {
					v = in[0][from]
				}
				y[lo+i] = v
			}
		})
		return
	}
	for i, from := range m.Index {
		k := 0
		for int(from) >= len(in[k]) {
			from -= int32(len(in[k]))
			k++
		}
		y[i] = 0
		if from >= 0 {
			y[i] = in[k][from]
		}
	}
}

func (m *move[T]) Backward(input int, dx, dy, _ []T, _ ...[]T) {
	if m.Index == nil {
		copy(dx, dy)
		return
	}
	clear(dx)
	first := 0
	for _, n := range m.In[:input] {
		first += n
	}
	for i, from := range m.Index {
		if at := int(from) - first; from >= 0 && at >= 0 && at < len(dx) {
			dx[at] += dy[i]
		}
	}
}

// Layout turns x (N, C, Positions) into y (N, Positions, C); with the two sizes
// exchanged it turns it back.
type Layout struct{ N, C, Positions int }

// Sizes returns the elements of x and y.
func (s Layout) Sizes() (in []int, out int) {
	n := s.N * s.C * s.Positions
	return []int{n}, n
}

// Differentiable is true.
func (s Layout) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s Layout) Reads(int) Reads { return Reads{} }

// Check reports sizes that make no sense.
func (s Layout) Check() error {
	if s.N < 1 || s.C < 1 || s.Positions < 1 {
		return fmt.Errorf("a layout of %d by %d by %d", s.N, s.C, s.Positions)
	}
	return nil
}

type layout[T Float] struct {
	Layout
	workers workers
}

func (l *layout[T]) Forward(y []T, in ...[]T) { l.turn(y, in[0], l.C, l.Positions) }

func (l *layout[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) { l.turn(dx, dy, l.Positions, l.C) }

// turn writes each (rows, columns) of x as (columns, rows), in blocks that stay in
// the cache.
func (l *layout[T]) turn(y, x []T, rows, columns int) {
	const block = 16
	if rows == 1 || columns == 1 {
		copy(y, x)
		return
	}
	size := rows * columns
	l.workers.run(l.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			from, to := x[n*size:][:size], y[n*size:][:size]
			for r0 := 0; r0 < rows; r0 += block {
				r1 := min(rows, r0+block)
				for c := range columns {
					for r := r0; r < r1; r++ {
						to[c*rows+r] = from[r*columns+c]
					}
				}
			}
		}
	})
}

// Mean is ONNX's ReduceMean once shapes are known: output element Index[i] takes the
// mean of the input elements i that name it, of which each has Count.
type Mean struct {
	Index      []int32 // by input element
	Out, Count int
}

// Sizes returns the elements of x and y.
func (s Mean) Sizes() (in []int, out int) { return []int{len(s.Index)}, s.Out }

// Differentiable is true.
func (s Mean) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s Mean) Reads(int) Reads { return Reads{} }

// Check reports indices that do not fit.
func (s Mean) Check() error {
	if s.Out*s.Count != len(s.Index) {
		return fmt.Errorf("means of %d of %d elements, %d of them", s.Count, len(s.Index), s.Out)
	}
	return checkIndex(s.Index, s.Out)
}

type mean[T Float] struct {
	Mean
	sum []float64
}

func (m *mean[T]) Forward(y []T, in ...[]T) {
	m.sum = grow(m.sum, m.Out)
	clear(m.sum)
	for i, v := range in[0] {
		m.sum[m.Index[i]] += float64(v)
	}
	for o, v := range m.sum {
		y[o] = T(v / float64(m.Count))
	}
}

func (m *mean[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) {
	for i, o := range m.Index {
		dx[i] = dy[o] / T(m.Count)
	}
}

func checkIndex(index []int32, size int) error {
	for _, i := range index {
		if i < 0 || int(i) >= size {
			return fmt.Errorf("element %d of %d", i, size)
		}
	}
	return nil
}
