// Package gemm multiplies float32 matrices on one processor core, in the way
// of GotoBLAS and BLIS: blocks of both operands are packed into panels that
// stay in cache, and a microkernel computes the product tile by tile.
//
// A result depends only on the arguments and on the microkernel in use; an element
// does not depend on how many rows and columns are computed with it. Processors
// without AVX2 have no microkernel: see Name.
package gemm

// Scratch holds packing buffers, grown when needed and reused. The zero value
// is ready; it serves one call at a time.
type Scratch struct {
	a, b []float32 // packed blocks
	tile []float32 // a tile that does not fit in C
}

// slack is what packing may write past the end of a block.
const slack = 8

// Product computes C = alpha*A'*B' + beta*C, row-major, where A' is A (m x k,
// stride lda) or its transpose, B' is B (k x n, stride ldb) or its transpose.
// A' is always m x k and B' is k x n: a transposed A is stored k x m. C is not
// read when beta is 0, nor A and B when alpha is 0. C must not overlap A or B.
//
// It runs on the calling goroutine only, using the buffers in s. It panics if
// a stride or a slice is too short for its matrix, or Name is "".
func Product(s *Scratch, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	chosen.product(s, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (kn *kernel) product(s *Scratch, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m < 0 || n < 0 || k < 0 {
		panic("gemm: negative dimension")
	}
	if m == 0 || n == 0 {
		return
	}
	check("C", false, m, n, c, ldc)
	if k == 0 || alpha == 0 {
		scale(m, n, beta, c, ldc)
		return
	}
	check("A", transA, m, k, a, lda)
	check("B", transB, k, n, b, ldb)

	// With few rows to share its cost, packing B does not pay. Each panel is
	// then used for all rows at once, while it is in cache.
	direct, mc, kc := !transB && m <= kn.direct, kn.mc, kn.kc
	if direct {
		mc = kn.direct
	}
	if !transB {
		kc = kn.kcRows
	}
	mc = split(m, mc, kn.mr)
	kc = split(k, kc, 8)
	nc := split(n, kn.nc, kn.nr)
	s.a = grow(s.a, mc*kc+slack)
	s.b = grow(s.b, kc*nc+slack)
	s.tile = grow(s.tile, kn.mr*kn.nr)

	for j := 0; j < n; j += nc {
		nb := min(nc, n-j)
		for p := 0; p < k; p += kc {
			t := tiles{kernel: kn, s: s, k: min(kc, k-p), alpha: alpha, beta: beta, ldc: ldc}
			if p > 0 {
				t.beta = 1
			}
			bp := block(b, ldb, transB, p, j)
			switch edge := nb % kn.nr; {
			case !direct:
				kn.pack(s.b, bp, ldb, transB, t.k, nb, kn.nr)
			case edge%kn.vec != 0: // no microkernel is just as wide: pad
				kn.pack(s.b[(nb-edge)*t.k:], bp[nb-edge:], ldb, false, t.k, edge, kn.nr)
				fallthrough
			default:
				t.b, t.ldb = bp, ldb
			}
			for i := 0; i < m; i += mc {
				mb := min(mc, m-i)
				kn.pack(s.a, block(a, lda, !transA, p, i), lda, !transA, t.k, mb, kn.mr)
				t.run(mb, nb, c[i*ldc+j:])
			}
		}
	}
}

// tiles is the product of one packed block of A and one block of B.
type tiles struct {
	*kernel
	s           *Scratch
	k           int
	alpha, beta float32
	b           []float32 // the block of B where it is read in place, else nil
	ldb, ldc    int
}

// run adds the product to the m x n block at c, one tile after the other.
func (t *tiles) run(m, n int, c []float32) {
	for j := 0; j < n; j += t.nr {
		w := min(t.nr, n-j)
		tile := t.tile[(w-1)/t.vec]
		b, ldb := t.s.b[j*t.k:], t.nr
		if t.b != nil && w%t.vec == 0 {
			b, ldb = t.b[j:], t.ldb
		}
		for i := 0; i < m; i += t.mr {
			a, h := t.s.a[i*t.k:], min(t.mr, m-i)
			if h == t.mr && w%t.vec == 0 {
				tile(t.k, t.alpha, t.beta, a, b, ldb, c[i*t.ldc+j:], t.ldc)
				continue
			}
			tile(t.k, t.alpha, 0, a, b, ldb, t.s.tile, t.nr)
			for r := range h {
				add(c[(i+r)*t.ldc+j:][:w], t.beta, t.s.tile[r*t.nr:][:w])
			}
		}
	}
}

// add sets c to x + beta*c.
func add(c []float32, beta float32, x []float32) {
	if beta == 0 {
		copy(c, x)
		return
	}
	for i, v := range x {
		c[i] = v + beta*c[i]
	}
}

// scale multiplies C by beta, and clears it when beta is 0.
func scale(m, n int, beta float32, c []float32, ldc int) {
	for i := range m {
		row := c[i*ldc:][:n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// block returns x from the element at row i and column j of its matrix, which
// is stored transposed when trans.
func block(x []float32, ld int, trans bool, i, j int) []float32 {
	if trans {
		i, j = j, i
	}
	return x[i*ld+j:]
}

// split divides n into the fewest blocks of at most size, of about the same
// size, and returns that size as a multiple of unit.
func split(n, size, unit int) int {
	blocks := (n + size - 1) / size
	per := (n + blocks - 1) / blocks
	return (per + unit - 1) / unit * unit
}

// grow returns a slice of n floats at least, x where it is long enough.
func grow(x []float32, n int) []float32 {
	if len(x) >= n {
		return x
	}
	return make([]float32, n)
}

// check panics if x is too short for a rows x cols matrix of stride ld, or for
// its transpose when trans.
func check(name string, trans bool, rows, cols int, x []float32, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if ld < cols {
		panic("gemm: stride of " + name + " is less than its width")
	}
	if len(x) < (rows-1)*ld+cols {
		panic("gemm: slice of " + name + " is too short")
	}
}
