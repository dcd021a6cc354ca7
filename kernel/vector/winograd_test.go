package vector

import (
	"math"
	"math/rand/v2"
	"testing"
)

// identity is offsets one after the other.
func identity(n int) []int {
	at := make([]int, n)
	for k := range at {
		at[k] = k
	}
	return at
}

// TestConvolution has the transforms make a convolution of one tile, and its gradients:
// the adjoint ones by what they must fulfil, <T x, y> = <x, T* y>.
func TestConvolution(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	const tolerance = 2e-6 // a few dozen products in float32
	for _, size := range []int{3, 5} {
		side := size + 1
		apply := func(o Operand, x []float32) []float32 {
			transform := Transform{o, size}
			made, from := transform.sides()
			y := make([]float32, made*made)
			transform.Apply(y, x, identity(made*made), identity(from*from), 1)
			return y
		}
		d, g := draw(side*side), draw(size*size)
		product := apply(Input, d)
		for k, v := range apply(Filter, g) {
			product[k] *= v
		}
		for k, got := range apply(Output, product) {
			want := 0.0
			for tap, w := range g {
				want += float64(w) * float64(d[(k/2+tap/size)*side+k%2+tap%size])
			}
			if math.Abs(float64(got)-want) > tolerance*float64(size*size) {
				t.Errorf("output %d of %dx%d is %g, want %g", k, size, size, got, want)
			}
		}
		for transform, adjoint := range map[Operand]Operand{Filter: FilterAdjoint, Output: OutputAdjoint} {
			made, from := Transform{transform, size}.sides()
			x, y := draw(from*from), draw(made*made)
			if a, b := dot(apply(transform, x), y), dot(x, apply(adjoint, y)); math.Abs(a-b) > tolerance*float64(side*side*size) {
				t.Errorf("the adjoint of transform %d, %dx%d: %g, want %g", transform, size, size, b, a)
			}
		}
	}
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// TestApplyOrder has two elements go to one place: the first stays.
func TestApplyOrder(t *testing.T) {
	const n = 37
	src := make([]float32, 16*n)
	for i := range src {
		src[i] = float32(i / n)
	}
	from := identity(16)
	for k := range from {
		from[k] *= n
	}
	alone, shared := make([]float32, 4*n), make([]float32, 4*n)
	output := Transform{Output, 3}
	output.Apply(alone, src, []int{0, n, 2 * n, 3 * n}, from, n)
	output.Apply(shared, src, []int{0, 0, 2 * n, 2 * n}, from, n)
	for i := range n {
		if shared[i] != alone[i] || shared[2*n+i] != alone[2*n+i] || alone[i] == alone[n+i] {
			t.Fatalf("number %d is %g and %g, want %g and %g", i, shared[i], shared[2*n+i], alone[i], alone[2*n+i])
		}
	}
}

// TestApplyOffsets has offsets that lead out of a slice: a panic, and nothing is touched.
func TestApplyOffsets(t *testing.T) {
	for _, o := range []int{-1, 16*16 - 15, 1 << 40} {
		for _, of := range []string{"to", "from"} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("offset %d of %s was accepted", o, of)
					}
				}()
				to, from := identity(16), identity(16)
				if of == "to" {
					to[5] = o
				} else {
					from[5] = o
				}
				long := make([]float32, 1024)[:16*16] // what is behind it is not part of it
				Transform{Input, 3}.Apply(long, long, to, from, 16)
			}()
		}
	}
}
