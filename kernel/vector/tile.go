package vector

// Tile is one of the transforms of Winograd's minimal filtering F(2x2, KxK), for kernels of
// 3x3 or 5x5: T x Tᵀ for a matrix T, where each number of the square tile x is a row of
// numbers. (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2015, section 4.)
//
// The matrices are those of Toom and Cook for the points 0, 1, -1 and infinity, and, for
// 5x5, 2 and -1/2, which leave much less rounding error than 2 and -2 do.
type Tile struct {
	Kind   Kind
	Kernel int // along each side
}

// Kind says what a Tile transforms.
type Kind int

// The kinds, with what they make for kernels of 3x3 and 5x5. The adjoint ones lead the
// gradient of what the others make back.
const (
	Input         Kind = iota // Bᵀ d B: 4x4 to 4x4, 6x6 to 6x6
	Filter                    // G g Gᵀ: 3x3 to 4x4, 5x5 to 6x6
	FilterAdjoint             // Gᵀ g G: back
	Output                    // Aᵀ m A: 4x4 to 2x2, 6x6 to 2x2
	OutputAdjoint             // A y Aᵀ: back
)

// matrices are the matrices of the kinds that are no adjoints, for kernels of 3.
var (
	matrices3 = map[Kind][][]float32{
		Input:  {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
		Filter: {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
		Output: {{1, 1, 1, 0}, {0, 1, -1, 1}},
	}
	matrices5 = map[Kind][][]float32{
		Input: {
			{1, 1.5, -2, -1.5, 1, 0},
			{0, -1, -2.5, -0.5, 1, 0},
			{0, 1, 0.5, -2.5, 1, 0},
			{0, -0.5, -1, 0.5, 1, 0},
			{0, 2, -1, -2, 1, 0},
			{0, 1, 1.5, -2, -1.5, 1},
		},
		Filter: {
			{1, 0, 0, 0, 0},
			{-1. / 3, -1. / 3, -1. / 3, -1. / 3, -1. / 3},
			{1. / 3, -1. / 3, 1. / 3, -1. / 3, 1. / 3},
			{1. / 15, 2. / 15, 4. / 15, 8. / 15, 16. / 15},
			{-16. / 15, 8. / 15, -4. / 15, 2. / 15, -1. / 15},
			{0, 0, 0, 0, 1},
		},
		Output: {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -0.5, 1}},
	}
)

// matrix returns T.
func (t Tile) matrix() [][]float32 {
	matrices := matrices3
	if t.Kernel == 5 {
		matrices = matrices5
	}
	switch t.Kind {
	case FilterAdjoint:
		return transposed(matrices[Filter])
	case OutputAdjoint:
		return transposed(matrices[Output])
	}
	return matrices[t.Kind]
}

func transposed(m [][]float32) [][]float32 {
	t := make([][]float32, len(m[0]))
	for i := range t {
		for _, row := range m {
			t[i] = append(t[i], row[i])
		}
	}
	return t
}

// sides returns the size of what the transform makes, and of what it makes it from.
func (t Tile) sides() (made, from int) {
	switch t.Kind {
	case Filter:
		return t.Kernel + 1, t.Kernel
	case FilterAdjoint:
		return t.Kernel, t.Kernel + 1
	case Output:
		return 2, t.Kernel + 1
	case OutputAdjoint:
		return t.Kernel + 1, 2
	}
	return t.Kernel + 1, t.Kernel + 1
}

// Transform sets n tiles, one beside the other. Their elements, in row-major order, begin
// at dst[to[k]] and src[from[k]]. It writes them backwards: where two of them go to the
// same place, the first is what stays.
func (t Tile) Transform(dst, src []float32, to, from []int, n int) {
	side, size := t.sides()
	to, from = to[:side*side], from[:size*size]
	for _, o := range to {
		_ = dst[o:][:n]
	}
	for _, o := range from {
		_ = src[o:][:n]
	}
	wide := whole[float32](n)
	if wide > 0 {
		tile(t, dst, src, to, from, wide)
	}
	if wide == n {
		return
	}
	matrix := t.matrix()
	for i := wide; i < n; i++ {
		var columns [6]float32
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

// combine adds elements times coefficients, those above 0 first.
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
