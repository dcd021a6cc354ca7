package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// sizes are around the edges of tiles, of panels and of blocks.
var sizes = []int{1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 48, 100, 257}

// matrix is a stored matrix with a stride longer than its rows; what is
// between the rows is NaN.
type matrix struct {
	rows, cols, ld int
	data           []float32
}

func newMatrix(rng *rand.Rand, trans bool, rows, cols, gap int) matrix {
	if trans {
		rows, cols = cols, rows
	}
	x := matrix{rows, cols, cols + gap, nil}
	x.data = make([]float32, (rows-1)*x.ld+cols)
	for i := range x.data {
		x.data[i] = float32(math.NaN())
	}
	for i := range rows {
		for j := range cols {
			x.data[i*x.ld+j] = float32(rng.NormFloat64())
		}
	}
	return x
}

func (x matrix) at(trans bool, i, j int) float64 {
	if trans {
		i, j = j, i
	}
	return float64(x.data[i*x.ld+j])
}

// problem is one call and its expected result.
type problem struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	a, b, c        matrix
	want           []float64 // m x n
}

func newProblem(rng *rand.Rand, transA, transB bool, m, n, k, gap int, alpha, beta float32) *problem {
	p := &problem{transA: transA, transB: transB, m: m, n: n, k: k, alpha: alpha, beta: beta}
	p.a = newMatrix(rng, transA, m, k, gap)
	p.b = newMatrix(rng, transB, k, n, gap)
	p.c = newMatrix(rng, false, m, n, gap)
	p.want = make([]float64, m*n)
	for i := range m {
		for l := range k {
			x := float64(alpha) * p.a.at(transA, i, l)
			for j := range n {
				p.want[i*n+j] += x * p.b.at(transB, l, j)
			}
		}
		for j := range n {
			if beta != 0 {
				p.want[i*n+j] += float64(beta) * p.c.at(false, i, j)
			} else {
				p.c.data[i*p.c.ld+j] = float32(math.NaN())
			}
		}
	}
	return p
}

// run computes p with kn and returns an error if the result is wrong or what
// is between the rows of C has changed. It leaves p as it was.
func (p *problem) run(kn *kernel, s *Scratch) error {
	c := append([]float32(nil), p.c.data...)
	kn.product(s, p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.a.data, p.a.ld, p.b.data, p.b.ld, p.beta, c, p.c.ld)
	var worst, scale float64
	for i, v := range c {
		row, col := i/p.c.ld, i%p.c.ld
		if col >= p.n {
			if v == v {
				return fmt.Errorf("wrote past row %d of C", row)
			}
			continue
		}
		want := p.want[row*p.n+col]
		diff := math.Abs(float64(v) - want)
		if diff != diff {
			return fmt.Errorf("C[%d][%d] is %v, want %v", row, col, v, want)
		}
		worst, scale = max(worst, diff), max(scale, math.Abs(want))
	}
	if worst > 1e-5*scale {
		return fmt.Errorf("error %g of %g", worst, scale)
	}
	return nil
}

func (p *problem) String() string {
	return fmt.Sprintf("transA=%v transB=%v m=%d n=%d k=%d alpha=%v beta=%v", p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.beta)
}

func TestProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	kernels := available()
	scratch := make([]Scratch, len(kernels))
	count := 0
	try := func(transA, transB bool, m, n, k, gap int, alpha, beta float32) {
		count++
		p := newProblem(rng, transA, transB, m, n, k, gap, alpha, beta)
		for i, kn := range kernels {
			if err := p.run(kn, &scratch[i]); err != nil {
				t.Fatalf("%s: %v: %v", kn.name, p, err)
			}
		}
	}
	alphas, betas := []float32{1, -0.75, 1}, []float32{0, 1, 0.5, 0}
	for trans := range 4 {
		transA, transB := trans&1 != 0, trans&2 != 0
		for _, m := range sizes {
			for _, n := range sizes {
				for _, k := range sizes {
					if m*n*k > 1<<18 && testing.Short() {
						continue
					}
					try(transA, transB, m, n, k, count%4, alphas[count%3], betas[count/2%4])
				}
			}
		}
		// Every beta, and dimensions past one block.
		for _, beta := range []float32{0, 1, 0.5, -2} {
			try(transA, transB, 33, 49, 600, 3, 1, beta)
			try(transA, transB, 300, 50, 30, 5, 2, beta)
			try(transA, transB, 9, 2100, 20, 0, 1, beta)
		}
	}
}

func TestEmpty(t *testing.T) {
	nan := float32(math.NaN())
	for _, kn := range available() {
		var s Scratch
		kn.product(&s, false, false, 0, 3, 2, 1, nil, 2, nil, 3, 0, nil, 3)
		kn.product(&s, true, true, 3, 0, 2, 1, nil, 3, nil, 2, 0, nil, 0)
		c := []float32{1, 2, nan, 4, 5}
		kn.product(&s, false, false, 2, 2, 0, 1, nil, 0, nil, 2, 0.5, c, 3)
		if c[0] != 0.5 || c[1] != 1 || c[2] == c[2] || c[3] != 2 || c[4] != 2.5 {
			t.Errorf("%s: k = 0, beta = 0.5: %v", kn.name, c)
		}
		c = []float32{nan, nan, nan, nan}
		kn.product(&s, false, false, 2, 2, 1, 0, []float32{nan, nan}, 1, []float32{nan, nan}, 2, 0, c, 2)
		for _, v := range c {
			if v != 0 {
				t.Errorf("%s: alpha = 0, beta = 0: %v", kn.name, c)
			}
		}
	}
}

func TestPanics(t *testing.T) {
	if Name() == "" {
		t.Skip("no kernel for this processor")
	}
	x := make([]float32, 12)
	for name, f := range map[string]func(s *Scratch){
		"negative": func(s *Scratch) { Product(s, false, false, -1, 3, 4, 1, x, 4, x, 3, 0, x, 3) },
		"stride A": func(s *Scratch) { Product(s, true, false, 3, 3, 4, 1, x, 2, x, 3, 0, x, 3) },
		"stride B": func(s *Scratch) { Product(s, false, true, 3, 3, 4, 1, x, 4, x, 3, 0, x, 3) },
		"short A":  func(s *Scratch) { Product(s, false, false, 3, 3, 4, 1, x[:11], 4, x, 3, 0, x, 3) },
		"short C":  func(s *Scratch) { Product(s, false, false, 3, 3, 4, 1, x, 4, x, 3, 0, x[:8], 3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f(new(Scratch))
		}()
	}
}

// TestScratch checks that a result does not depend on what the buffers held,
// and that buffers are reused.
func TestScratch(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, kn := range available() {
		p := newProblem(rng, false, true, 50, 70, 300, 0, 1, 1)
		c := func(s *Scratch) []float32 {
			c := append([]float32(nil), p.c.data...)
			kn.product(s, p.transA, p.transB, p.m, p.n, p.k, 1, p.a.data, p.a.ld, p.b.data, p.b.ld, 1, c, p.c.ld)
			return c
		}
		var s Scratch
		want := c(&s)
		for _, buf := range [][]float32{s.a, s.b, s.tile} {
			for i := range buf {
				buf[i] = float32(math.NaN())
			}
		}
		for i, v := range c(&s) {
			if v != want[i] {
				t.Fatalf("%s: C[%d] is %v, then %v", kn.name, i, want[i], v)
			}
		}
		if n := testing.AllocsPerRun(5, func() { c(&s) }); n > 1 { // the copy of C
			t.Errorf("%s: %v allocations", kn.name, n)
		}
	}
}

// TestSplit checks that computing C in parts gives the same bits when beta is
// 0 or 1: an element does not depend on its place in a tile.
func TestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const m, n, k = 300, 131, 300 // more rows than are multiplied with a B in place, more depth than a block
	for _, kn := range available() {
		for trans := range 4 {
			transA, transB := trans&1 != 0, trans&2 != 0
			p := newProblem(rng, transA, transB, m, n, k, 0, 0.3, 1)
			a, b, c := p.a, p.b, p.c
			whole, parts := append([]float32(nil), c.data...), append([]float32(nil), c.data...)
			var s Scratch
			kn.product(&s, transA, transB, m, n, k, 0.3, a.data, a.ld, b.data, b.ld, 1, whole, c.ld)
			for _, r := range [][2]int{{0, 5}, {5, m}} {
				for _, q := range [][2]int{{0, 50}, {50, 67}, {67, n}} {
					kn.product(&s, transA, transB, r[1]-r[0], q[1]-q[0], k, 0.3, block(a.data, a.ld, transA, r[0], 0), a.ld,
						block(b.data, b.ld, transB, 0, q[0]), b.ld, 1, block(parts, c.ld, false, r[0], q[0]), c.ld)
				}
			}
			for i := range whole {
				if whole[i] != parts[i] {
					t.Fatalf("%s %v %v: C[%d] is %v whole, %v in parts", kn.name, transA, transB, i, whole[i], parts[i])
				}
			}
		}
	}
}

func TestTranspose(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {3, 9}, {8, 8}, {9, 17}, {16, 72}, {24, 100}} {
		rows, cols := c[0], c[1]
		lds, ldd := cols+3, rows+5
		src, dst := make([]float32, rows*lds), make([]float32, cols*ldd)
		for i := range src {
			src[i] = float32(i)
		}
		for i := range dst {
			dst[i] = -1
		}
		Transpose(dst, ldd, src, lds, rows, cols)
		for i := range dst {
			want := float32(-1)
			if j, r := i/ldd, i%ldd; r < rows {
				want = src[r*lds+j]
			}
			if dst[i] != want {
				t.Fatalf("%d x %d: element %d is %g, want %g", rows, cols, i, dst[i], want)
			}
		}
	}
}
