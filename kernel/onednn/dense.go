//go:build onednn && cgo

package onednn

// #include "shim.h"
import "C"

import (
	goruntime "runtime"

	"alexctl/kernel"
	"alexctl/kernel/gemm"
)

// dense is a dense layer whose output comes from oneDNN. Its gradients are products in Go
// where there are vectors for them, which were measured to be quicker.
type dense struct {
	kernel.Dense
	set       *set
	d         *C.od_dense
	gradients *kernel.DenseGradients[float32]
	own       bool // whether the gradients are made in Go
}

func (s *set) dense(spec kernel.Dense) (kernel.Plan[float32], error) {
	// Without AMX, bfloat16 is no quicker, and all weights would have to be narrowed.
	bf16 := s.precision == BFloat16 && s.amx
	c := C.od_dense_spec{n: C.int(spec.N), in: C.int(spec.In), out: C.int(spec.Out), clamp: flag(spec.Clamp.On()), lo: C.float(spec.Clamp.Lo), hi: C.float(spec.Clamp.Hi), bf16: flag(bf16)}
	p := &dense{
		Dense: spec, set: s, own: !bf16 && gemm.Name() != "",
		gradients: kernel.NewDenseGradients[float32](spec, s.pool),
	}
	if err := s.try(func() *C.char { return C.od_dense_new(&c, &p.d) }); err != nil {
		return nil, err
	}
	goruntime.AddCleanup(p, func(d *C.od_dense) { go one().do(1, func() { C.od_dense_free(d) }) }, p.d)
	return p, nil
}

func (p *dense) Forward(y []float32, in ...[]float32) {
	p.set.call(func() *C.char { return C.od_dense_forward(p.d, floats(y), floats(in[0]), floats(in[1]), bias(in)) })
}

func (p *dense) Backward(i int, dx, up, _ []float32, in ...[]float32) {
	if p.own || i == 2 {
		p.gradients.Compute(i, dx, up, in...)
		return
	}
	p.set.call(func() *C.char {
		if i == 0 {
			return C.od_dense_input(p.d, floats(dx), floats(up), floats(in[1]))
		}
		return C.od_dense_weights(p.d, floats(dx), floats(up), floats(in[0]))
	})
}

// Streams is true for the weights, where their gradient is made in Go.
func (p *dense) Streams(i int) bool { return p.own && i == 1 }

func (p *dense) Stream(_ int, up, _ []float32, in [][]float32, f func(worker, lo int, part []float32)) {
	p.gradients.Parts(up, in[0], f)
}
