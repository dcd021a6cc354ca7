package kernel

import "alexctl/kernel/vector"

// patchConv computes a convolution as matrix products: the patches of the input under some
// output positions, as rows of (tap, channel), times weights as rows of the same order.
// Positions are counted through all images.
type patchConv[T Float] struct {
	Conv
	workers workers
	chunk   int // output positions whose patches are made together
	*shared[T]
}

// shared is what convolutions make while they compute: the plans of a set share one, since they
// compute one after the other.
type shared[T Float] struct {
	*packed
	filters []T // the weights, (M, taps, C/Group)
	each    []convWorker[T]
}

func newShared[T Float](k workers) *shared[T] {
	return &shared[T]{packed: newPacked(k.Size()), each: make([]convWorker[T], k.Size())}
}

// convWorker is what one goroutine uses.
type convWorker[T Float] struct {
	scratch  scratch[T]
	patches  []T
	gradient []T // of the packed weights, over this worker's positions
}

// patchElements is about how many elements of patches are made at once: they should
// stay in the second-level cache until they are used.
const patchElements = 1 << 18

func newPatchConv[T Float](s Conv, k workers, shared *shared[T]) *patchConv[T] {
	return &patchConv[T]{Conv: s, workers: k, shared: shared, chunk: max(1, min(s.N*s.Window.out(), patchElements/s.k()))}
}

// pack writes the weights (M, C/Group, taps) as (M, taps, C/Group).
func (c *patchConv[T]) pack(w []T) {
	channels, taps := c.C/c.Group, c.Window.taps()
	c.filters = grow(c.filters, c.M*c.k())
	c.workers.elements(c.M*channels, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m, ch := i/channels, i%channels
			for t := range taps {
				c.filters[(m*taps+t)*channels+ch] = w[i*taps+t]
			}
		}
	})
}

// chunks calls f for the positions lo to hi, a chunk at a time.
func (c *patchConv[T]) chunks(lo, hi int, f func(lo, hi int)) {
	for ; lo < hi; lo += c.chunk {
		f(lo, min(hi, lo+c.chunk))
	}
}

// positions calls f for all positions, each worker's a chunk at a time.
func (c *patchConv[T]) positions(f func(w *convWorker[T], lo, hi int)) {
	c.workers.run(c.N*c.Window.out(), func(worker, lo, hi int) {
		c.chunks(lo, hi, func(lo, hi int) { f(&c.each[worker], lo, hi) })
	})
}

// Output computes y from x, w and b.
func (c *patchConv[T]) Output(y []T, in ...[]T) {
	c.pack(in[1])
	mg, k := c.M/c.Group, c.k()
	c.positions(func(w *convWorker[T], lo, hi int) {
		part := y[lo*c.M : hi*c.M]
		for g := range c.Group {
			patches := c.patches(w, in[0], lo, hi, g)
			weights := matrix[T]{c.filters[g*mg*k:], k, true}
			w.scratch.product(hi-lo, mg, k, matrix[T]{patches, k, false}, weights, 0, part[g*mg:], c.M)
		}
		finish(&c.Conv, part, in)
	})
}

// patches fills the rows of the patches under the positions lo to hi in one group.
func (c *patchConv[T]) patches(w *convWorker[T], x []T, lo, hi, group int) []T {
	out, k, channels := c.Window.out(), c.k(), c.C/c.Group
	w.patches = grow(w.patches, (hi-lo)*k)
	p := w.patches
	in := c.Window.in() * c.C
	if !c.whole() {
		clear(p)
	}
	for at := lo; at < hi; at++ {
		image := x[at/out*in+group*channels:]
		row := p[(at-lo)*k:][:k]
		c.spans(at%out, func(tap, at, taps int) {
			if channels == c.C && c.Window[2].Dilation == 1 {
				copy(row[tap*channels:], image[at*c.C:][:taps*channels])
				return
			}
			for t := range taps {
				copy(row[(tap+t)*channels:][:channels], image[(at+t*c.Window[2].Dilation)*c.C:])
			}
		})
	}
	return p
}

// whole reports whether no window reaches outside the input.
func (c *patchConv[T]) whole() bool {
	for _, a := range c.Window {
		if a.Begin > 0 || a.from(a.Out-1)+(a.Kernel-1)*a.Dilation >= a.In {
			return false
		}
	}
	return true
}

// spans calls f for each row of the window at output position p that is inside the
// input: its first tap, the input position under that, and how many taps follow.
func (c *patchConv[T]) spans(p int, f func(tap, at, taps int)) {
	w := &c.Window
	d0 := w[0].from(p / (w[1].Out * w[2].Out))
	h0 := w[1].from(p / w[2].Out % w[1].Out)
	w0 := w[2].from(p % w[2].Out)
	first, last := 0, w[2].Kernel
	for first < last && w0+first*w[2].Dilation < 0 {
		first++
	}
	for first < last && w0+(last-1)*w[2].Dilation >= w[2].In {
		last--
	}
	if first == last {
		return
	}
	for kd := range w[0].Kernel {
		d := d0 + kd*w[0].Dilation
		if d < 0 || d >= w[0].In {
			continue
		}
		for kh := range w[1].Kernel {
			if h := h0 + kh*w[1].Dilation; h >= 0 && h < w[1].In {
				f((kd*w[1].Kernel+kh)*w[2].Kernel+first, (d*w[1].In+h)*w[2].In+w0+first*w[2].Dilation, last-first)
			}
		}
	}
}

// InputGradient splits the work by images, because the patches of one overlap.
func (c *patchConv[T]) InputGradient(dx, up, w []T) {
	c.pack(w)
	out, in := c.Window.out(), c.Window.in()*c.C
	c.workers.run(c.N, func(worker, first, last int) {
		clear(dx[first*in : last*in])
		c.chunks(first*out, last*out, func(lo, hi int) { c.scatter(&c.each[worker], dx, up, lo, hi) })
	})
}

// scatter adds the gradients of the patches at the positions lo to hi to the input's.
func (c *patchConv[T]) scatter(w *convWorker[T], dx, up []T, lo, hi int) {
	out, mg, k, channels := c.Window.out(), c.M/c.Group, c.k(), c.C/c.Group
	in := c.Window.in() * c.C
	up = up[lo*c.M : hi*c.M]
	w.patches = grow(w.patches, c.chunk*k)
	patches := w.patches[:(hi-lo)*k]
	for g := range c.Group {
		w.scratch.product(hi-lo, k, mg, matrix[T]{up[g*mg:], c.M, false}, matrix[T]{c.filters[g*mg*k:], k, false}, 0, patches, k)
		for at := lo; at < hi; at++ {
			image := dx[at/out*in+g*channels:]
			row := patches[(at-lo)*k:][:k]
			c.spans(at%out, func(tap, at, taps int) {
				for t := range taps {
					vector.Add(image[(at+t*c.Window[2].Dilation)*c.C:][:channels], row[(tap+t)*channels:][:channels])
				}
			})
		}
	}
}

// WeightGradient adds up what the workers find for their positions.
func (c *patchConv[T]) WeightGradient(dw, up, x []T) {
	mg, k, channels, taps := c.M/c.Group, c.k(), c.C/c.Group, c.Window.taps()
	for i := range c.each {
		c.each[i].gradient = grow(c.each[i].gradient, c.M*k)
		clear(c.each[i].gradient)
	}
	c.positions(func(w *convWorker[T], lo, hi int) {
		part := up[lo*c.M : hi*c.M]
		for g := range c.Group {
			patches := c.patches(w, x, lo, hi, g)
			w.scratch.product(mg, k, hi-lo, matrix[T]{part[g*mg:], c.M, true}, matrix[T]{patches, k, false}, 1, w.gradient[g*mg*k:], k)
		}
	})
	c.workers.elements(c.M*channels, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m, ch := i/channels, i%channels
			for t := range taps {
				sum := T(0)
				for _, w := range c.each {
					sum += w.gradient[(m*taps+t)*channels+ch]
				}
				dw[i*taps+t] = sum
			}
		}
	})
}
