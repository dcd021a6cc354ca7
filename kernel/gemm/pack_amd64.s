#include "textflag.h"

// QUAD transposes 4 columns, at byte offset off of 8 rows, and stores them as
// 4 rows. The rows of src are at SI (first 4) and R10 (last 4), R8 bytes apart
// with R9 = 3*R8; those of dst are at DI, R11 bytes apart. Inserting rows 4-7
// straight from memory spares the shuffle port.
#define QUAD(off) \
	VMOVUPS     off(SI), X0 \
	VMOVUPS     off(SI)(R8*1), X1 \
	VMOVUPS     off(SI)(R8*2), X2 \
	VMOVUPS     off(SI)(R9*1), X3 \
	VINSERTF128 $1, off(R10), Y0, Y0 \
	VINSERTF128 $1, off(R10)(R8*1), Y1, Y1 \
	VINSERTF128 $1, off(R10)(R8*2), Y2, Y2 \
	VINSERTF128 $1, off(R10)(R9*1), Y3, Y3 \
	VUNPCKLPS   Y1, Y0, Y4 \
	VUNPCKHPS   Y1, Y0, Y5 \
	VUNPCKLPS   Y3, Y2, Y6 \
	VUNPCKHPS   Y3, Y2, Y7 \
	VUNPCKLPD   Y6, Y4, Y0 \
	VUNPCKHPD   Y6, Y4, Y1 \
	VUNPCKLPD   Y7, Y5, Y2 \
	VUNPCKHPD   Y7, Y5, Y3 \
	VMOVUPS     Y0, (DI) \
	VMOVUPS     Y1, (DI)(R11*1) \
	LEAQ        (DI)(R11*2), DI \
	VMOVUPS     Y2, (DI) \
	VMOVUPS     Y3, (DI)(R11*1) \
	LEAQ        (DI)(R11*2), DI

// func transpose8(dst []float32, ldd int, src []float32, lds, k int)
TEXT ·transpose8(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ ldd+24(FP), R11
	MOVQ src_base+32(FP), SI
	MOVQ lds+56(FP), R8
	MOVQ k+64(FP), CX
	SHLQ $2, R11
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9
	LEAQ (SI)(R8*4), R10
	SHRQ $3, CX
	JZ   done

loop:
	QUAD(0)
	QUAD(16)
	ADDQ $32, SI
	ADDQ $32, R10
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET

// func copy8(dst []float32, ldd int, src []float32, lds, k, vecs int)
TEXT ·copy8(SB), NOSPLIT, $0-80
	MOVQ dst_base+0(FP), DI
	MOVQ ldd+24(FP), R11
	MOVQ src_base+32(FP), SI
	MOVQ lds+56(FP), R8
	MOVQ k+64(FP), CX
	MOVQ vecs+72(FP), DX
	SHLQ $2, R11
	SHLQ $2, R8
	SHLQ $5, DX // bytes in a row

row:
	XORQ AX, AX

vec:
	VMOVUPS (SI)(AX*1), Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ    $32, AX
	CMPQ    AX, DX
	JLT     vec
	ADDQ    R8, SI
	ADDQ    R11, DI
	DECQ    CX
	JNZ     row
	VZEROUPPER
	RET
