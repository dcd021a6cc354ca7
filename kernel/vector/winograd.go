package vector

// Transform is one of the transforms of Winograd's minimal filtering F(2x2, KxK), for
// kernels of 3x3 or 5x5: T x Tᵀ for a matrix T, where each element of the square tile x is
// a row of numbers. (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015, section 4.)
//
// The matrices are those of Toom and Cook for the points 0, 1, -1 and infinity, and, for
// 5x5, 2 and -1/2, which leave much less rounding error than 2 and -2 do.
type Transform struct {
	Of     Operand
	Kernel int // along each side
}

// Operand is what a Transform is of.
type Operand int

// The operands, with their sizes before and after, for kernels of 3x3 and 5x5. An adjoint
// takes the gradient of what a transform makes to the gradient of what it is made from.
const (
	Input         Operand = iota // Bᵀ d B: 4x4 to 4x4, 6x6 to 6x6
	Filter                       // G g Gᵀ: 3x3 to 4x4, 5x5 to 6x6
	FilterAdjoint                // Gᵀ g G: back
	Output                       // Aᵀ m A: 4x4 to 2x2, 6x6 to 2x2
	OutputAdjoint                // A y Aᵀ: back
)

// matrix returns T, or, for an adjoint, Tᵀ.
func (t Transform) matrix() [][]float32 {
	small := t.Kernel == 3
	switch {
	case t.Of == Input && small:
		return [][]float32{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}
	case t.Of == Input:
		return [][]float32{
			{1, 1.5, -2, -1.5, 1, 0},
			{0, -1, -2.5, -0.5, 1, 0},
			{0, 1, 0.5, -2.5, 1, 0},
			{0, -0.5, -1, 0.5, 1, 0},
			{0, 2, -1, -2, 1, 0},
			{0, 1, 1.5, -2, -1.5, 1},
		}
	case (t.Of == Output || t.Of == OutputAdjoint) && small:
		return [][]float32{{1, 1, 1, 0}, {0, 1, -1, 1}}
	case t.Of == Output || t.Of == OutputAdjoint:
		return [][]float32{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -0.5, 1}}
	case small:
		return [][]float32{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	}
	return [][]float32{
		{1, 0, 0, 0, 0},
		{-1. / 3, -1. / 3, -1. / 3, -1. / 3, -1. / 3},
		{1. / 3, -1. / 3, 1. / 3, -1. / 3, 1. / 3},
		{1. / 15, 2. / 15, 4. / 15, 8. / 15, 16. / 15},
		{-16. / 15, 8. / 15, -4. / 15, 2. / 15, -1. / 15},
		{0, 0, 0, 0, 1},
	}
}

// Spread is by how much the transforms for a kernel multiply the errors of a convolution: the
// root of the variance of an output's error by that of a direct convolution, each product
// with an independent error of the same relative size, over both axes.
func Spread(kernel int) float64 {
	of := func(o Operand) [][]float32 { return Transform{Of: o, Kernel: kernel}.matrix() }
	return spread(of(Input), of(Filter), of(Output))
}

func spread(input, filter, output [][]float32) float64 {
	square := func(row []float32) float64 {
		sum := 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		return sum
	}
	worst := 0.0
	for _, row := range output {
		variance := 0.0
		for k, v := range row {
			variance += float64(v) * float64(v) * square(input[k]) * square(filter[k])
		}
		worst = max(worst, variance/float64(len(filter[0])))
	}
	return worst // along one axis: the root over two
}

// sides returns the size of what the transform makes, and of what it makes it from.
func (t Transform) sides() (made, from int) {
	switch t.Of {
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

// Apply transforms n tiles, one beside the other. Their elements, in row-major order, begin
// at dst[to[k]] and src[from[k]]. It writes them backwards: where two of them go to the
// same place, the first is what stays.
func (t Transform) Apply(dst, src []float32, to, from []int, n int) {
	side, size := t.sides()
	to, from = to[:side*side], from[:size*size]
	for _, o := range to {
		_ = dst[o : o+n : len(dst)]
	}
	for _, o := range from {
		_ = src[o : o+n : len(src)]
	}
	wide := whole[float32](n)
	if wide > 0 {
		transform(t, dst, src, to, from, wide)
	}
	if wide == n {
		return
	}
	matrix := t.matrix()
	coefficient := func(i, k int) float32 { return matrix[i][k] }
	if t.Of == FilterAdjoint || t.Of == OutputAdjoint {
		coefficient = func(i, k int) float32 { return matrix[k][i] }
	}
	for i := wide; i < n; i++ {
		var columns [6]float32
		for r := side - 1; r >= 0; r-- {
			for c := range size {
				columns[c] = combine(size, func(k int) (float32, float32) { return coefficient(r, k), src[from[k*size+c]+i] })
			}
			for c := side - 1; c >= 0; c-- {
				dst[to[r*side+c]+i] = combine(size, func(k int) (float32, float32) { return coefficient(c, k), columns[k] })
			}
		}
	}
}

// combine adds n elements times coefficients, those above 0 first.
func combine(n int, term func(k int) (coefficient, element float32)) float32 {
	sum, started := float32(0), false
	for k := range n {
		switch c, x := term(k); {
		case c <= 0:
		case started:
			sum += c * x
		default:
			sum, started = c*x, true
		}
	}
	for k := range n {
		if c, x := term(k); c < 0 {
			sum += c * x
		}
	}
	return sum
}
