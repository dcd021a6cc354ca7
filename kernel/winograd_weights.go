package kernel

import (
	"slices"

	"alexctl/kernel/gemm"
	"alexctl/kernel/vector"
)

// WeightGradient computes dw from the gradient of the sums and x: for each element of a
// tile, the product of the input's tiles and those of the gradient, over all tiles of all
// images.
func (c *winogradConv) WeightGradient(dw, up, x []float32) {
	panels := slices.Repeat([]int{gemm.PanelRows()}, c.panels(c.C/c.Group))
	c.x = c.packChannels(c.x, x, c.Window.in(), c.C, panels)
	c.dy = c.packChannels(c.dy, up, c.Window.out(), c.M, c.columns)
	c.products = grow(c.products, c.elements*c.M*c.C/c.Group)
	chunk := max(1, gradientNumbers/(c.elements*c.N*(c.C+c.M)))
	for lo := 0; lo < c.output.count(); lo += chunk {
		hi := min(c.output.count(), lo+chunk)
		c.tilesX = c.transformTiles(c.tilesX, c.of(vector.Input), c.x, c.Window.in(), panels, hi-lo, func(tile, size, zeros int) offsets {
			return c.output.under(lo+tile, size, zeros)
		})
		c.tilesDY = c.transformTiles(c.tilesDY, c.of(vector.OutputAdjoint), c.dy, c.Window.out(), c.columns, hi-lo, func(tile, size, zeros int) offsets {
			return c.output.points(lo+tile, size, zeros)
		})
		c.multiply(c.N*(hi-lo), len(panels), beta(lo == 0))
	}
	c.collect()
	c.unpack(dw)
}

// transformTiles transforms n tiles of activations packed by channels: (elements, Group,
// strips, tiles, N, width of the strip). at returns where the elements of a tile begin.
func (c *winogradConv) transformTiles(dst []float32, t vector.Transform, packed []float32, positions int, widths []int, n int, at func(tile, size, zeros int) offsets) []float32 {
	ld := sum(widths)
	dst = grow(dst, c.elements*c.Group*ld*n*c.N)
	to := apart(c.Group * ld * n * c.N)
	c.workers.run(c.Group*len(widths)*n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			group, strip, tile := i/n/len(widths), i/n%len(widths), i%n
			column, width := group*ld+sum(widths[:strip]), widths[strip]
			base := column * positions * c.N
			from := at(tile, c.N*width, len(packed)-c.zeros-base)
			t.Apply(dst[(column*n+tile*width)*c.N:], packed[base:], to[:], from[:], c.N*width)
		}
	})
	return dst
}

// multiply adds to the products, or makes them, from so many rows of tiles.
func (c *winogradConv) multiply(rows, panels int, beta float32) {
	mr, mg, cg, ld := gemm.PanelRows(), c.M/c.Group, c.C/c.Group, sum(c.columns)
	c.workers.run(c.elements*c.Group*panels, func(worker, lo, hi int) {
		s := &c.each[worker].gemm
		for lo < hi {
			i, first := lo/panels, lo%panels // i counts the groups of all elements
			n := min(hi-lo, panels-first)
			channels, at := min(cg, (first+n)*mr)-first*mr, 0
			for _, width := range c.columns {
				gemm.Strip(s, channels, min(width, mg-at), rows, c.tilesX[lo*rows*mr:], rows*mr,
					c.tilesDY[(i*ld+at)*rows:], width, beta, c.products[(i*cg+first*mr)*mg+at:], mg)
				at += width
			}
			lo += n
		}
	})
}

// collect makes the gradient from the products.
func (c *winogradConv) collect() {
	mg, cg := c.M/c.Group, c.C/c.Group
	c.gradient = grow(c.gradient, c.Group*c.Window.taps()*cg*mg)
	from, to := apart(c.Group*cg*mg), apart(cg*mg)
	c.workers.run(cg, func(_, lo, hi int) {
		for g := range c.Group {
			c.of(vector.FilterAdjoint).Apply(c.gradient[(g*c.Window.taps()*cg+lo)*mg:], c.products[(g*cg+lo)*mg:], to[:], from[:], (hi-lo)*mg)
		}
	})
}
