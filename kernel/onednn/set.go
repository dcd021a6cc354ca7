//go:build onednn && cgo

package onednn

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"alexctl/kernel"
)

// set is the Set over oneDNN.
type set struct {
	pool      pool
	precision Precision
	amx       bool                // whether bfloat16 is computed by AMX
	plain     kernel.Set[float32] // for what oneDNN does not do, or not better
}

func open(threads int, p Precision) (kernel.Set[float32], error) {
	if err := load(); err != nil {
		return nil, err
	}
	if p == BFloat16 && BFloat16Unit() == "" {
		return nil, ErrPrecision
	}
	return &set{pool: pool(threads), precision: p, amx: BFloat16Unit() == "amx", plain: kernel.Plain[float32](pool(threads))}, nil
}

// BFloat16Unit names what computes in bfloat16 here, "amx" or "avx512_bf16", or is "".
func BFloat16Unit() string {
	if load() != nil {
		return ""
	}
	return C.GoString(C.od_bf16())
}

// version returns the library's.
func version() [3]int {
	var v [3]C.int
	C.od_version(&v[0])
	return [3]int{int(v[0]), int(v[1]), int(v[2])}
}

// Name returns "onednn" with the library's version and the precision: "onednn-3.2.0".
func (s *set) Name() string {
	v := version()
	name := fmt.Sprintf("onednn-%d.%d.%d", v[0], v[1], v[2])
	if s.precision == BFloat16 {
		name += "-bf16-" + BFloat16Unit()
	}
	return name
}

// Pool returns oneDNN's threads.
func (s *set) Pool() kernel.Pool { return s.pool }

// Arithmetic returns that of the kernels in Go, with operands in bfloat16 where that was asked
// for.
func (s *set) Arithmetic(batch int) kernel.Arithmetic {
	a := s.plain.Arithmetic(batch)
	if s.precision == BFloat16 {
		a.Operand = 0x1p-8
	}
	return a
}

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
	}
	if plan == nil || err != nil {
		return s.plain.Plan(spec)
	}
	return plan, nil
}

// call runs a function of the shim. After the sizes have been checked nothing but a fault of
// ours fails.
func (s *set) call(f func() *C.char) {
	if err := s.try(f); err != nil {
		panic(err.Error())
	}
}

// try is call for what may fail: a primitive that the library lacks.
func (s *set) try(f func() *C.char) (err error) {
	s.pool.Do(func() {
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
