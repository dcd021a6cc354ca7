//go:build onednn && cgo

package onednn

// #include "shim.h"
import "C"

import (
	"fmt"
	goruntime "runtime"
	"unsafe"

	"alexctl/kernel"
)

// set is the Set over oneDNN.
type set struct {
	pool      pool
	precision Precision
	plain     kernel.Set[float32] // for what oneDNN does not do, or not better
}

func open(threads int, p Precision) (kernel.Set[float32], error) {
	if p == BFloat16 && BFloat16Unit() == "" {
		return nil, ErrPrecision
	}
	return &set{pool: pool(threads), precision: p, plain: kernel.Plain[float32](pool(threads))}, nil
}

// BFloat16Unit names what computes in bfloat16 here, "amx" or "avx512_bf16", or is "".
func BFloat16Unit() string { return C.GoString(C.od_bf16()) }

// Name returns "onednn" with the library's version and the precision: "onednn-3.2.0".
func (s *set) Name() string {
	var v [3]C.int
	C.od_version(&v[0])
	name := fmt.Sprintf("onednn-%d.%d.%d", v[0], v[1], v[2])
	if s.precision == BFloat16 {
		name += "-bf16-" + BFloat16Unit()
	}
	return name
}

// Pool returns oneDNN's threads.
func (s *set) Pool() kernel.Pool { return s.pool }

// Plan prepares an operator. What oneDNN has no primitive for is planned in Go.
func (s *set) Plan(spec kernel.Spec) (kernel.Plan[float32], error) {
	if err := kernel.Check(spec); err != nil {
		return nil, err
	}
	var plan kernel.Plan[float32]
	var err error
	switch spec := spec.(type) {
	case kernel.Conv:
		plan, err = s.conv(spec)
	case kernel.Dense:
		plan, err = s.dense(spec)
	case kernel.MatMul:
		plan = &matMul{spec, s}
	}
	if plan == nil || err != nil {
		return s.plain.Plan(spec)
	}
	return plan, nil
}

// call runs a function of the shim that can fail. After the sizes have been checked
// nothing but a fault of ours fails.
func (s *set) call(f func() *C.char) {
	one().do(int(s.pool), func() {
		if message := f(); message != nil {
			panic("oneDNN: " + C.GoString(message))
		}
	})
}

// try is call for what may fail: a primitive that the library lacks.
func (s *set) try(f func() *C.char) (err error) {
	one().do(int(s.pool), func() {
		if message := f(); message != nil {
			err = fmt.Errorf("oneDNN: %s", C.GoString(message))
		}
	})
	return err
}

// floats is x as C sees it.
func floats(x []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// bias returns the input that holds the bias, or nil.
func bias(in [][]float32) *C.float {
	if len(in) < 3 {
		return nil
	}
	return floats(in[2])
}

type conv struct {
	kernel.Conv
	set *set
	c   *C.od_conv

	// What the Backwards after one Forward share.
	upstream bool      // whether the gradient that reaches the sums is there
	dbias    []float32 // the gradient of the bias, made with that of the weights
	summed   bool      // whether it is there
}

func (s *set) conv(spec kernel.Conv) (kernel.Plan[float32], error) {
	c := C.od_conv_spec{
		n: C.int(spec.N), c: C.int(spec.C), m: C.int(spec.M), group: C.int(spec.Group),
		relu: flag(spec.ReLU), bf16: flag(s.precision == BFloat16),
	}
	for i, a := range spec.Window {
		c.axes[i] = C.od_axis{in: C.int(a.In), out: C.int(a.Out), kernel: C.int(a.Kernel), stride: C.int(a.Stride),
			dilation: C.int(a.Dilation), begin: C.int(a.Begin), end: C.int(a.End)}
	}
	p := &conv{Conv: spec, set: s}
	if err := s.try(func() *C.char { return C.od_conv_new(&c, &p.c) }); err != nil {
		return nil, err
	}
	if spec.Bias {
		p.dbias = make([]float32, spec.M)
	}
	goruntime.AddCleanup(p, func(c *C.od_conv) { go one().do(1, func() { C.od_conv_free(c) }) }, p.c)
	return p, nil
}

func (p *conv) Forward(y []float32, in ...[]float32) {
	p.upstream, p.summed = false, false
	p.set.call(func() *C.char { return C.od_conv_forward(p.c, floats(y), floats(in[0]), floats(in[1]), bias(in)) })
}

func (p *conv) Backward(i int, dx, dy, y []float32, in ...[]float32) {
	p.set.call(func() *C.char {
		if !p.upstream {
			if m := C.od_conv_upstream(p.c, floats(dy), floats(y)); m != nil {
				return m
			}
			p.upstream = true
		}
		switch {
		case i == 0:
			return C.od_conv_input(p.c, floats(dx), floats(in[1]))
		case i == 1:
			p.summed = true
			return C.od_conv_weights(p.c, floats(dx), floats(p.dbias), floats(in[0]))
		case !p.summed:
			p.summed = true
			return C.od_conv_weights(p.c, floats(make([]float32, len(in[1]))), floats(p.dbias), floats(in[0]))
		}
		return nil
	})
	if i == 2 {
		copy(dx, p.dbias)
	}
}

type dense struct {
	kernel.Dense
	set      *set
	d        *C.od_dense
	upstream bool // whether the gradient that reaches the sums is there
}

func (s *set) dense(spec kernel.Dense) (kernel.Plan[float32], error) {
	c := C.od_dense_spec{n: C.int(spec.N), in: C.int(spec.In), out: C.int(spec.Out), relu: flag(spec.ReLU), bf16: flag(s.precision == BFloat16)}
	p := &dense{Dense: spec, set: s}
	if err := s.try(func() *C.char { return C.od_dense_new(&c, &p.d) }); err != nil {
		return nil, err
	}
	goruntime.AddCleanup(p, func(d *C.od_dense) { go one().do(1, func() { C.od_dense_free(d) }) }, p.d)
	return p, nil
}

func (p *dense) Forward(y []float32, in ...[]float32) {
	p.upstream = false
	p.set.call(func() *C.char { return C.od_dense_forward(p.d, floats(y), floats(in[0]), floats(in[1]), bias(in)) })
}

func (p *dense) Backward(i int, dx, dy, y []float32, in ...[]float32) {
	p.set.call(func() *C.char {
		if !p.upstream {
			if m := C.od_dense_upstream(p.d, floats(dy), floats(y)); m != nil {
				return m
			}
			p.upstream = true
		}
		switch i {
		case 0:
			return C.od_dense_input(p.d, floats(dx), floats(in[1]))
		case 1:
			return C.od_dense_weights(p.d, floats(dx), floats(in[0]))
		}
		return C.od_dense_bias(p.d, floats(dx))
	})
}
