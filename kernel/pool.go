package kernel

import (
	"fmt"
	"math"
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

// Check reports sizes that make no sense.
func (s MaxPool) Check() error { return checkPool(s.N, s.C, s.Window) }

func checkPool(n, c int, w Window) error {
	if n < 1 || c < 1 {
		return fmt.Errorf("a pool of %d channels, batch %d", c, n)
	}
	return w.check()
}

// isNaN reports whether v is not a number: the only value that differs from itself.
func isNaN[T Float](v T) bool { return v != v } //nolint:gocritic // that is the test

type maxPool[T Float] struct {
	MaxPool
	workers workers
	taken   [][]bool // by worker and channel: whether an output has its input
}

func newMaxPool[T Float](s MaxPool, k workers) *maxPool[T] {
	p := &maxPool[T]{MaxPool: s, workers: k, taken: make([][]bool, k)}
	for i := range p.taken {
		p.taken[i] = make([]bool, s.C)
	}
	return p
}

func (p *maxPool[T]) Forward(y []T, in ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N*out, func(_, lo, hi int) {
		for o := lo; o < hi; o++ {
			row := y[o*p.C:][:p.C]
			for c := range row {
				row[c] = T(math.Inf(-1))
			}
			image := in[0][o/out*size:]
			p.Window.each(o%out, func(_, at int) {
				for c, v := range image[at*p.C:][:p.C] {
					if v > row[c] || isNaN(v) {
						row[c] = v
					}
				}
			})
		}
	})
}

// Backward gives each element of dy to the first input under its window that equals
// the output.
func (p *maxPool[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N, func(worker, lo, hi int) {
		taken := p.taken[worker]
		clear(dx[lo*size : hi*size])
		for o := lo * out; o < hi*out; o++ {
			row, up := y[o*p.C:][:p.C], dy[o*p.C:][:p.C]
			base := o / out * size
			clear(taken)
			p.Window.each(o%out, func(_, at int) {
				from := base + at*p.C
				to := dx[from:][:p.C]
				for c, v := range in[0][from:][:p.C] {
					if !taken[c] && (v == row[c] || isNaN(v)) {
						taken[c] = true
						to[c] += up[c]
					}
				}
			})
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

// Check reports sizes that make no sense.
func (s AveragePool) Check() error { return checkPool(s.N, s.C, s.Window) }

type averagePool[T Float] struct {
	AveragePool
	workers workers
	count   []T         // elements under the window, by output position
	sums    [][]float64 // by worker: a window may be the whole image
}

func newAveragePool[T Float](s AveragePool, k workers) *averagePool[T] {
	p := &averagePool[T]{AveragePool: s, workers: k, count: make([]T, s.Window.out()), sums: make([][]float64, k)}
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
			p.Window.each(o%out, func(_, at int) {
				for c, v := range image[at*p.C:][:p.C] {
					sum[c] += float64(v)
				}
			})
			for c, v := range sum {
				row[c] = T(v / float64(p.count[o%out]))
			}
		}
	})
}

func (p *averagePool[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) {
	size, out := p.Window.in()*p.C, p.Window.out()
	p.workers.run(p.N, func(_, lo, hi int) {
		clear(dx[lo*size : hi*size])
		for o := lo * out; o < hi*out; o++ {
			up := dy[o*p.C:][:p.C]
			base, n := o/out*size, p.count[o%out]
			p.Window.each(o%out, func(_, at int) {
				for c, v := range dx[base+at*p.C:][:p.C] {
					dx[base+at*p.C+c] = v + up[c]/n
				}
			})
		}
	})
}
