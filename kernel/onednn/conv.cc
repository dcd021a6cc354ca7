//go:build onednn

#include "common.h"

using namespace od;

// od_conv is a convolution with its two gradients. Activations are channels-last; weights
// come in ONNX's order and are brought into whatever order each primitive wants.
struct od_conv {
  od_conv_spec spec;
  size_t outputs;         // elements of y
  desc x, w, b, y;        // what Go has, all float32
  std::vector<float> zeros;

  dnnl::convolution_forward forward;
  buffer x_forward, w_forward;

  // The gradients, made when they are first asked for: inference never does.
  bool differentiable = false;
  dnnl::convolution_backward_data input;
  dnnl::convolution_backward_weights weights;
  buffer w_input;
  std::vector<unsigned short> narrowed; // the gradient of the sums
  converter dw_convert;
  memory dw;
  desc x_low, w_any_low, y_low; // x and y in the type that is computed in; w in any order
  dims w_dims, stride, dilation, begin, end;

  explicit od_conv(const od_conv_spec &s);
  void make_gradients();
};

od_conv::od_conv(const od_conv_spec &s) : spec(s) {
  // Axes of size 1 are left out, but for two.
  int first = s.axes[0].in == 1 && s.axes[0].out == 1 && s.axes[0].kernel == 1 && s.axes[0].begin == 0 && s.axes[0].end == 0 ? 1 : 0;
  dims xd{s.n, s.c}, yd{s.n, s.m}, wd{s.m / s.group, s.c / s.group};
  if (s.group > 1) {
    wd.insert(wd.begin(), s.group);
  }
  for (int i = first; i < 3; i++) {
    const od_axis &a = s.axes[i];
    xd.push_back(a.in);
    yd.push_back(a.out);
    wd.push_back(a.kernel);
    stride.push_back(a.stride);
    dilation.push_back(a.dilation - 1);
    begin.push_back(a.begin);
    end.push_back(a.end);
  }
  tag last = first ? tag::nhwc : tag::ndhwc;
  tag order = s.group > 1 ? (first ? tag::goihw : tag::goidhw) : (first ? tag::oihw : tag::oidhw);
  x = desc(xd, type::f32, last);
  y = desc(yd, type::f32, last);
  w = desc(wd, type::f32, order);
  b = desc({s.m}, type::f32, tag::x);
  w_dims = wd;
  zeros.assign(s.m, 0.f);
  outputs = y.get_size() / sizeof(float);

  type low = s.bf16 ? type::bf16 : type::f32;
  x_low = desc(xd, low, last);
  y_low = desc(yd, low, last);
  w_any_low = desc(wd, low, tag::any);
  dnnl::primitive_attr attr;
  if (s.clamp) {
    clamp(attr, s.lo, s.hi);
  }
  auto described = od::forward<dnnl::convolution_forward>(attr, prop_kind::forward_training, dnnl::algorithm::convolution_direct,
                                                     x_low, w_any_low, b, y, stride, dilation, begin, end);
  forward = dnnl::convolution_forward(described);
  x_forward = buffer(x, described.src_desc());
  w_forward = buffer(w, described.weights_desc());
}

void od_conv::make_gradients() {
  if (differentiable) {
    return;
  }
  dnnl::primitive_attr none;
  auto hint = od::forward<dnnl::convolution_forward>(none, prop_kind::forward_training, dnnl::algorithm::convolution_direct,
                                                     x_low, w_any_low, b, spec.bf16 ? y_low : y, stride, dilation, begin, end);
  auto in = backward<dnnl::convolution_backward_data>(hint, dnnl::algorithm::convolution_direct, x, w_any_low, y_low,
                                                      stride, dilation, begin, end);
  desc w_any(w_dims, type::f32, tag::any);
  auto wt = backward<dnnl::convolution_backward_weights>(hint, dnnl::algorithm::convolution_direct, x_low, w_any, b, y_low,
                                                         stride, dilation, begin, end);
  input = dnnl::convolution_backward_data(in);
  weights = dnnl::convolution_backward_weights(wt);
  w_input = buffer(w, in.weights_desc());
  dw_convert = converter(wt.diff_weights_desc(), w);
  if (!dw_convert.same()) {
    dw = memory(wt.diff_weights_desc(), engine());
  }
  if (spec.bf16) {
    narrowed.resize(outputs);
  }
  differentiable = true;
}

const char *od_conv_new(const od_conv_spec *s, od_conv **out) {
  return guard([&] { *out = new od_conv(*s); });
}

void od_conv_free(od_conv *p) { delete p; }

const char *od_conv_forward(od_conv *p, float *y, const float *x, const float *w, const float *bias) {
  return guard([&] {
    p->forward.execute(stream(), {{DNNL_ARG_SRC, p->x_forward.from(x)},
                                  {DNNL_ARG_WEIGHTS, p->spec.fixed ? p->w_forward.kept(w) : p->w_forward.from(w)},
                                  {DNNL_ARG_BIAS, over(p->b, bias ? bias : p->zeros.data())},
                                  {DNNL_ARG_DST, over(p->y, y)}});
  });
}

const char *od_conv_narrow(od_conv *p, const float *up) {
  return guard([&] {
    p->make_gradients();
    narrow(p->narrowed.data(), up, p->outputs);
  });
}

// gradient returns the gradient of the sums in the type that is computed in.
static memory gradient(od_conv *p, const float *up) {
  return over(p->y_low, p->spec.bf16 ? static_cast<const void *>(p->narrowed.data()) : up);
}

const char *od_conv_input(od_conv *p, float *dx, const float *up, const float *w) {
  return guard([&] {
    p->make_gradients();
    p->input.execute(stream(), {{DNNL_ARG_DIFF_DST, gradient(p, up)},
                                {DNNL_ARG_WEIGHTS, p->w_input.from(w)},
                                {DNNL_ARG_DIFF_SRC, over(p->x, dx)}});
  });
}

const char *od_conv_weights(od_conv *p, float *dw, float *dbias, const float *up, const float *x) {
  return guard([&] {
    p->make_gradients();
    memory to = p->dw_convert.same() ? over(p->w, dw) : p->dw;
    p->weights.execute(stream(), {{DNNL_ARG_SRC, p->x_forward.from(x)},
                                  {DNNL_ARG_DIFF_DST, gradient(p, up)},
                                  {DNNL_ARG_DIFF_WEIGHTS, to},
                                  {DNNL_ARG_DIFF_BIAS, over(p->b, dbias)}});
    if (!p->dw_convert.same()) {
      p->dw_convert.run(p->dw, over(p->w, dw));
    }
  });
}
