//go:build onednn

// What the files of the shim share: the engine, and one way to describe primitives for
// both of oneDNN's APIs.
#ifndef ALEXCTL_ONEDNN_COMMON_H
#define ALEXCTL_ONEDNN_COMMON_H

#include <dnnl.hpp>

#include <cmath>
#include <exception>
#include <string>
#include <vector>

#include "shim.h"

namespace od {

using dnnl::memory;
using dnnl::prop_kind;
using desc = memory::desc;
using dims = memory::dims;
using type = memory::data_type;
using tag = memory::format_tag;

inline dnnl::engine &engine() {
  static dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

inline dnnl::stream &stream() {
  static dnnl::stream s(engine());
  return s;
}

// forward describes a primitive P. Up to 2.x its arguments are wrapped in a descriptor.
template <class P, class... A>
typename P::primitive_desc forward(const dnnl::primitive_attr &attr, const A &...a) {
#if DNNL_VERSION_MAJOR >= 3
  return typename P::primitive_desc(engine(), a..., attr);
#else
  return typename P::primitive_desc(typename P::desc(a...), attr, engine());
#endif
}

// backward describes a gradient of the primitive described by hint.
template <class P, class H, class... A>
typename P::primitive_desc backward(const H &hint, const A &...a) {
#if DNNL_VERSION_MAJOR >= 3
  return typename P::primitive_desc(engine(), a..., hint);
#else
  return typename P::primitive_desc(typename P::desc(a...), engine(), hint);
#endif
}

// clamp appends ReLU, or a clip to lo and hi, to what attr is given to.
inline void clamp(dnnl::primitive_attr &attr, float lo, float hi) {
  dnnl::post_ops ops;
  bool relu = lo == 0.f && std::isinf(hi);
  auto what = relu ? dnnl::algorithm::eltwise_relu : dnnl::algorithm::eltwise_clip;
  float a = relu ? 0.f : lo, b = relu ? 0.f : hi;
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(what, a, b);
#else
  ops.append_eltwise(1.f, what, a, b);
#endif
  attr.set_post_ops(ops);
}

// over returns d over data of Go's.
inline memory over(const desc &d, const void *data) {
  return memory(d, engine(), const_cast<void *>(data));
}

// converter copies between two layouts or types, and does nothing where they are the same.
class converter {
public:
  converter() = default;
  converter(const desc &from, const desc &to) : same_(from == to) {
    if (!same_) {
      reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
    }
  }
  bool same() const { return same_; }
  void run(const memory &from, const memory &to) {
    reorder_.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

private:
  bool same_ = true;
  dnnl::reorder reorder_;
};

// buffer is memory of our own in the layout that a primitive wants.
class buffer {
public:
  buffer() = default;
  buffer(const desc &given, const desc &wanted) : given_(given), convert_(given, wanted) {
    if (!convert_.same()) {
      memory_ = memory(wanted, engine());
    }
  }
  // kept is from for data that is the same every time: it is brought into the layout once.
  memory kept(const float *data) {
    if (convert_.same() || !done_) {
      done_ = true;
      return from(data);
    }
    return memory_;
  }
  // from returns data in the wanted layout.
  memory from(const float *data) {
    if (convert_.same()) {
      return over(given_, data);
    }
    convert_.run(over(given_, data), memory_);
    return memory_;
  }

private:
  desc given_;
  converter convert_;
  memory memory_;
  bool done_ = false;
};

// narrow sets to[i] to x[i] in bfloat16, rounded to nearest even.
void narrow(unsigned short *to, const float *x, size_t n);

// fail keeps a message until the next one.
const char *fail(const char *what);

// guard runs f and turns what it throws into a message.
template <class F> const char *guard(F f) {
  try {
    f();
    return nullptr;
  } catch (const dnnl::error &e) {
    return fail(e.what());
  } catch (const std::exception &e) {
    return fail(e.what());
  }
}

} // namespace od
#endif
