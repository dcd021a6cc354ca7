package gemm

// pack copies a block of k rows and n columns to dst as panels of r columns,
// each panel its k rows one after the other, the last padded with zeros to r
// columns. Element (p, j) of the block is src[p*ld+j], or src[j*ld+p] when
// trans. dst has 8 floats to spare at its end.
func (kn *kernel) pack(dst, src []float32, ld int, trans bool, k, n, r int) {
	for j := 0; j < n; j += r {
		if trans {
			kn.packTrans(dst[j*k:], src[j*ld:], ld, k, n-j, r)
		} else {
			kn.packRows(dst[j*k:], src[j:], ld, k, n-j, r)
		}
	}
}

// packTrans packs one panel; n, the number of columns left in the block, may
// be more or less than r.
func (kn *kernel) packTrans(dst, src []float32, ld, k, n, r int) {
	j0, k8 := 0, k&^7
	if kn.transpose8 != nil && k8 > 0 {
		for ; j0 < r && j0+8 <= n; j0 += 8 {
			kn.transpose8(dst[j0:], r, src[j0*ld:], ld, k8)
		}
	}
	if j0 < r { // the columns that are not done
		for p := range k8 {
			row := dst[p*r : p*r+r]
			for j := j0; j < min(n, r); j++ {
				row[j] = src[j*ld+p]
			}
			clear(row[min(n, r):])
		}
	}
	for p := k8; p < k; p++ {
		row := dst[p*r : p*r+r]
		for j := range min(n, r) {
			row[j] = src[j*ld+p]
		}
		clear(row[min(n, r):])
	}
}

// packRows is packTrans for a block that is not transposed.
func (kn *kernel) packRows(dst, src []float32, ld, k, n, r int) {
	if vecs := (r + 7) / 8; kn.copy8 != nil && 8*vecs <= n {
		kn.copy8(dst, r, src, ld, k, vecs)
		return
	}
	for p := range k {
		row := dst[p*r : p*r+r]
		clear(row[copy(row, src[p*ld:p*ld+min(n, r)]):])
	}
}
