//go:build onednn

#include "common.h"

using namespace od;

// od_dense is a fully connected layer with its gradients. Its weights stay in ONNX's
// order, (out, in): bringing them into another one costs more than it wins. The forward
// product then is quickest as a matmul, the two gradients as dnnl_sgemm.
struct od_dense {
  od_dense_spec spec;
  desc x, w, b, y;
  std::vector<float> zeros;
  dnnl::matmul forward;

  explicit od_dense(const od_dense_spec &s);
};

od_dense::od_dense(const od_dense_spec &s) : spec(s) {
  x = desc({s.n, s.in}, type::f32, dims{s.in, 1});
  w = desc({s.in, s.out}, type::f32, dims{1, s.in});
  b = desc({1, s.out}, type::f32, dims{s.out, 1});
  y = desc({s.n, s.out}, type::f32, dims{s.out, 1});
  zeros.assign(s.out, 0.f);
  dnnl::primitive_attr attr;
  if (s.relu) {
    rectify(attr);
  }
  forward = dnnl::matmul(od::forward<dnnl::matmul>(attr, x, w, b, y));
}

const char *od_dense_new(const od_dense_spec *s, od_dense **out) {
  return guard([&] { *out = new od_dense(*s); });
}

void od_dense_free(od_dense *p) { delete p; }

const char *od_dense_forward(od_dense *p, float *y, const float *x, const float *w, const float *bias) {
  return guard([&] {
    p->forward.execute(stream(), {{DNNL_ARG_SRC, over(p->x, x)},
                                  {DNNL_ARG_WEIGHTS, over(p->w, w)},
                                  {DNNL_ARG_BIAS, over(p->b, bias ? bias : p->zeros.data())},
                                  {DNNL_ARG_DST, over(p->y, y)}});
  });
}

const char *od_dense_input(od_dense *p, float *dx, const float *up, const float *w) {
  const od_dense_spec &s = p->spec;
  return od_sgemm(0, 0, s.n, s.in, s.out, up, s.out, w, s.in, 0, dx, s.in);
}

const char *od_dense_weights(od_dense *p, float *dw, const float *up, const float *x) {
  const od_dense_spec &s = p->spec;
  return od_sgemm(1, 0, s.out, s.in, s.n, up, s.out, x, s.in, 0, dw, s.in);
}
