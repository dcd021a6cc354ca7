package kernel

import (
	"alexctl/kernel/gemm"
	"alexctl/kernel/vector"
)

// tilesOf computes the tiles lo to hi, counted through all images.
func (c *rowsConv) tilesOf(t *winogradConv, s *winogradScratch, y, x, weights []float32, in [][]float32, lo, hi int) {
	mr, cg, mg, ld := gemm.PanelRows(), c.C/c.Group, c.M/c.Group, sum(c.columns)
	rows, tiles := hi-lo, c.tiling.count()
	padded := (rows + mr - 1) / mr * mr
	size, out := c.Window.in()*c.C, c.Window.out()*c.M
	// Each tile's elements side by side, and the same as panels.
	s.raw = grow(s.raw, t.elements*mr*cg)
	s.input = grow(s.input, t.elements*padded*cg+slack)
	s.sums = grow(s.sums, t.elements*rows*c.columns[0])
	raw := apart(mr * cg)
	for g := range c.Group {
		for first := 0; first < rows; first += mr {
			n := min(mr, rows-first)
			for r := range n {
				tile := (lo + first + r) % tiles
				base := (lo + first + r) / tiles * size
				from := c.tiling.under(tile, c.C, len(x)-c.zeros-base-g*cg)
				t.of(vector.Input).Apply(s.raw[r*cg:], x[base+g*cg:], raw[:], from[:], cg)
			}
			for k := range t.elements {
				gemm.PackPanel(s.input[(k*padded+first)*cg:], s.raw[k*mr*cg:], cg, cg, n)
			}
		}
		at := 0
		for _, width := range c.columns {
			n, sums := min(width, mg-at), apart(rows*width)
			for k := range t.elements {
				gemm.Strip(&s.gemm, rows, n, cg, s.input[k*padded*cg:], cg*mr, weights[((k*c.Group+g)*ld+at)*cg:], width, 0, s.sums[sums[k]:], width)
			}
			for r := range rows {
				to := c.tiling.writable((lo+r)%tiles, c.M)
				image := y[(lo+r)/tiles*out+g*mg+at:]
				t.of(vector.Output).Apply(image, s.sums[r*width:], to[:], sums[:], n)
			}
			at += width
		}
	}
	if !c.Bias && !c.Clamp.On() {
		return
	}
	for r := range rows {
		row, column := c.tiling.corner((lo + r) % tiles)
		columns := min(tileStep, c.tiling.target[1]-column)
		for v := row; v < min(row+tileStep, c.tiling.target[0]); v++ {
			finish(&c.Conv, y[(lo+r)/tiles*out+(v*c.tiling.target[1]+column)*c.M:][:columns*c.M], in)
		}
	}
}
