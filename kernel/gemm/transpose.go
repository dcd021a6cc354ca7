package gemm

// Transpose writes the transpose of a rows x cols matrix: dst[j*ldd+i] = src[i*lds+j].
func Transpose[T float32 | float64](dst []T, ldd int, src []T, lds, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_, _ = dst[(cols-1)*ldd+rows-1], src[(rows-1)*lds+cols-1]
	i, whole := 0, cols&^7
	if d, ok := any(dst).([]float32); ok && chosen != nil && whole > 0 {
		s, _ := any(src).([]float32)
		for ; i+8 <= rows; i += 8 {
			chosen.transpose8(d[i:], ldd, s[i*lds:], lds, whole)
			for j := whole; j < cols; j++ {
				for r := i; r < i+8; r++ {
					dst[j*ldd+r] = src[r*lds+j]
				}
			}
		}
	}
	for ; i < rows; i++ {
		for j, v := range src[i*lds:][:cols] {
			dst[j*ldd+i] = v
		}
	}
}
