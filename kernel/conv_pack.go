package kernel

import "alexctl/kernel/gemm"

// packer brings the operands of a convolution into the order in which products read them;
// see gemm.Strip.
type packer struct {
	Conv
	workers         workers
	columns, turned []int // the strips of M/Group and of C/Group channels
	zeros           int   // how many follow packed activations
	*packed
}

// packed is what convolutions make while they compute: the plans of a set share one, since they
// compute one after the other.
type packed struct {
	scratch  [][]float32 // a worker's: weights of a few filters
	weights  []float32   // (Group, strips of M/Group, taps, C/Group, width of the strip)
	inverse  []float32   // (Group, strips of C/Group, rows of taps backwards, M/Group, width)
	gradient []float32   // (Group, taps, C/Group, M/Group)
	x, dy    []float32   // packed

	forward, backward []float32 // (elements, Group, strips, depth, width): transformed weights
	tilesX, tilesDY   []float32 // what the gradient of the weights is made of
	products          []float32 // (elements, Group, C/Group, M/Group): that gradient's tiles

	each []winogradScratch
}

func newPacked(workers int) *packed {
	return &packed{scratch: make([][]float32, workers), each: make([]winogradScratch, workers)}
}

func newPacker(s Conv, k workers, p *packed) packer {
	return packer{
		Conv: s, workers: k, packed: p,
		columns: gemm.Widths(s.M / s.Group), turned: gemm.Widths(s.C / s.Group),
	}
}

func sum(x []int) int {
	n := 0
	for _, v := range x {
		n += v
	}
	return n
}

// panels is how many panels n rows make.
func (c *packer) panels(n int) int { return (n + gemm.PanelRows() - 1) / gemm.PanelRows() }

// packImages writes activations (N, positions, channels) as panels of images: (Group,
// images/PanelRows, positions, channels/Group, PanelRows).
func (c *packer) packImages(dst, x []float32, positions, channels int) []float32 {
	mr, depth, size := gemm.PanelRows(), channels/c.Group, positions*channels
	panels := c.panels(c.N)
	dst = c.grow(dst, panels*mr*size)
	c.workers.run(positions, func(_, lo, hi int) {
		for g := range c.Group {
			for i := range panels {
				for p := lo; p < hi; p++ {
					at := ((g*panels+i)*positions + p) * depth * mr
					gemm.PackPanel(dst[at:], x[i*mr*size+p*channels+g*depth:], size, depth, min(mr, c.N-i*mr))
				}
			}
		}
	})
	return dst
}

// slack is what packing a panel may write past its end.
const slack = 8

// grow makes room for n numbers, what packing a panel may write past its end, and zeros.
func (c *packer) grow(p []float32, n int) []float32 {
	p = grow(p, n+slack+c.zeros)
	clear(p[n+slack:])
	return p
}

// packChannels writes activations (N, positions, channels) as strips of channels: (Group,
// strips, positions, N, width of the strip), where a last strip that is wider than what is
// left of a group's channels is filled with zeros.
func (c *packer) packChannels(dst, x []float32, positions, channels int, widths []int) []float32 {
	depth, size, ld := channels/c.Group, positions*channels, sum(widths)
	rows := positions * c.N
	dst = c.grow(dst, c.Group*ld*rows)
	c.workers.run(positions, func(_, lo, hi int) {
		for p := lo; p < hi; p++ {
			for i := range c.N {
				for g := range c.Group {
					at, from := 0, x[i*size+p*channels+g*depth:][:depth]
					for _, width := range widths {
						to := dst[(g*ld+at)*rows+(p*c.N+i)*width:][:width]
						clear(to[copyVector(to, from[at:min(depth, at+width)]):])
						at += width
					}
				}
			}
		}
	})
	return dst
}

// filters is how many filters are packed together: a line of the cache.
const filters = 16

// copyVector copies src and returns its length: for a few dozen elements, 8 at once are
// quicker than copy.
func copyVector(dst, src []float32) int {
	const vector = 8
	i := 0
	for ; i+vector <= len(src); i += vector {
		v := *(*[vector]float32)(src[i:]) // by way of registers, not of a call
		*(*[vector]float32)(dst[i:]) = v
	}
	for ; i < len(src); i++ {
		dst[i] = src[i]
	}
	return i
}

// blocks calls f for every group and up to 16 filters of it, with scratch for (channels,
// taps) rows of 16.
func (c *packer) blocks(f func(g, m, n int, rows []float32)) {
	mg := c.M / c.Group
	count := (mg + filters - 1) / filters
	c.workers.run(c.Group*count, func(worker, lo, hi int) {
		rows := grow(c.scratch[worker], c.k()*filters)
		c.scratch[worker] = rows
		for b := lo; b < hi; b++ {
			m := b % count * filters
			f(b/count, m, min(filters, mg-m), rows)
		}
	})
}

// strip returns the strip that holds a column: where it begins and its width.
func strip(widths []int, column int) (at, width int) {
	for _, width = range widths {
		if column < at+width {
			break
		}
		at += width
	}
	return at, width
}

// pack writes the weights (M, C/Group, taps) as (Group, strips of M/Group, taps, C/Group,
// width of the strip); what is beyond M/Group stays zero.
func (c *packer) pack(w []float32) {
	mg, cg, taps, k, ld := c.M/c.Group, c.C/c.Group, c.Window.taps(), c.k(), sum(c.columns)
	c.weights = grow(c.weights, c.Group*taps*cg*ld)
	c.blocks(func(g, m, n int, rows []float32) {
		at, width := strip(c.columns, m)
		gemm.Transpose(rows, filters, w[(g*mg+m)*k:], k, n, k)
		for ch := range cg {
			for t := range taps {
				copyVector(c.weights[((g*ld+at)*taps+t*width)*cg+ch*width+m-at:], rows[(ch*taps+t)*filters:][:n])
			}
		}
	})
}

// unpack writes the gradient in the order of the weights.
func (c *packer) unpack(dw []float32) {
	mg, cg, taps, k := c.M/c.Group, c.C/c.Group, c.Window.taps(), c.k()
	c.blocks(func(g, m, n int, rows []float32) {
		for ch := range cg {
			for t := range taps {
				copyVector(rows[(ch*taps+t)*filters:], c.gradient[((g*taps+t)*cg+ch)*mg+m:][:n])
			}
		}
		gemm.Transpose(dw[(g*mg+m)*k:], k, rows, filters, k, n)
	})
}

// turn writes the weights (M, C/Group, taps) as (Group, strips of C/Group, taps, M/Group,
// width of the strip), with the taps of each row of the kernel backwards.
func (c *packer) turn(w []float32) {
	mg, cg, taps, k, ld, width := c.M/c.Group, c.C/c.Group, c.Window.taps(), c.k(), sum(c.turned), c.Window[2].Kernel
	c.inverse = grow(c.inverse, c.Group*taps*mg*ld)
	c.workers.run(c.M, func(worker, lo, hi int) {
		filter := grow(c.scratch[worker], k)
		c.scratch[worker] = filter
		for m := lo; m < hi; m++ {
			gemm.Transpose(filter, cg, w[m*k:], taps, cg, taps)
			for t := range taps {
				to := t/width*width + width - 1 - t%width
				at, row := 0, filter[t*cg:][:cg]
				for _, strip := range c.turned {
					n := min(strip, cg-at)
					copyVector(c.inverse[((m/mg*ld+at)*taps+to*strip)*mg+m%mg*strip:], row[at:at+n])
					at += strip
				}
			}
		}
	})
}
