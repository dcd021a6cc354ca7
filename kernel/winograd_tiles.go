package kernel

// tileStep is how many positions of a map a tile makes, along each side.
const tileStep = 2

// plane is the rows and columns of a map.
type plane [2]int

func (p plane) positions() int { return p[0] * p[1] }

// at returns where a position begins, so many numbers each, or outside of the map where
// the zeros are.
func (p plane) at(row, column, size, zeros int) int {
	if row < 0 || row >= p[0] || column < 0 || column >= p[1] {
		return zeros
	}
	return (row*p[1] + column) * size
}

// tiling splits a map into tiles of 2x2.
type tiling struct {
	target, source plane  // the map, and what it is made from
	begin          [2]int // how far the first tile reaches outside the source, or, if negative, begins inside
	side           int    // positions under a tile, along each side
}

// newTiling returns the tiles of the output of a convolution, or of the gradient of its
// input.
func newTiling(w *Window, gradient bool) tiling {
	rows, columns := w[1], w[2]
	out, in := plane{rows.Out, columns.Out}, plane{rows.In, columns.In}
	if gradient {
		return tiling{in, out, [2]int{rows.Kernel - 1 - rows.Begin, columns.Kernel - 1 - columns.Begin}, rows.Kernel + 1}
	}
	return tiling{out, in, [2]int{rows.Begin, columns.Begin}, rows.Kernel + 1}
}

// across is how many tiles there are along a row.
func (t *tiling) across() int { return (t.target[1] + tileStep - 1) / tileStep }

// count is how many tiles there are.
func (t *tiling) count() int { return (t.target[0] + tileStep - 1) / tileStep * t.across() }

// corner returns the first position of a tile.
func (t *tiling) corner(tile int) (row, column int) {
	return tile / t.across() * tileStep, tile % t.across() * tileStep
}

// offsets are where the elements of a tile, or the taps of a kernel, begin, row by row.
// There are 36 at most.
type offsets [36]int

// under returns where the positions under a tile begin in the source.
func (t *tiling) under(tile, size, zeros int) (at offsets) {
	row, column := t.corner(tile)
	for k := range t.side * t.side {
		at[k] = t.source.at(row-t.begin[0]+k/t.side, column-t.begin[1]+k%t.side, size, zeros)
	}
	return at
}

// points returns where the 2x2 positions of a tile begin in the map.
func (t *tiling) points(tile, size, zeros int) (at offsets) {
	row, column := t.corner(tile)
	for k := range tileStep * tileStep {
		at[k] = t.target.at(row+k/tileStep, column+k%tileStep, size, zeros)
	}
	return at
}

// writable is points for writing: what is beyond the edge of the map goes to a position
// before it, which Transform.Apply writes later.
func (t *tiling) writable(tile, size int) (at offsets) {
	row, column := t.corner(tile)
	for k := range tileStep * tileStep {
		at[k] = t.target.at(min(row+k/tileStep, t.target[0]-1), min(column+k%tileStep, t.target[1]-1), size, 0)
	}
	return at
}

// apart returns offsets so far from each other.
func apart(size int) (at offsets) {
	for k := range at {
		at[k] = k * size
	}
	return at
}

// worthwhile reports whether tiles need clearly fewer products than the taps inside the
// input, for the output and for the gradient of the input: on small maps most taps are in
// the pads, and a direct convolution leaves those out.
func worthwhile(w *Window) bool {
	const enough = 0.7 // what the transforms cost comes on top
	output, input, direct := 1, 1, 1
	for _, a := range w[1:] {
		output *= (a.Out + tileStep - 1) / tileStep * (a.Kernel + 1)
		input *= (a.In + tileStep - 1) / tileStep * (a.Kernel + 1)
		direct *= a.inside()
	}
	return float64(max(output, input)) <= enough*float64(direct)
}
