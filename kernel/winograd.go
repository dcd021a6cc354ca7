package kernel

import (
	"alexctl/kernel/gemm"
	"alexctl/kernel/vector"
)

// winogradConv computes a convolution of 3x3 or 5x5 at every position in float32 by
// Winograd's minimal filtering: of 3x3, 16 products make the 4 outputs of a tile, not 36, of
// 5x5, 36 do, not 100 (Lavin and Gray 2015; vector.Transform). Input tiles of 4x4 or 6x6, which
// overlap, and filters are transformed; then there is one matrix product for each element
// of a tile; what it makes is transformed back. The errors of rounding are up to twice
// those of a direct convolution.
//
// A number that is infinite makes outputs near it NaN, also some that do not depend on it.
type winogradConv struct {
	packer
	kernel        int    // 3 or 5
	elements      int    // of a tile
	output, input tiling // of the output, and of the gradient of the input
}

// winogradScratch is what one worker uses.
type winogradScratch struct {
	gemm  gemm.Scratch
	input []float32 // transformed: (elements, tiles and panels of images, channels of a group, PanelRows)
	raw   []float32 // transformed, before it is packed: (elements, PanelRows, channels of a group)
	sums  []float32 // (elements, rows, width of a strip)
}

const (
	// inputNumbers is how many numbers of transformed input are made at once: they should stay in the
	// second-level cache until they are multiplied.
	inputNumbers = 1 << 18
	// gradientNumbers is the same for the gradient of the weights, whose products are added
	// up in memory: fewer would go there more often.
	gradientNumbers = 1 << 22
)

// newWinogradConv prepares a convolution that is Winograd.
func newWinogradConv(s Conv, k workers, p *packed) *winogradConv {
	c := &winogradConv{
		packer: newPacker(s, k, p),
		output: newTiling(&s.Window, false), input: newTiling(&s.Window, true),
	}
	c.kernel = s.Window[2].Kernel
	c.elements = (c.kernel + 1) * (c.kernel + 1)
	mr := gemm.PanelRows()
	c.zeros = max(max(s.C, s.M)/s.Group*mr, s.N*max(mr, c.columns[0]))
	return c
}

// winogradPass is what the output and the gradient of the input have in common.
type winogradPass struct {
	*tiling
	result         []float32
	size, channels int // of the result: an image, and of a group in it
	total          int // channels of all groups
	input          []float32
	depth          int // channels of a group of the input
	weights        []float32
	widths         []int
	after          func(rows []float32) // does what follows the sums; may be nil
}

// compute does the tiles lo to hi, counted through the panels of images of each tile.
func (c *winogradConv) compute(p *winogradPass, w *winogradScratch, lo, hi int) {
	mr, ld, panels := gemm.PanelRows(), sum(p.widths), c.panels(c.N)
	units, rows := hi-lo, (hi-lo)*mr
	panel := p.depth * mr // numbers at one position of a panel
	w.input = grow(w.input, c.elements*units*panel)
	w.sums = grow(w.sums, c.elements*rows*p.widths[0])
	begins := apart(units * panel)
	for g := range c.Group {
		for u := lo; u < hi; u++ {
			base := (g*panels + u%panels) * p.source.positions() * panel
			from := p.under(u/panels, panel, len(p.input)-c.zeros-base)
			c.of(vector.Input).Apply(w.input[(u-lo)*panel:], p.input[base:], begins[:], from[:], panel)
		}
		at := 0
		for _, width := range p.widths {
			n, sums := min(width, p.channels-at), apart(rows*width)
			for k, begin := range begins[:c.elements] {
				weights := p.weights[((k*c.Group+g)*ld+at)*p.depth:]
				gemm.Strip(&w.gemm, rows, n, p.depth, w.input[begin:], panel, weights, width, 0, w.sums[sums[k]:], width)
			}
			for u := lo; u < hi; u++ {
				to, first := p.writable(u/panels, p.total), u%panels*mr
				for i := range min(mr, c.N-first) {
					image := p.result[(first+i)*p.size+g*p.channels+at:]
					c.of(vector.Output).Apply(image, w.sums[((u-lo)*mr+i)*width:], to[:], sums[:], n)
				}
			}
			at += width
		}
	}
}

// run calls compute for all tiles, each worker's a chunk at a time.
func (c *winogradConv) run(p *winogradPass) {
	mr, panels := gemm.PanelRows(), c.panels(c.N)
	chunk := max(1, inputNumbers/(c.elements*p.depth*mr))
	c.workers.run(p.count()*panels, func(worker, lo, hi int) {
		for ; lo < hi; lo += chunk {
			end := min(hi, lo+chunk)
			c.compute(p, &c.each[worker], lo, end)
			for u := lo; u < end && p.after != nil; u++ {
				c.complete(p, u/panels, u%panels*mr)
			}
		}
	})
}

// complete calls after for the rows of a tile, in a panel of images.
func (c *winogradConv) complete(p *winogradPass, tile, first int) {
	row, column := p.corner(tile)
	columns := min(tileStep, p.target[1]-column)
	for n := first; n < min(c.N, first+gemm.PanelRows()); n++ {
		for r := row; r < min(row+tileStep, p.target[0]); r++ {
			p.after(p.result[n*p.size+(r*p.target[1]+column)*p.total:][:columns*p.total])
		}
	}
}

// of returns the transform of an operand.
func (c *winogradConv) of(o vector.Operand) vector.Transform {
	return vector.Transform{Of: o, Kernel: c.kernel}
}

// Output computes y from x, w and b.
func (c *winogradConv) Output(y []float32, in ...[]float32) {
	c.pack(in[1])
	c.forward = c.transformFilters(c.forward, c.weights, c.columns, c.C/c.Group, func(row, column int) int { return row*c.kernel + column })
	c.x = c.packImages(c.x, in[0], c.Window.in(), c.C)
	p := &winogradPass{
		tiling: &c.output, result: y, size: c.Window.out() * c.M, channels: c.M / c.Group, total: c.M,
		input: c.x, depth: c.C / c.Group, weights: c.forward, widths: c.columns,
	}
	if c.Bias || c.Clamp.On() {
		p.after = func(rows []float32) { finish(&c.Conv, rows, in) }
	}
	c.run(p)
}

// InputGradient computes dx from the gradient of the sums and w: a convolution with the
// filters turned by half a turn, of which turn has done the columns.
func (c *winogradConv) InputGradient(dx, up, w []float32) {
	c.turn(w)
	c.backward = c.transformFilters(c.backward, c.inverse, c.turned, c.M/c.Group, func(row, column int) int { return (c.kernel-1-row)*c.kernel + column })
	c.dy = c.packImages(c.dy, up, c.Window.out(), c.M)
	c.run(&winogradPass{
		tiling: &c.input, result: dx, size: c.Window.in() * c.C, channels: c.C / c.Group, total: c.C,
		input: c.dy, depth: c.M / c.Group, weights: c.backward, widths: c.turned,
	})
}

// transformFilters makes (elements, Group, strips, depth, width) of weights (Group, strips, taps,
// depth, width).
func (c *winogradConv) transformFilters(dst, weights []float32, widths []int, depth int, tap func(row, column int) int) []float32 {
	ld := sum(widths)
	dst = grow(dst, c.elements*c.Group*ld*depth)
	to := apart(c.Group * ld * depth)
	c.workers.run(depth, func(_, lo, hi int) {
		column := 0
		for i := range c.Group * len(widths) {
			width := widths[i%len(widths)]
			var from offsets
			for k := range c.kernel * c.kernel {
				from[k] = tap(k/c.kernel, k%c.kernel) * width * depth
			}
			c.of(vector.Filter).Apply(dst[column*depth+lo*width:], weights[column*c.kernel*c.kernel*depth+lo*width:], to[:], from[:], (hi-lo)*width)
			column += width
		}
	})
	return dst
}
