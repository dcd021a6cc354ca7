//go:build onednn && cgo

package onednn

// #include "shim.h"
import "C"

import (
	goruntime "runtime"

	"alexctl/kernel"
)

// conv is a convolution by oneDNN.
type conv struct {
	kernel.Conv
	set  *set
	c    *C.od_conv
	bf16 bool

	// What the Backwards after one Forward share.
	narrowed bool      // whether oneDNN has the gradient of the sums in bfloat16
	dbias    []float32 // the gradient of the bias, made with that of the weights
	summed   bool      // whether it is there
}

func (s *set) conv(spec kernel.Conv) (kernel.Plan[float32], error) {
	// Pairs of channels are what bfloat16 multiplies: a few, as of an image, win nothing.
	const few = 16
	bf16 := s.precision == BFloat16 && spec.C/spec.Group >= few
	if spec.Saves() && (!bf16 || !s.amx) {
		plan, err := s.plain.Plan(spec)
		if bf16 {
			plan = &rounded{Plan: plan, set: s}
		}
		return plan, err
	}
	p := &conv{Conv: spec, set: s, dbias: make([]float32, spec.M)}
	// oneDNN 2.6 reads what is not there in the gradient of bfloat16 weights where the
	// output is one position wide.
	p.bf16 = bf16 && spec.Window[2].Out > 1
	c := C.od_conv_spec{
		n: C.int(spec.N), c: C.int(spec.C), m: C.int(spec.M), group: C.int(spec.Group), fixed: flag(spec.Fixed),
		clamp: flag(spec.Clamp.On()), lo: C.float(spec.Clamp.Lo), hi: C.float(spec.Clamp.Hi), bf16: flag(p.bf16),
	}
	for i, a := range spec.Window {
		c.axes[i] = C.od_axis{in: C.int(a.In), out: C.int(a.Out), kernel: C.int(a.Kernel), stride: C.int(a.Stride),
			dilation: C.int(a.Dilation), begin: C.int(a.Begin), end: C.int(a.End)}
	}
	if err := s.try(func() *C.char { return C.od_conv_new(&c, &p.c) }); err != nil {
		return nil, err
	}
	goruntime.AddCleanup(p, func(c *C.od_conv) { go one().do(1, func() { C.od_conv_free(c) }) }, p.c)
	return p, nil
}

func (p *conv) Forward(y []float32, in ...[]float32) {
	p.narrowed, p.summed = false, false
	p.set.call(func() *C.char { return C.od_conv_forward(p.c, floats(y), floats(in[0]), floats(in[1]), bias(in)) })
}

func (p *conv) Backward(i int, dx, up, _ []float32, in ...[]float32) {
	if p.bf16 {
		p.narrow(up)
	}
	switch {
	case i == 0:
		p.set.call(func() *C.char { return C.od_conv_input(p.c, floats(dx), floats(up), floats(in[1])) })
	case i == 1:
		p.weights(dx, up, in[0])
	case !p.bf16 && !p.summed:
		kernel.ColumnSums(p.set.pool, dx, up)
	default:
		if !p.summed {
			p.weights(make([]float32, len(in[1])), up, in[0])
		}
		copy(dx, p.dbias)
	}
}

// weights computes the gradients of weights and bias.
func (p *conv) weights(dw, up, x []float32) {
	p.set.call(func() *C.char {
		return C.od_conv_weights(p.c, floats(dw), floats(p.dbias), floats(up), floats(x))
	})
	p.summed = true
}

// narrow rounds the gradient that reaches the sums to bfloat16, once for all Backwards.
func (p *conv) narrow(up []float32) {
	if p.narrowed {
		return
	}
	p.narrowed = true
	p.set.call(func() *C.char { return C.od_conv_narrow(p.c, floats(up)) })
}
