package kernel

import (
	"iter"
	"slices"

	"alexctl/kernel/gemm"
)

// directConv computes a convolution in float32 without patches of the input. At each
// position of the output, the rows of the kernel are products: the channels of all images
// under the taps, one row an image, times the weights of the taps. Taps that reach into
// the pads cost nothing: with a kernel of 3 on a map of 4x4 that is 31% of all products.
//
// Operands are brought into the order in which the products read them once, before all
// products; see gemm.Strip.
type directConv struct {
	packer
	output, input runs // for the output, and the gradient of the input
	steps         runs // for the gradient of the weights
	// Positions that no tap reaches: windows of nothing but pads, and what lies between
	// windows.
	unreachedOut, unreachedIn []int
	chunk                     int // positions of a row of the output whose steps are taken together
}

// newDirectConv prepares a convolution that is direct.
func newDirectConv(s Conv, k workers, p *packed) *directConv {
	c := &directConv{
		packer: newPacker(s, k, p),
		output: newRuns(&s.Window, false), input: newRuns(&s.Window, true),
	}
	// The rows of the output's gradient that are used for all input channels and taps: a
	// strip of them should stay in the second-level cache.
	const rows = 1000
	width := s.Window[2].Out
	pieces := (width*s.N + rows - 1) / rows
	c.chunk = max(1, width/pieces)
	if c.chunk*s.N < rows && c.chunk*pieces < width {
		c.chunk++
	}
	c.steps = newSteps(&s.Window, c.chunk)
	c.unreachedOut, c.unreachedIn = c.output.unreached(s.Window.out()), c.input.unreached(s.Window.in())
	return c
}

// convPass is what the output and the gradient of the input have in common: the result
// at each position from the source's positions in runs.
type convPass struct {
	runs           runs
	result         []float32
	size, channels int // of the result: an image, and of a group in it
	total          int // channels of all groups
	source         []float32
	sources, depth int // of the source: positions, and channels of a group
	weights        []float32
	widths         []int
	taps           int
}

// compute does the products for the positions lo to hi of the result.
func (c *directConv) compute(p *convPass, w *gemm.Scratch, lo, hi int) {
	mr, ld := gemm.PanelRows(), sum(p.widths)
	panels := c.panels(c.N)
	stride := p.sources * p.depth * mr
	for g := range c.Group {
		source := p.source[g*panels*stride:]
		for _, row := range p.runs {
			at := 0
			part := between(row, lo, hi)
			for _, width := range p.widths {
				n := min(width, p.channels-at)
				for _, r := range part {
					weights := p.weights[((g*ld+at)*p.taps+int(r.tap)*width)*p.depth:]
					gemm.Strip(w, c.N, n, int(r.n)*p.depth, source[int(r.src)*p.depth*mr:], stride,
						weights, width, beta(r.first), p.result[int(r.dst)*p.total+g*p.channels+at:], p.size)
				}
				at += width
			}
		}
	}
}

// beta is 0 for the first product of several, which overwrites.
func beta(first bool) float32 {
	if first {
		return 0
	}
	return 1
}

// positions calls f for parts of n positions, each worker's a chunk at a time: what all
// rows of the kernel are added up in should stay in the second-level cache.
func (c *directConv) positions(n, channels int, f func(w *gemm.Scratch, lo, hi int)) {
	const elements = 1 << 17
	chunk := max(1, elements/(c.N*channels))
	c.workers.run(n, func(worker, lo, hi int) {
		for ; lo < hi; lo += chunk {
			f(&c.each[worker].gemm, lo, min(hi, lo+chunk))
		}
	})
}

// clear zeroes the positions from lo to hi that no run makes, in an array of so many
// channels a position.
func (c *directConv) clear(unreached []int, lo, hi int, y []float32, size, channels int) {
	for _, p := range unreached {
		if p < lo || p >= hi {
			continue
		}
		for n := range c.N {
			clear(y[n*size+p*channels:][:channels])
		}
	}
}

// Output computes y from x, w and b.
func (c *directConv) Output(y []float32, in ...[]float32) {
	c.pack(in[1])
	c.x = c.packImages(c.x, in[0], c.Window.in(), c.C)
	out := c.Window.out() * c.M
	p := &convPass{
		runs: c.output, result: y, size: out, channels: c.M / c.Group, total: c.M,
		source: c.x, sources: c.Window.in(), depth: c.C / c.Group, weights: c.weights, widths: c.columns, taps: c.Window.taps(),
	}
	c.positions(c.Window.out(), c.M, func(w *gemm.Scratch, lo, hi int) {
		c.compute(p, w, lo, hi)
		c.clear(c.unreachedOut, lo, hi, y, out, c.M)
		for n := range c.N {
			finish(&c.Conv, y[n*out+lo*c.M:n*out+hi*c.M], in)
		}
	})
}

// InputGradient computes dx from the gradient of the sums and w.
func (c *directConv) InputGradient(dx, up, w []float32) {
	c.turn(w)
	c.dy = c.packImages(c.dy, up, c.Window.out(), c.M)
	in := c.Window.in() * c.C
	p := &convPass{
		runs: c.input, result: dx, size: in, channels: c.C / c.Group, total: c.C,
		source: c.dy, sources: c.Window.out(), depth: c.M / c.Group, weights: c.inverse, widths: c.turned, taps: c.Window.taps(),
	}
	c.positions(c.Window.in(), c.C, func(w *gemm.Scratch, lo, hi int) {
		c.compute(p, w, lo, hi)
		c.clear(c.unreachedIn, lo, hi, dx, in, c.C)
	})
}

// pieces are the parts of the output's rows whose steps are taken together.
func (c *directConv) pieces() iter.Seq2[int, int] {
	width := c.Window[2].Out
	return func(yield func(int, int) bool) {
		for row := 0; row < c.Window.out(); row += width {
			for at := 0; at < width; at += c.chunk {
				if !yield(row+at, row+min(width, at+c.chunk)) {
					return
				}
			}
		}
	}
}

// WeightGradient computes dw from the gradient of the sums and x. It splits the work by
// the input's channels.
func (c *directConv) WeightGradient(dw, up, x []float32) {
	mr, mg, cg := gemm.PanelRows(), c.M/c.Group, c.C/c.Group
	panels := c.panels(cg)
	c.x = c.packChannels(c.x, x, c.Window.in(), c.C, slices.Repeat([]int{mr}, panels))
	c.dy = c.packChannels(c.dy, up, c.Window.out(), c.M, c.columns)
	c.gradient = grow(c.gradient, c.Group*len(c.steps)*cg*mg)
	rowsX, rowsY, ld := c.N*c.Window.in(), c.N*c.Window.out(), sum(c.columns)
	c.workers.run(panels, func(worker, lo, hi int) {
		s := &c.each[worker].gemm
		for g := range c.Group {
			for tap, steps := range c.steps {
				if len(steps) == 0 {
					at := ((g*len(c.steps)+tap)*cg + lo*mr) * mg
					clear(c.gradient[at : at+(min(cg, hi*mr)-lo*mr)*mg])
				}
			}
			at := 0
			for _, width := range c.columns {
				dy := c.dy[(g*ld+at)*rowsY:]
				for first, last := range c.pieces() {
					for tap, steps := range c.steps {
						for _, r := range between(steps, first, last) {
							x := c.x[((g*panels+lo)*rowsX+int(r.src)*c.N)*mr:]
							to := c.gradient[((g*len(c.steps)+tap)*cg+lo*mr)*mg+at:]
							gemm.Strip(s, min(cg, hi*mr)-lo*mr, min(width, mg-at), int(r.n)*c.N, x, rowsX*mr,
								dy[int(r.dst)*c.N*width:], width, beta(r.first), to, mg)
						}
					}
				}
				at += width
			}
		}
	})
	c.unpack(dw)
}
