//go:build onednn

// What Go calls: oneDNN behind a C interface that is the same over its 2.x and 3.x
// APIs. Functions that can fail return NULL, or what went wrong: a string that lives
// until the next call. All calls come from one thread.
#ifndef ALEXCTL_ONEDNN_SHIM_H
#define ALEXCTL_ONEDNN_SHIM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int in, out, kernel, stride, dilation, begin, end;
} od_axis;

typedef struct {
  int n, c, m, group;
  od_axis axes[3];
  int fixed; // whether w is the same every time
  int clamp; // whether the sums are clamped, to lo and hi
  float lo, hi;
  int bf16; // compute in bfloat16, with sums in float32
} od_conv_spec;

typedef struct {
  int n, in, out;
  int clamp;
  float lo, hi;
  int bf16;
} od_dense_spec;

typedef struct od_conv od_conv;
typedef struct od_dense od_dense;

// od_load finds the functions in the library, which is loaded; od_major is the version that it
// must be of. Nothing below may be called before.
const char *od_load(const char *path);
int od_major(void);

// od_version fills in the version of the library.
void od_version(int version[3]);

// od_bf16 says how the processor computes in bfloat16: "amx", "avx512_bf16" or "".
const char *od_bf16(void);

// od_threads sets how many threads compute from now on.
void od_threads(int n);

// od_enter marks the calling thread as the one that makes all calls, and od_here reports
// whether the calling thread is it.
void od_enter(void);
int od_here(void);

// od_parallel calls alexctl_onednn_part(i) for each i below parts, on all threads.
void od_parallel(int parts);

const char *od_conv_new(const od_conv_spec *s, od_conv **out);
void od_conv_free(od_conv *p);
// x and y are channels-last, w is ONNX's (M, C/group, kernel). bias may be NULL.
const char *od_conv_forward(od_conv *p, float *y, const float *x, const float *w, const float *bias);
// od_conv_narrow is called before the next two, with bf16, and keeps the gradient of the
// sums in bfloat16 for them: y is what the rectifier made, or NULL.
const char *od_conv_narrow(od_conv *p, const float *up);
// up is the gradient of the sums. It is not read with bf16.
const char *od_conv_input(od_conv *p, float *dx, const float *up, const float *w);
const char *od_conv_weights(od_conv *p, float *dw, float *dbias, const float *up, const float *x);

const char *od_dense_new(const od_dense_spec *s, od_dense **out);
void od_dense_free(od_dense *p);
// x is (n, in), w is (out, in), y is (n, out). bias may be NULL.
const char *od_dense_forward(od_dense *p, float *y, const float *x, const float *w, const float *bias);
// up is the gradient of the sums.
const char *od_dense_input(od_dense *p, float *dx, const float *up, const float *w);
const char *od_dense_weights(od_dense *p, float *dw, const float *up, const float *x);

// od_sgemm computes c = op(a) op(b) + beta c of row-major matrices, op(a) being m by k.
const char *od_sgemm(int trans_a, int trans_b, int m, int n, int k, const float *a, int lda,
                     const float *b, int ldb, float beta, float *c, int ldc);

#ifdef __cplusplus
}
#endif
#endif
