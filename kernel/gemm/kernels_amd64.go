package gemm

import "golang.org/x/sys/cpu"

// available lists the kernels that this processor runs, fastest first.
func available() []*kernel {
	var ks []*kernel
	avx2 := cpu.X86.HasAVX2 && cpu.X86.HasFMA
	if avx2 && cpu.X86.HasAVX512F {
		ks = append(ks, &kernel{
			name: "avx512",
			mr:   8, nr: 48,
			tile: []microkernel{kernel8x16, kernel8x32, kernel8x48}, vec: 16,
			mc: 64, kc: 256, kcRows: 128, nc: 1008, direct: 256,
			transpose8: transpose8, copy8: copy8,
		})
	}
	if avx2 {
		ks = append(ks, &kernel{
			name: "avx2",
			mr:   6, nr: 16,
			tile: []microkernel{kernel6x16}, vec: 16,
			mc: 72, kc: 256, kcRows: 256, nc: 1008, direct: 48,
			transpose8: transpose8, copy8: copy8,
		})
	}
	return ks
}

// In avx512_amd64.s.

//go:noescape
func kernel8x48(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)

//go:noescape
func kernel8x32(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)

//go:noescape
func kernel8x16(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)

// In avx2_amd64.s.

//go:noescape
func kernel6x16(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)

// In pack_amd64.s, for AVX2.

//go:noescape
func transpose8(dst []float32, ldd int, src []float32, lds, k int)

//go:noescape
func copy8(dst []float32, ldd int, src []float32, lds, k, vecs int)
