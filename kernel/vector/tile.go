package vector

// Tile is one of the transforms of Winograd's minimal filtering F(2x2, 3x3) (A. Lavin and
// S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.1), each
// number of a square tile being a row of numbers: T x Tᵀ for a matrix T.
//
// The last row of Bᵀ and column of Aᵀ have the other sign than in the paper; the products
// are the same.
type Tile int

// The transforms, with what they make of tiles of which size. The adjoint ones lead the
// gradients of what the others make back.
const (
	InputTile         Tile = iota // Bᵀ d B: 4x4 to 4x4
	FilterTile                    // G g Gᵀ: 3x3 to 4x4
	FilterAdjointTile             // Gᵀ g G: 4x4 to 3x3
	OutputTile                    // Aᵀ m A: 4x4 to 2x2
	OutputAdjointTile             // A y Aᵀ: 2x2 to 4x4
)

func (t Tile) matrix() [][]float32 {
	switch t {
	case InputTile:
		return [][]float32{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}
	case FilterTile:
		return [][]float32{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	case FilterAdjointTile:
		return [][]float32{{1, 0.5, 0.5, 0}, {0, 0.5, -0.5, 0}, {0, 0.5, 0.5, 1}}
	case OutputTile:
		return [][]float32{{1, 1, 1, 0}, {0, 1, -1, 1}}
	default:
		return [][]float32{{1, 0}, {1, 1}, {1, -1}, {0, 1}}
	}
}

// sizes returns the side of what the transform makes, and of what it makes it from.
func (t Tile) sizes() (side, from int) {
	sizes := [...][2]int{InputTile: {4, 4}, FilterTile: {4, 3}, FilterAdjointTile: {3, 4}, OutputTile: {2, 4}, OutputAdjointTile: {4, 2}}
	return sizes[t][0], sizes[t][1]
}

func (t Tile) vectors(dst, src []float32, to, from []int, n int) {
	switch t {
	case InputTile:
		inputTile(dst, src, to, from, n)
	case FilterTile:
		filterTile(dst, src, to, from, n)
	case FilterAdjointTile:
		filterAdjointTile(dst, src, to, from, n)
	case OutputTile:
		outputTile(dst, src, to, from, n)
	case OutputAdjointTile:
		outputAdjointTile(dst, src, to, from, n)
	}
}

// Transform sets n tiles, one beside the other. Their elements, in row-major order, begin
// at dst[to[k]] and src[from[k]]. It writes them backwards: where two of them go to the
// same place, the first is what stays.
func (t Tile) Transform(dst, src []float32, to, from []int, n int) {
	side, size := t.sizes()
	to, from = to[:side*side], from[:size*size]
	for _, o := range to {
		_ = dst[o:][:n]
	}
	for _, o := range from {
		_ = src[o:][:n]
	}
	wide := whole[float32](n)
	if wide > 0 {
		t.vectors(dst, src, to, from, wide)
	}
	if wide == n {
		return
	}
	matrix := t.matrix()
	for i := wide; i < n; i++ {
		var columns [4]float32
		for r := side - 1; r >= 0; r-- {
			for c := range size {
				columns[c] = combine(matrix[r], func(k int) float32 { return src[from[k*size+c]+i] })
			}
			for c := side - 1; c >= 0; c-- {
				dst[to[r*side+c]+i] = combine(matrix[c], func(k int) float32 { return columns[k] })
			}
		}
	}
}

// combine adds elements times coefficients, those above 0 first: every row has one.
func combine(row []float32, element func(k int) float32) float32 {
	sum, started := float32(0), false
	for k, c := range row {
		switch {
		case c <= 0:
		case started:
			sum += c * element(k)
		default:
			sum, started = c*element(k), true
		}
	}
	for k, c := range row {
		if c < 0 {
			sum += c * element(k)
		}
	}
	return sum
}
