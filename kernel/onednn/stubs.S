//go:build onednn && linux && (amd64 || arm64)

// A function of each name, which goes on to where load.cc found it.

#include "functions.h"

#if defined(__x86_64__)
#define STUB(name)                                                             \
  .globl name; .hidden name; .type name, @function;                            \
  name: jmp *od_at_##name(%rip); .size name, .-name;
#elif defined(__aarch64__)
#define STUB(name)                                                             \
  .globl name; .hidden name; .type name, @function;                            \
  name: adrp x16, od_at_##name; ldr x16, [x16, :lo12:od_at_##name]; br x16;    \
  .size name, .-name;
#endif

  .text
OD_OPENMP(STUB)
OD_BOTH(STUB)
OD_OF_2(STUB)
OD_OF_3(STUB)

  .section .note.GNU-stack,"",%progbits
