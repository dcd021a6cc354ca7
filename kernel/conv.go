package kernel

import (
	"fmt"
	"math"

	"alexctl/kernel/gemm"
	"alexctl/kernel/vector"
)

// Conv is ONNX's Conv: inputs x (N, D, H, W, C), w (M, C/Group, kernel) and, with
// Bias, b (M); output y (N, D', H', W', M), clamped. Equals torch.nn.Conv1d to Conv3d,
// and ReLU or ReLU6 after it.
type Conv struct {
	N, C, M, Group int
	Window         Window
	Bias           bool
	Clamp          Clamp
	Fixed          bool // the weights are the same in every Forward: what is made of them is kept
}

// Sizes returns the elements of x, w, b and y.
func (s Conv) Sizes() (in []int, out int) {
	in = []int{s.N * s.Window.in() * s.C, s.M * s.k()}
	if s.Bias {
		in = append(in, s.M)
	}
	return in, s.N * s.Window.out() * s.M
}

// Differentiable is true for every input.
func (s Conv) Differentiable(int) bool { return true }

// Clamping returns the clamp of the sums.
func (s Conv) Clamping() Clamp { return s.Clamp }

// Reads returns the weights for the gradient of x, and x for that of the weights.
func (s Conv) Reads(i int) Reads {
	switch i {
	case 0:
		return inputs(1)
	case 1:
		return inputs(0)
	}
	return Reads{}
}

// Check reports sizes that make no sense.
func (s Conv) Check() error {
	if s.N < 1 || s.C < 1 || s.M < 1 || s.Group < 1 || s.C%s.Group != 0 || s.M%s.Group != 0 {
		return fmt.Errorf("a convolution of %d to %d channels in %d groups, batch %d", s.C, s.M, s.Group, s.N)
	}
	return s.Window.check()
}

// k is the number of products in one element of the output.
func (s Conv) k() int { return s.C / s.Group * s.Window.taps() }

// convolver computes a convolution in one of several ways. up is the gradient of the sums.
type convolver[T Float] interface {
	Output(y []T, in ...[]T)
	InputGradient(dx, up, w []T)
	WeightGradient(dw, up, x []T)
}

type conv[T Float] struct {
	convolver[T]
	workers workers
}

// newConv plans a convolution: each channel by itself where they are; where there are enough
// images and channels and vectors of float32 for it, by way of tiles or directly; otherwise by way
// of patches.
func newConv[T Float](s Conv, k workers, room *shared[T]) *conv[T] {
	c := &conv[T]{workers: k}
	single, ok := any(c).(*conv[float32])
	single32, _ := any(room).(*shared[float32])
	switch {
	case s.Depthwise():
		c.convolver = newDepthwiseConv[T](s, k)
	case ok && s.Rows():
		single.convolver = newRowsConv(s, k, single32)
	case ok && s.winograd():
		single.convolver = newWinogradConv(s, k, room.packed)
	case ok && s.direct():
		single.convolver = newDirectConv(s, k, room.packed)
	default:
		c.convolver = newPatchConv(s, k, room)
	}
	return c
}

// finish adds the bias, if there is one, to rows of sums, and clamps them.
func finish[T Float](c *Conv, y []T, in [][]T) {
	if !c.Bias {
		clampRows(c.Clamp, y)
		return
	}
	add := vector.Add[T]
	if c.Clamp == Rectifier {
		add = vector.AddRectify[T]
	}
	for b := in[2]; len(y) > 0; y = y[len(b):] {
		row := y[:len(b)]
		add(row, b)
		if c.Clamp != Rectifier {
			clampRows(c.Clamp, row)
		}
	}
}

func (c *conv[T]) Forward(y []T, in ...[]T) {
	c.Output(y, in...)
}

func (c *conv[T]) Backward(i int, dx, up, _ []T, in ...[]T) {
	switch i {
	case 0:
		c.InputGradient(dx, up, in[1])
	case 1:
		c.WeightGradient(dx, up, in[0])
	case 2:
		ColumnSums(c.workers, dx, up)
	}
}

// WinogradBatch is how many images a batch needs for convolutions to be computed by
// Winograd's filtering.
const WinogradBatch = 16

// WinogradArithmetic returns how Plain computes convolutions, and so does every
// set that leaves 3x3 and 5x5 to it. The spread follows from the transforms, rounded up to a
// whole number.
func WinogradArithmetic() Arithmetic {
	var a Arithmetic
	for _, kernel := range []int{3, 5} {
		a.Spread[kernel] = math.Ceil(vector.Spread(kernel))
	}
	return a
}

// batched reports whether there are vectors, and enough images and channels to be their
// rows and columns at one position.
func (s Conv) batched() bool {
	const few = WinogradBatch
	return gemm.Name() != "" && s.N >= few && s.C/s.Group >= few && s.M/s.Group >= few
}

// direct reports whether the convolution may be computed without patches of the input.
func (s Conv) direct() bool {
	const manyLinks = 1 << 20 // pairs of positions that are listed
	return s.batched() && s.Window.taps()*s.Window.out() <= manyLinks
}

// Saves reports whether Plain computes the convolution in float32 with clearly fewer
// products than its definition has: by way of Winograd's tiles, or because many would be
// with pads.
func (s Conv) Saves() bool {
	const few = 0.75 // of the products; measured on maps of 4x4
	return s.winograd() || s.direct() && s.Window.reach() < few || s.Fixed && s.Rows() && s.tiled()
}

// winograd reports whether Plain computes the convolution in float32 by way of Winograd's
// tiles: with kernels of 3x3 or 5x5 at every position, where that needs fewer products.
func (s Conv) winograd() bool {
	return s.batched() && s.filterable() && worthwhile(&s.Window)
}

// filterable reports whether Winograd's tiles are for such a window: a kernel of 3x3 or 5x5 at
// every position.
func (s Conv) filterable() bool {
	rows, columns := s.Window[1], s.Window[2]
	for _, a := range []Axis{rows, columns} {
		if a.Stride != 1 || a.Dilation != 1 || a.Kernel != rows.Kernel {
			return false
		}
	}
	return s.Window[0] == one && (rows.Kernel == 3 || rows.Kernel == 5)
}
