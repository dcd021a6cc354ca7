//go:build onednn

#include "common.h"

using namespace od;

// product is a matrix product of bfloat16 operands with sums in float32. The weights come
// in float32; the primitive chooses their order.
struct product {
  desc a, c;
  dnnl::matmul primitive;
  buffer b;

  product() = default;
  product(const desc &a, const desc &b_given, const desc &b_any, const desc &c) : a(a), c(c) {
    auto described = od::forward<dnnl::matmul>(dnnl::primitive_attr(), a, b_any, c);
    primitive = dnnl::matmul(described);
    b = buffer(b_given, described.weights_desc());
  }
  void run(const void *a_data, const float *b_data, float *c_data) {
    primitive.execute(stream(), {{DNNL_ARG_SRC, over(a, a_data)},
                                 {DNNL_ARG_WEIGHTS, b.from(b_data)},
                                 {DNNL_ARG_DST, over(c, c_data)}});
  }
};

// od_dense is a fully connected layer. Its weights stay in ONNX's order, (out, in): bringing
// float32 into another one costs more than it wins. The forward product then is quickest as
// a matmul, the two gradients as dnnl_sgemm. In bfloat16 all three are matmuls.
struct od_dense {
  od_dense_spec spec;
  desc x, w, b, y;
  std::vector<float> zeros;
  std::vector<unsigned short> narrowed; // what the products in bfloat16 begin with
  dnnl::matmul forward;
  buffer w_forward;
  bool differentiable = false;
  product input, weights;

  explicit od_dense(const od_dense_spec &s);
  void make_gradients();
  const void *low(const float *data, size_t n);
};

od_dense::od_dense(const od_dense_spec &s) : spec(s) {
  type t = s.bf16 ? type::bf16 : type::f32;
  x = desc({s.n, s.in}, t, dims{s.in, 1});
  w = desc({s.in, s.out}, type::f32, dims{1, s.in});
  b = desc({1, s.out}, type::f32, dims{s.out, 1});
  y = desc({s.n, s.out}, type::f32, dims{s.out, 1});
  zeros.assign(s.out, 0.f);
  dnnl::primitive_attr attr;
  if (s.clamp) {
    clamp(attr, s.lo, s.hi);
  }
  desc w_any = s.bf16 ? desc({s.in, s.out}, type::bf16, tag::any) : w;
  auto described = od::forward<dnnl::matmul>(attr, x, w_any, b, y);
  forward = dnnl::matmul(described);
  w_forward = buffer(w, described.weights_desc());
}

void od_dense::make_gradients() {
  if (differentiable) {
    return;
  }
  const od_dense_spec &s = spec;
  desc dy({s.n, s.out}, type::bf16, dims{s.out, 1}), dy_turned({s.out, s.n}, type::bf16, dims{1, s.out});
  desc w_given({s.out, s.in}, type::f32, dims{s.in, 1}), w_any({s.out, s.in}, type::bf16, tag::any);
  desc x_given({s.n, s.in}, type::f32, dims{s.in, 1}), x_any({s.n, s.in}, type::bf16, tag::any);
  input = product(dy, w_given, w_any, x_given);
  weights = product(dy_turned, x_given, x_any, w_given);
  differentiable = true;
}

// low returns data in bfloat16.
const void *od_dense::low(const float *data, size_t n) {
  if (!spec.bf16) {
    return data;
  }
  narrowed.resize(n);
  narrow(narrowed.data(), data, n);
  return narrowed.data();
}

const char *od_dense_new(const od_dense_spec *s, od_dense **out) {
  return guard([&] { *out = new od_dense(*s); });
}

void od_dense_free(od_dense *p) { delete p; }

const char *od_dense_forward(od_dense *p, float *y, const float *x, const float *w, const float *bias) {
  return guard([&] {
    p->forward.execute(stream(), {{DNNL_ARG_SRC, over(p->x, p->low(x, size_t(p->spec.n) * p->spec.in))},
                                  {DNNL_ARG_WEIGHTS, p->w_forward.from(w)},
                                  {DNNL_ARG_BIAS, over(p->b, bias ? bias : p->zeros.data())},
                                  {DNNL_ARG_DST, over(p->y, y)}});
  });
}

const char *od_dense_input(od_dense *p, float *dx, const float *up, const float *w) {
  const od_dense_spec &s = p->spec;
  if (!s.bf16) {
    return od_sgemm(0, 0, s.n, s.in, s.out, up, s.out, w, s.in, 0, dx, s.in);
  }
  return guard([&] {
    p->make_gradients();
    p->input.run(p->low(up, size_t(s.n) * s.out), w, dx);
  });
}

const char *od_dense_weights(od_dense *p, float *dw, const float *up, const float *x) {
  const od_dense_spec &s = p->spec;
  if (!s.bf16) {
    return od_sgemm(1, 0, s.out, s.in, s.n, up, s.out, x, s.in, 0, dw, s.in);
  }
  return guard([&] {
    p->make_gradients();
    p->weights.run(p->low(up, size_t(s.n) * s.out), x, dw);
  });
}
