package gemm

// The functions below multiply operands that are packed once and used many times, as the
// taps of a convolution use an image.

// PanelRows is how many rows of A a panel holds: element (i, p) of a panel lies at
// p*PanelRows+i.
func PanelRows() int { return chosen.mr }

// PackPanel writes n rows of k elements, ld apart, as a panel; n is at most PanelRows and
// the rows that are missing are zeros. dst has 8 floats to spare at its end.
func PackPanel(dst, src []float32, ld, k, n int) {
	chosen.pack(dst, src, ld, true, k, n, chosen.mr)
}

// Widths splits n columns of B into strips: full ones, of which the last two may share
// what is left more evenly. The sum is n rounded up to whole vectors.
func Widths(n int) []int { return chosen.widths(n) }

func (kn *kernel) widths(n int) []int {
	var w []int
	n = (n + kn.vec - 1) / kn.vec * kn.vec
	for ; n > 0; n -= w[len(w)-1] {
		next := min(n, kn.nr)
		if n > kn.nr && n < 2*kn.nr && n-kn.nr < n/2/kn.vec*kn.vec { // rather two of about one width
			next = (n/2 + kn.vec - 1) / kn.vec * kn.vec
		}
		w = append(w, next)
	}
	return w
}

// stripDepth is how many rows of a strip of B are used for all rows of A before the next:
// they should stay in the first-level cache.
const stripDepth = 200

// Strip computes c = a*b + beta*c, where a is m x k in panels stride floats apart, b has
// k rows of at least as many columns as n rounded up to whole vectors, ldb apart, and n is
// at most the width of a strip.
func Strip(s *Scratch, m, n, k int, a []float32, stride int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	kn := chosen
	w := (n + kn.vec - 1) / kn.vec
	panels := (m + kn.mr - 1) / kn.mr
	_, _, _ = a[(panels-1)*stride+k*kn.mr-1], b[(k-1)*ldb+w*kn.vec-1], c[(m-1)*ldc+n-1]
	tile := kn.tile[w-1]
	depth := split(k, stripDepth, 1)
	for p := 0; p < k; p += depth {
		d := min(depth, k-p)
		for i := range panels {
			rows := min(kn.mr, m-i*kn.mr)
			if rows == kn.mr && n == w*kn.vec {
				tile(d, 1, beta, a[i*stride+p*kn.mr:], b[p*ldb:], ldb, c[i*kn.mr*ldc:], ldc)
				continue
			}
			s.tile = grow(s.tile, kn.mr*kn.nr)
			tile(d, 1, 0, a[i*stride+p*kn.mr:], b[p*ldb:], ldb, s.tile, kn.nr)
			for r := range rows {
				add(c[(i*kn.mr+r)*ldc:][:n], beta, s.tile[r*kn.nr:][:n])
			}
		}
		beta = 1
	}
}
