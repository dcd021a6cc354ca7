package gemm

// A microkernel computes one tile of the product from one panel of A and one
// panel of B, with k the depth of both:
//
//	c[i*ldc+j] = alpha * sum over p of a[p*mr+i]*b[p*ldb+j] + beta*c[i*ldc+j]
//
// It does not read c when beta is 0. The assembly ones check no bounds.
type microkernel func(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)

// kernel is one way to compute a product: its microkernels, their tile shape,
// and the helpers that pack for them.
type kernel struct {
	name   string
	mr, nr int // rows and columns of a tile; each is at most 8 or a multiple of 8

	// tile lists microkernels for tiles of mr rows by increasing width, each
	// vec columns wider than the one before, the last nr columns wide.
	tile []microkernel
	vec  int

	mc, kc, nc int // block sizes: A is packed by mc x kc, B by kc x nc

	// kcRows is kc for a B that is not transposed. Its rows are often on pages of their
	// own: those of a block should stay in the TLB from one strip to the next. It is the
	// same for every m, so that sums are.
	kcRows int

	// direct is the largest m for which a B that is not transposed is read in
	// place; mc is then as large.
	direct int

	// transpose8 copies a block of 8 rows of k floats, k a multiple of 8, to
	// k rows of 8. copy8 copies k rows of 8*vecs floats. Both write whole rows
	// in order, so that a row longer than ldd is cut by the one after it.
	// Nil where there is no vector version.
	transpose8 func(dst []float32, ldd int, src []float32, lds, k int)
	copy8      func(dst []float32, ldd int, src []float32, lds, k, vecs int)
}

// chosen is the fastest kernel that this processor runs, or nil.
var chosen = fastest()

func fastest() *kernel {
	if k := available(); len(k) > 0 {
		return k[0]
	}
	return nil
}

// Name returns the vector instructions in use: "avx512", "avx2", or "" where there is
// no kernel for this processor.
func Name() string {
	if chosen == nil {
		return ""
	}
	return chosen.name
}
