package kernel

import (
	"fmt"
	"slices"

	"alexctl/kernel/vector"
)

// MaxPool is ONNX's MaxPool on x (N, D, H, W, C): the largest element under the
// window, the first among equals; NaN counts as largest. Equals torch.nn.MaxPool1d
// to MaxPool3d.
type MaxPool struct {
	N, C   int
	Window Window
}

// Sizes returns the elements of x and y.
func (s MaxPool) Sizes() (in []int, out int) {
	return []int{s.N * s.Window.in() * s.C}, s.N * s.Window.out() * s.C
}

// Differentiable is true.
func (s MaxPool) Differentiable(int) bool { return true }

// Reads returns x and y: which input won is found again.
func (s MaxPool) Reads(int) Reads { r := inputs(0); r.Output = true; return r }

// Check reports sizes that make no sense.
func (s MaxPool) Check() error { return checkPool(s.N, s.C, s.Window) }

func checkPool(n, c int, w Window) error {
	if n < 1 || c < 1 {
		return fmt.Errorf("a pool of %d channels, batch %d", c, n)
	}
	return w.check()
}

type maxPool[T Float] struct {
	MaxPool
	workers workers
	each    []poolWorker
	listed  [][]int32 // by output position: where the channels under its window begin
}

// poolWorker is what one part of the work uses.
type poolWorker struct {
	at    []int32 // where the channels under a window begin
	taken []bool  // by channel: whether an output has its input
}

func newMaxPool[T Float](s MaxPool, k workers) *maxPool[T] {
	p := &maxPool[T]{MaxPool: s, workers: k, each: make([]poolWorker, k.Size())}
	for i := range p.each {
		p.each[i].taken = make([]bool, s.C)
	}
	const few = 1 << 20 // taps of all windows that are listed once and for all
	if s.Window.taps()*s.Window.out() <= few {
		listed := make([][]int32, s.Window.out())
		for o := range listed {
			listed[o] = slices.Clone(p.under(o, 0))
		}
		p.listed = listed
	}
	return p
}

// under returns where the channels under the window at output position o begin.
func (p *maxPool[T]) under(o, worker int) []int32 {
	if p.listed != nil {
		return p.listed[o]
	}
	at := p.each[worker].at[:0]
	p.Window.each(o, func(_, position int) { at = append(at, int32(position*p.C)) })
	p.each[worker].at = at
	return at
}

func (p *maxPool[T]) Forward(y []T, in ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N*out, func(worker, lo, hi int) {
		for o := lo; o < hi; o++ {
			vector.MaxPool(y[o*p.C:][:p.C], in[0][o/out*size:][:size], p.under(o%out, worker))
		}
	})
}

// Backward gives each element of dy to the first input under its window that equals
// the output.
func (p *maxPool[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N, func(worker, lo, hi int) {
		clear(dx[lo*size : hi*size])
		for o := lo * out; o < hi*out; o++ {
			at, image := o*p.C, o/out*size
			vector.MaxPoolGradient(dx[image:][:size], in[0][image:][:size], y[at:][:p.C], dy[at:][:p.C], p.under(o%out, worker), p.each[worker].taken)
		}
	})
}

// AveragePool is ONNX's AveragePool on x (N, D, H, W, C): the mean under the window,
// over the elements inside the input or, with IncludePad, inside the padded input.
// Equals torch.nn.AvgPool1d to AvgPool3d.
type AveragePool struct {
	N, C       int
	Window     Window
	IncludePad bool
}

// Sizes returns the elements of x and y.
func (s AveragePool) Sizes() (in []int, out int) {
	return []int{s.N * s.Window.in() * s.C}, s.N * s.Window.out() * s.C
}

// Differentiable is true.
func (s AveragePool) Differentiable(int) bool { return true }

// Reads returns nothing.
func (s AveragePool) Reads(int) Reads { return Reads{} }

// Check reports sizes that make no sense.
func (s AveragePool) Check() error { return checkPool(s.N, s.C, s.Window) }

type averagePool[T Float] struct {
	AveragePool
	workers workers
	count   []T         // elements under the window, by output position
	sums    [][]float64 // by worker: a window may be the whole image
}

func newAveragePool[T Float](s AveragePool, k workers) *averagePool[T] {
	p := &averagePool[T]{AveragePool: s, workers: k, count: make([]T, s.Window.out()), sums: make([][]float64, k.Size())}
	for i := range p.sums {
		p.sums[i] = make([]float64, s.C)
	}
	for o := range p.count {
		if s.IncludePad {
			w := &s.Window
			p.count[o] = T(w[0].padded(o/(w[1].Out*w[2].Out)) * w[1].padded(o/w[2].Out%w[1].Out) * w[2].padded(o%w[2].Out))
			continue
		}
		s.Window.each(o, func(int, int) { p.count[o]++ })
	}
	return p
}

// padded returns how many taps at output o are inside the padded input; a window
// moved by ceil_mode may reach beyond it.
func (a Axis) padded(o int) int {
	n := 0
	for k := range a.Kernel {
		if o*a.Stride+k*a.Dilation < a.In+a.Begin+a.End {
			n++
		}
	}
	return n
}

func (p *averagePool[T]) Forward(y []T, in ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N*out, func(worker, lo, hi int) {
		sum := p.sums[worker]
		for o := lo; o < hi; o++ {
			row := y[o*p.C:][:p.C]
			clear(sum)
			image := in[0][o/out*size:]
			p.Window.each(o%out, func(_, at int) { vector.WidenAdd(sum, image[at*p.C:][:p.C]) })
			n := float64(p.count[o%out])
			for c, v := range sum {
				row[c] = T(v / n)
			}
		}
	})
}

func (p *averagePool[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N, func(_, lo, hi int) {
		share := make([]T, p.C)
		clear(dx[lo*size : hi*size])
		for o := lo * out; o < hi*out; o++ {
			vector.Affine(share, dy[o*p.C:], 1/p.count[o%out], 0)
			image := dx[o/out*size:]
			p.Window.each(o%out, func(_, at int) { vector.Add(image[at*p.C:][:p.C], share) })
		}
	})
}
