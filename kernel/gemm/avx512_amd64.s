#include "textflag.h"

// Tiles of 8 rows and 48, 32 or 16 columns, from a panel of 8 columns of A.
//
// Z0-Z23 hold the sums, three to a row; Z24-Z26 a row of B; Z27 one element of
// A, broadcast. In the widest tile the 24 sums are three times the 8 that keep
// two FMA units with a latency of 4 cycles busy, and 11 loads go with 24 FMAs.
//
// Each macro for a row takes the byte offset of its element of A and its sums;
// the digit in its name is the number of vectors in use.

#define ROWS(OP) \
	OP(0, Z0, Z1, Z2)     \
	OP(4, Z3, Z4, Z5)     \
	OP(8, Z6, Z7, Z8)     \
	OP(12, Z9, Z10, Z11)  \
	OP(16, Z12, Z13, Z14) \
	OP(20, Z15, Z16, Z17) \
	OP(24, Z18, Z19, Z20) \
	OP(28, Z21, Z22, Z23)

// INIT clears the sums and fetches the row of C, wanted at the end.
#define INIT1(off, x, y, z) \
	VPXORD     x, x, x \
	PREFETCHT0 (AX)    \
	ADDQ       R9, AX

#define INIT2(off, x, y, z) \
	VPXORD     y, y, y \
	PREFETCHT0 64(AX)  \
	INIT1(off, x, y, z)

#define INIT3(off, x, y, z) \
	VPXORD     z, z, z \
	PREFETCHT0 128(AX) \
	INIT2(off, x, y, z)

// LOAD loads a row of B and fetches what comes later: the row 8 further down, and, of a B
// that is read in place, from memory, what the next strip has of this row.
#define LOAD1 \
	VMOVUPS    (DI), Z24     \
	PREFETCHT0 (DI)(R8*8)    \
	PREFETCHT1 192(DI)

#define LOAD2 \
	LOAD1 \
	VMOVUPS    64(DI), Z25   \
	PREFETCHT0 64(DI)(R8*8)  \
	PREFETCHT1 256(DI)

#define LOAD3 \
	LOAD2 \
	VMOVUPS    128(DI), Z26  \
	PREFETCHT0 128(DI)(R8*8) \
	PREFETCHT1 320(DI)

#define FMA1(off, x, y, z) \
	VBROADCASTSS off(SI), Z27 \
	VFMADD231PS  Z24, Z27, x

#define FMA2(off, x, y, z) \
	FMA1(off, x, y, z) \
	VFMADD231PS Z25, Z27, y

#define FMA3(off, x, y, z) \
	FMA2(off, x, y, z) \
	VFMADD231PS Z26, Z27, z

// SET stores alpha (Z28) times the sums.
#define SET(off, x) \
	VMULPS  Z28, x, x \
	VMOVUPS x, off(DX)

#define SET1(off, x, y, z) \
	SET(0, x) \
	ADDQ R9, DX

#define SET2(off, x, y, z) \
	SET(64, y) \
	SET1(off, x, y, z)

#define SET3(off, x, y, z) \
	SET(128, z) \
	SET2(off, x, y, z)

// ADD is SET with beta (Z29) times C added.
#define ADD(off, x) \
	VMULPS      Z28, x, x \
	VFMADD231PS off(DX), Z29, x \
	VMOVUPS     x, off(DX)

#define ADD1(off, x, y, z) \
	ADD(0, x) \
	ADDQ R9, DX

#define ADD2(off, x, y, z) \
	ADD(64, y) \
	ADD1(off, x, y, z)

#define ADD3(off, x, y, z) \
	ADD(128, z) \
	ADD2(off, x, y, z)

// TILE is the body of a microkernel; k is at least 1.
// Doubling the bits of beta drops its sign: -0 is 0 too.
#define TILE(INIT, LOAD, FMA, SET, ADD) \
	MOVQ         k+0(FP), CX       \
	VBROADCASTSS alpha+8(FP), Z28  \
	VBROADCASTSS beta+12(FP), Z29  \
	MOVQ         a_base+16(FP), SI \
	MOVQ         b_base+40(FP), DI \
	MOVQ         ldb+64(FP), R8    \
	MOVQ         c_base+72(FP), DX \
	MOVQ         ldc+96(FP), R9    \
	MOVL         beta+12(FP), BX   \
	SHLQ         $2, R8            \
	SHLQ         $2, R9            \
	MOVQ         DX, AX            \
	ROWS(INIT)                     \
loop:                              \
	LOAD                           \
	ADDQ         R8, DI            \
	ROWS(FMA)                      \
	ADDQ         $32, SI           \
	DECQ         CX                \
	JNZ          loop              \
	ADDL         BX, BX            \
	JNZ          update            \
	ROWS(SET)                      \
	VZEROUPPER                     \
	RET                            \
update:                            \
	ROWS(ADD)                      \
	VZEROUPPER                     \
	RET

// func kernel8x48(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)
TEXT ·kernel8x48(SB), NOSPLIT, $0-104
	TILE(INIT3, LOAD3, FMA3, SET3, ADD3)

// func kernel8x32(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)
TEXT ·kernel8x32(SB), NOSPLIT, $0-104
	TILE(INIT2, LOAD2, FMA2, SET2, ADD2)

// func kernel8x16(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)
TEXT ·kernel8x16(SB), NOSPLIT, $0-104
	TILE(INIT1, LOAD1, FMA1, SET1, ADD1)
