// Package kernel computes the operators of a convolutional network and their
// gradients, in channels-last order: an activation is (N, D, H, W, C), with D and H
// of size 1 where the operator has fewer spatial axes. Weights are in ONNX's order.
//
// An operator with all its sizes is a Spec; a Set turns it into a Plan, which
// computes it. The plain Set of this package is Go and works everywhere; faster ones
// stand beside it.
package kernel

import (
	"errors"
	"fmt"
	"math"

	"alexctl/kernel/vector"
)

// Float is the element type of a kernel: float32 to train and to run, float64 to
// check the same code against finite differences.
type Float interface{ float32 | float64 }

// Set makes plans. They share room to work in: one of them computes at a time.
type Set[T Float] interface {
	// Name identifies the set in reports: "plain-avx2".
	Name() string
	// Plan prepares an operator for its sizes, or says why it cannot.
	Plan(Spec) (Plan[T], error)
	// Pool is what its plans compute on. What happens between them does best there too.
	Pool() Pool
	// Arithmetic says how a batch of so many images is computed, as far as that is less exact
	// than operations in T.
	Arithmetic(batch int) Arithmetic
}

// Arithmetic is how kernels compute.
type Arithmetic struct {
	// Operand is the unit roundoff to which the operands of convolutions and matrix products
	// are cut; 0 where they are not.
	Operand float64
	// Spread is, by the side of a square kernel, how much convolutions that are computed in a
	// transformed domain multiply their errors; 0 for direct ones.
	Spread [8]float64
}

// Pool computes the parts of a loop at once.
type Pool interface {
	// Size is into how many parts a loop is split at most.
	Size() int
	// Run splits 0 to n into contiguous parts, calls f for all of them at once and
	// returns when they are done. worker is the number of the part, below Size. The
	// parts depend only on n and Size, so that sums are taken in the same order every
	// time.
	Run(n int, f func(worker, lo, hi int))
	// Do runs f on the goroutine where calls to Run and to plans cost least.
	Do(f func())
}

// Plan computes one operator. It may keep buffers between calls, so that a steady
// step allocates nothing; it is used by one goroutine at a time, as are all plans of its set.
type Plan[T Float] interface {
	// Forward computes the output y from the inputs. It overwrites y whatever is in
	// it and changes no input, except that a BatchNorm in training updates its
	// running statistics.
	Forward(y []T, in ...[]T)
	// Backward computes the gradient of input i, dx, from that of the output, dy, or, where
	// Clamped has a clamp, from that of the sums before it. y and in are what the last Forward
	// saw and made, as far as Reads says that they are read. It overwrites dx. All Backwards
	// between two Forwards are given the same dy, y and in.
	Backward(i int, dx, dy, y []T, in ...[]T)
}

// Streamer is a Plan that can give out the gradient of a large input in parts, while they
// are in cache, instead of storing it.
type Streamer[T Float] interface {
	Plan[T]
	// Streams reports whether it can do so for input i.
	Streams(i int) bool
	// Stream is Backward for input i, except that it calls f for parts of the gradient
	// which together are all of it: lo is where a part begins in it. Different workers
	// call at once; a part is valid during the call.
	Stream(i int, dy, y []T, in [][]T, f func(worker, lo int, part []T))
}

// Spec is an operator with all its sizes.
type Spec interface {
	// Sizes returns how many elements each input and the output have.
	Sizes() (in []int, out int)
	// Differentiable reports whether there is a gradient of input i.
	Differentiable(i int) bool
	// Reads says what Backward reads for input i besides the gradient of the output.
	Reads(i int) Reads
	// Check reports sizes that make no sense.
	Check() error
}

// Reads is what a gradient is made from: what is not named need not be kept for it.
type Reads struct {
	Output bool
	Inputs []bool // the others are not read
}

// inputs returns the Reads of some inputs.
func inputs(list ...int) Reads {
	r := Reads{Inputs: make([]bool, 5)}
	for _, i := range list {
		r.Inputs[i] = true
	}
	return r
}

// Clamp is what a layer does to its sums: at least Lo and at most Hi. The zero value leaves them
// as they are.
type Clamp struct{ Lo, Hi float64 }

// Rectifier is torch.nn.ReLU.
var Rectifier = Clamp{0, math.Inf(1)}

// On reports whether anything is done.
func (c Clamp) On() bool { return c != Clamp{} }

// Clamped is a Spec whose output may be clamped. Its gradients begin before the clamp: with a
// gradient of the output that has gone through a ClampGradient.
type Clamped interface{ Clamping() Clamp }

// clampRows clamps what a layer has computed.
func clampRows[T Float](c Clamp, y []T) {
	switch c {
	case Clamp{}:
	case Rectifier:
		vector.Rectify(y)
	default:
		vector.Clamp(y, y, T(c.Lo), T(c.Hi))
	}
}

// maxElements bounds every operand and buffer: 8 GiB in float32.
const maxElements = 1 << 31

// Check reports sizes that make no sense, operands that are empty or too large.
func Check(s Spec) error {
	if err := s.Check(); err != nil {
		return err
	}
	in, out := s.Sizes()
	for _, n := range append(in, out) {
		if n < 1 || n > maxElements {
			return fmt.Errorf("an operand of %d elements, want 1 to %d", n, maxElements)
		}
	}
	return nil
}

// Axis is a window that slides along one spatial axis.
type Axis struct {
	In, Out                  int // sizes of the input and the output
	Kernel, Stride, Dilation int
	Begin, End               int // pads
}

// one is the axis that operators with fewer than three spatial axes begin with.
var one = Axis{In: 1, Out: 1, Kernel: 1, Stride: 1, Dilation: 1}

// Window is a window over three spatial axes: depth, height, width.
type Window [3]Axis

// NewWindow returns the window of one to three axes.
func NewWindow(axes ...Axis) (Window, error) {
	w := Window{one, one, one}
	if len(axes) < 1 || len(axes) > 3 {
		return w, fmt.Errorf("%d spatial axes, want 1 to 3", len(axes))
	}
	copy(w[3-len(axes):], axes)
	return w, w.check()
}

func (w Window) check() error {
	for _, a := range w {
		if a.In < 1 || a.Out < 1 || a.Kernel < 1 || a.Stride < 1 || a.Dilation < 1 || a.Begin < 0 || a.End < 0 {
			return fmt.Errorf("an axis of %+v: want positive sizes and no negative pads", a)
		}
	}
	if w.taps() > maxElements || w.in() > maxElements || w.out() > maxElements {
		return errors.New("a window that is too large")
	}
	return nil
}

func (w Window) in() int   { return w[0].In * w[1].In * w[2].In }
func (w Window) out() int  { return w[0].Out * w[1].Out * w[2].Out }
func (w Window) taps() int { return w[0].Kernel * w[1].Kernel * w[2].Kernel }

// from returns where the window at output o begins in the input.
func (a Axis) from(o int) int { return o*a.Stride - a.Begin }

// inside is how many taps, over all output positions, are inside the input.
func (a Axis) inside() int {
	n := 0
	for o := range a.Out {
		for k := range a.Kernel {
			if x := a.from(o) + k*a.Dilation; x >= 0 && x < a.In {
				n++
			}
		}
	}
	return n
}

// reach is which part of its taps, over all output positions, are inside the input.
func (w Window) reach() float64 {
	r := 1.0
	for _, a := range w {
		r *= float64(a.inside()) / float64(a.Out*a.Kernel)
	}
	return r
}

// each calls f for every tap of the window at output position p (row-major) that is
// inside the input, in row-major order, with its number in the kernel and the
// position in the input.
func (w *Window) each(p int, f func(tap, at int)) {
	d0 := w[0].from(p / (w[1].Out * w[2].Out))
	h0 := w[1].from(p / w[2].Out % w[1].Out)
	w0 := w[2].from(p % w[2].Out)
	for kd := range w[0].Kernel {
		d := d0 + kd*w[0].Dilation
		if d < 0 || d >= w[0].In {
			continue
		}
		for kh := range w[1].Kernel {
			h := h0 + kh*w[1].Dilation
			if h < 0 || h >= w[1].In {
				continue
			}
			tap, row := (kd*w[1].Kernel+kh)*w[2].Kernel, (d*w[1].In+h)*w[2].In
			for kw := range w[2].Kernel {
				if x := w0 + kw*w[2].Dilation; x >= 0 && x < w[2].In {
					f(tap+kw, row+x)
				}
			}
		}
	}
}
