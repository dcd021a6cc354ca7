package kernel

import "alexctl/kernel/gemm"

// rowsConv computes the output of a convolution in float32 for a few images: the positions of the
// output are the rows of a product with the weights, which are packed once if they are fixed. Its
// gradients are another convolver's.
type rowsConv struct {
	convolver[float32]
	packer
	fixed  []float32 // the packed weights, if they are
	whole  bool      // whether the patch under a position is a row of x as it is
	spans  *patchConv[float32]
	tiling tiling
	tiles  bool // whether it is computed by way of Winograd's tiles
}

// newRowsConv prepares a convolution that is Rows.
func newRowsConv(s Conv, k workers, shared *shared[float32]) *rowsConv {
	patches := newPatchConv(s, k, shared)
	c := &rowsConv{convolver: patches, packer: newPacker(s, k, shared.packed), spans: patches, tiles: s.tiled()}
	c.whole = s.Window.taps() == 1 && s.Window.in() == s.Window.out()
	for _, a := range s.Window {
		c.whole = c.whole && a.Stride == 1
	}
	if c.tiles {
		c.tiling = newTiling(&s.Window, false)
		c.zeros = s.C
	}
	return c
}

// Rows reports whether Plain computes the output in float32 with positions as rows: where there
// are vectors for it, and not images enough for other ways.
func (s Conv) Rows() bool {
	const few = 8 // channels, below which rows are too short to be worth packing
	return gemm.Name() != "" && s.N < WinogradBatch && s.M/s.Group >= few && s.k() >= few
}

// tiled reports whether that is done by way of Winograd's tiles: where there are enough of them
// for what the larger weights cost to read.
func (s Conv) tiled() bool {
	const fewChannels, fewTiles = 24, 64
	if s.C/s.Group < fewChannels || s.M/s.Group < fewChannels || !s.filterable() {
		return false
	}
	t := newTiling(&s.Window, false)
	return s.N*t.count() >= fewTiles && worthwhile(&s.Window)
}

// prepare returns the packed weights, transformed where tiles want them.
func (c *rowsConv) prepare(w []float32) []float32 {
	if c.fixed != nil {
		return c.fixed
	}
	c.pack(w)
	packed := c.weights
	if c.tiles {
		t := &winogradConv{packer: c.packer, kernel: c.Window[2].Kernel}
		t.elements = (t.kernel + 1) * (t.kernel + 1)
		c.forward = t.transformFilters(c.forward, packed, c.columns, c.C/c.Group, func(row, column int) int { return row*t.kernel + column })
		packed = c.forward
	}
	if c.Fixed {
		c.fixed = append(make([]float32, 0, len(packed)), packed...)
	}
	return packed
}

// Output computes y from x, w and b.
func (c *rowsConv) Output(y []float32, in ...[]float32) {
	weights := c.prepare(in[1])
	if c.tiles {
		c.outputByTiles(y, weights, in)
		return
	}
	rows, k := c.N*c.Window.out(), c.k()
	if c.wide(rows) {
		panels := c.panels(rows)
		c.x = grow(c.x, c.Group*panels*gemm.PanelRows()*k+slack)
		c.workers.run(panels, func(worker, lo, hi int) {
			mr := gemm.PanelRows()
			c.panelsOf(worker, c.x[lo*mr*k:], in[0], lo*mr, min(rows, hi*mr), panels*mr*k)
		})
		strips := len(c.columns)
		c.workers.run(c.Group*strips, func(worker, lo, hi int) {
			for i := lo; i < hi; i++ {
				c.strip(worker, y, c.x[i/strips*panels*gemm.PanelRows()*k:], weights, i/strips, i%strips, 0, rows)
			}
		})
		c.workers.run(rows, func(_, lo, hi int) { finish(&c.Conv, y[lo*c.M:hi*c.M], in) })
		return
	}
	mr := gemm.PanelRows()
	chunk := max(1, patchElements/2/(k*mr)) * mr
	c.workers.run(rows, func(worker, lo, hi int) {
		s := &c.each[worker]
		for ; lo < hi; lo += chunk {
			end := min(hi, lo+chunk)
			size := (end - lo + mr - 1) / mr * mr * k
			s.input = grow(s.input, c.Group*size+slack)
			c.panelsOf(worker, s.input, in[0], lo, end, size)
			for g := range c.Group {
				for strip := range c.columns {
					c.strip(worker, y, s.input[g*size:], weights, g, strip, lo, end)
				}
			}
			finish(&c.Conv, y[lo*c.M:end*c.M], in)
		}
	})
}

// wide reports whether the work is split by output channels, not by positions: where there is more
// to read of the weights than of the patches.
func (c *rowsConv) wide(rows int) bool {
	return len(c.columns)*c.Group >= 2*c.workers.Size() && c.M/c.Group > 2*rows
}

// panelsOf writes the patches under positions lo to hi as panels, those of each group size numbers
// after those of the one before.
func (c *rowsConv) panelsOf(worker int, dst, x []float32, lo, hi, size int) {
	mr, k, cg := gemm.PanelRows(), c.k(), c.C/c.Group
	for g := range c.Group {
		for at := lo; at < hi; at += mr {
			n := min(mr, hi-at)
			to := dst[g*size+(at-lo)*k:]
			if c.whole {
				gemm.PackPanel(to, x[at*c.C+g*cg:], c.C, k, n)
				continue
			}
			patches := c.spans.patches(&c.spans.each[worker], x, at, at+n, g)
			gemm.PackPanel(to, patches, k, k, n)
		}
	}
}

// strip multiplies the panels of positions lo to hi with one strip of a group's filters.
func (c *rowsConv) strip(worker int, y, panels, weights []float32, g, strip, lo, hi int) {
	k, mg, ld := c.k(), c.M/c.Group, sum(c.columns)
	at := sum(c.columns[:strip])
	width := c.columns[strip]
	gemm.Strip(&c.each[worker].gemm, hi-lo, min(width, mg-at), k, panels, k*gemm.PanelRows(),
		weights[(g*ld+at)*k:], width, 0, y[lo*c.M+g*mg+at:], c.M)
}

// outputByTiles computes the tiles of all images as rows. The image is copied once, with zeros
// behind it for what lies in the pads.
func (c *rowsConv) outputByTiles(y, weights []float32, in [][]float32) {
	t := &winogradConv{packer: c.packer, kernel: c.Window[2].Kernel, output: c.tiling}
	t.elements = (t.kernel + 1) * (t.kernel + 1)
	x := grow(c.x, len(in[0])+c.zeros)
	c.x = x
	clear(x[len(in[0]):])
	c.workers.elements(len(in[0]), func(lo, hi int) { copy(x[lo:hi], in[0][lo:hi]) })
	mr := gemm.PanelRows()
	rows := c.N * c.tiling.count()
	chunk := max(1, inputNumbers/2/(t.elements*c.C/c.Group*mr)) * mr
	c.workers.run(rows, func(worker, lo, hi int) {
		for ; lo < hi; lo += chunk {
			c.tilesOf(t, &c.each[worker], y, x, weights, in, lo, min(hi, lo+chunk))
		}
	})
}
