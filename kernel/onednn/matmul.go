//go:build onednn && cgo

package onednn

// #include "shim.h"
import "C"

import "alexctl/kernel"

// matMul multiplies with dnnl_sgemm, each product on all threads.
type matMul struct {
	kernel.MatMul
	set *set
}

// operand is a row-major matrix with its stride, or its transpose.
type operand struct {
	data   []float32
	stride int
	trans  bool
}

func (o operand) flip() operand {
	o.trans = !o.trans
	return o
}

func (p *matMul) a(x []float32, i int) operand {
	if p.TransA {
		return operand{x[i*p.M*p.K:], p.M, true}
	}
	return operand{x[i*p.M*p.K:], p.K, false}
}

func (p *matMul) b(x []float32, i int) operand {
	if p.TransB {
		return operand{x[i*p.K*p.N:], p.K, true}
	}
	return operand{x[i*p.K*p.N:], p.N, false}
}

// product is c = a b + beta c on the thread of oneDNN, a being m by k.
func product(m, n, k int, a, b operand, beta float32, c []float32) *C.char {
	return C.od_sgemm(flag(a.trans), flag(b.trans), C.int(m), C.int(n), C.int(k), floats(a.data), C.int(a.stride),
		floats(b.data), C.int(b.stride), C.float(beta), floats(c), C.int(n))
}

func (p *matMul) Forward(y []float32, in ...[]float32) {
	p.set.call(func() *C.char {
		for i := range p.ABatch {
			if m := product(p.M, p.N, p.K, p.a(in[0], p.ABatch[i]), p.b(in[1], p.BBatch[i]), 0, y[i*p.M*p.N:]); m != nil {
				return m
			}
		}
		return nil
	})
}

func (p *matMul) Backward(i int, dx, dy, _ []float32, in ...[]float32) {
	clear(dx)
	p.set.call(func() *C.char {
		for j := range p.ABatch {
			up := operand{dy[j*p.M*p.N:], p.N, false}
			a, b := p.a(in[0], p.ABatch[j]), p.b(in[1], p.BBatch[j])
			var message *C.char
			switch {
			case i == 0 && !p.TransA: // dA = dY B'
				message = product(p.M, p.K, p.N, up, b.flip(), 1, dx[p.ABatch[j]*p.M*p.K:])
			case i == 0: // A is (K, M): dA = B dY'
				message = product(p.K, p.M, p.N, b, up.flip(), 1, dx[p.ABatch[j]*p.M*p.K:])
			case !p.TransB: // dB = A' dY
				message = product(p.K, p.N, p.M, a.flip(), up, 1, dx[p.BBatch[j]*p.K*p.N:])
			default: // B is (N, K): dB = dY' A
				message = product(p.N, p.K, p.M, up.flip(), a, 1, dx[p.BBatch[j]*p.K*p.N:])
			}
			if message != nil {
				return message
			}
		}
		return nil
	})
}
