#include "textflag.h"

// A tile of 6 rows and 16 columns, from a panel of 6 columns of A. Y0-Y11 hold
// the sums, two to a row; Y12 and Y13 a row of B; Y14 one element of A,
// broadcast. After the loop Y14 is alpha and Y15 beta.
//
// Each macro for a row takes the byte offset of its element of A and its sums.

#define ROWS(OP) \
	OP(0, Y0, Y1) \
	OP(4, Y2, Y3) \
	OP(8, Y4, Y5) \
	OP(12, Y6, Y7) \
	OP(16, Y8, Y9) \
	OP(20, Y10, Y11)

// INIT clears the sums and fetches the row of C, wanted at the end.
#define INIT(off, x, y) \
	VXORPS     x, x, x \
	VXORPS     y, y, y \
	PREFETCHT0 (AX)    \
	PREFETCHT0 60(AX)  \
	ADDQ       R9, AX

#define FMA(off, x, y) \
	VBROADCASTSS off(SI), Y14 \
	VFMADD231PS  Y12, Y14, x  \
	VFMADD231PS  Y13, Y14, y

#define SET(off, x, y) \
	VMULPS  Y14, x, x  \
	VMULPS  Y14, y, y  \
	VMOVUPS x, (DX)    \
	VMOVUPS y, 32(DX)  \
	ADDQ    R9, DX

#define ADD(off, x, y) \
	VMULPS      Y14, x, x      \
	VMULPS      Y14, y, y      \
	VFMADD231PS (DX), Y15, x   \
	VFMADD231PS 32(DX), Y15, y \
	VMOVUPS     x, (DX)        \
	VMOVUPS     y, 32(DX)      \
	ADDQ        R9, DX

// func kernel6x16(k int, alpha, beta float32, a, b []float32, ldb int, c []float32, ldc int)
TEXT ·kernel6x16(SB), NOSPLIT, $0-104
	MOVQ k+0(FP), CX
	MOVQ a_base+16(FP), SI
	MOVQ b_base+40(FP), DI
	MOVQ ldb+64(FP), R8
	MOVQ c_base+72(FP), DX
	MOVQ ldc+96(FP), R9
	SHLQ $2, R8
	SHLQ $2, R9
	MOVQ DX, AX
	ROWS(INIT)

loop: // k is at least 1
	VMOVUPS    (DI), Y12
	VMOVUPS    32(DI), Y13
	PREFETCHT0 (DI)(R8*8) // an unpacked B has rows far apart
	ADDQ       R8, DI
	ROWS(FMA)
	ADDQ    $24, SI
	DECQ    CX
	JNZ     loop

	VBROADCASTSS alpha+8(FP), Y14
	VBROADCASTSS beta+12(FP), Y15
	MOVL         beta+12(FP), BX
	ADDL         BX, BX           // drops the sign: -0 is 0 too
	JNZ          update
	ROWS(SET)
	VZEROUPPER
	RET

update:
	ROWS(ADD)
	VZEROUPPER
	RET
