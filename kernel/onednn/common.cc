//go:build onednn

#include "common.h"

#include <cstdint>
#include <cstring>

#include <omp.h>

extern "C" void alexctl_onednn_part(int part);

namespace od {

const char *fail(const char *what) {
  static std::string message;
  message = what;
  return message.c_str();
}

// The loops below are compiled for several processors; the one that fits is called.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif

static inline uint32_t bits(float x) {
  uint32_t u;
  std::memcpy(&u, &x, sizeof u);
  return u;
}

// rounded is the upper half of u, rounded to nearest even; a NaN stays one.
static inline unsigned short rounded(uint32_t u) {
  uint32_t r = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
  return (unsigned short)((u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : r);
}

VECTORS static void narrow_part(unsigned short *__restrict to, const float *__restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    to[i] = rounded(bits(x[i]));
  }
}

// parts calls f for contiguous parts of 0 to n, one a thread.
template <class F> static void parts(size_t n, F f) {
#pragma omp parallel
  {
    size_t t = omp_get_thread_num(), all = omp_get_num_threads();
    size_t lo = n * t / all, hi = n * (t + 1) / all;
    f(lo, hi - lo);
  }
}

void narrow(unsigned short *to, const float *x, size_t n) {
  parts(n, [=](size_t at, size_t m) { narrow_part(to + at, x + at, m); });
}

} // namespace od

void od_version(int version[3]) {
  const dnnl_version_t *v = dnnl_version();
  version[0] = v->major;
  version[1] = v->minor;
  version[2] = v->patch;
}

const char *od_bf16(void) {
  // The instruction sets are bit masks: a larger one has the bits of what it includes.
  auto has = [](int want) { return (dnnl_get_effective_cpu_isa() & want) == want; };
  if (has(dnnl_cpu_isa_avx512_core_amx)) {
    return "amx";
  }
  return has(dnnl_cpu_isa_avx512_core_bf16) ? "avx512_bf16" : "";
}

static thread_local int here = 0;

void od_enter(void) { here = 1; }

int od_here(void) { return here; }

void od_threads(int n) { omp_set_num_threads(n); }

void od_parallel(int parts) {
#pragma omp parallel
  for (int i = omp_get_thread_num(); i < parts; i += omp_get_num_threads()) {
    alexctl_onednn_part(i);
  }
}

const char *od_sgemm(int trans_a, int trans_b, int m, int n, int k, const float *a, int lda,
                     const float *b, int ldb, float beta, float *c, int ldc) {
  auto status = dnnl_sgemm(trans_a ? 'T' : 'N', trans_b ? 'T' : 'N', m, n, k, 1.f, a, lda, b, ldb, beta, c, ldc);
  return status == dnnl_success ? nullptr : od::fail("dnnl_sgemm refused its operands");
}
