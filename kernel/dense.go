package kernel

import (
	"fmt"

	"alexctl/kernel/vector"
)

// Dense is ONNX's Gemm with transB=1: inputs x (N, In), w (Out, In) and, with Bias,
// b (Out); output y (N, Out), clamped. Equals torch.nn.Linear, and ReLU after it.
type Dense struct {
	N, In, Out int
	Bias       bool
	Clamp      Clamp
}

// Sizes returns the elements of x, w, b and y.
func (s Dense) Sizes() (in []int, out int) {
	in = []int{s.N * s.In, s.Out * s.In}
	if s.Bias {
		in = append(in, s.Out)
	}
	return in, s.N * s.Out
}

// Differentiable is true for every input.
func (s Dense) Differentiable(int) bool { return true }

// Clamping returns the clamp of the sums.
func (s Dense) Clamping() Clamp { return s.Clamp }

// Reads returns the weights for the gradient of x, and x for that of the weights.
func (s Dense) Reads(i int) Reads { return Conv{}.Reads(i) }

// Check reports sizes that make no sense.
func (s Dense) Check() error {
	if s.N < 1 || s.In < 1 || s.Out < 1 {
		return fmt.Errorf("a dense layer of %d to %d, batch %d", s.In, s.Out, s.N)
	}
	return nil
}

// dense splits each of its products over the outputs or the inputs, so that no sums
// of different workers need adding.
type dense[T Float] struct{ *DenseGradients[T] }

func newDense[T Float](s Dense, k workers) *dense[T] {
	return &dense[T]{NewDenseGradients[T](s, k)}
}

func (d *dense[T]) Forward(y []T, in ...[]T) {
	x, w := in[0], in[1]
	d.workers.run(d.Out, func(worker, lo, hi int) {
		d.scratch[worker].product(d.N, hi-lo, d.In, matrix[T]{x, d.In, false}, matrix[T]{w[lo*d.In:], d.In, true}, 0, y[lo:], d.Out)
		for n := range d.N {
			row := y[n*d.Out+lo:][:hi-lo]
			if d.Bias {
				vector.Add(row, in[2][lo:hi])
			}
			clampRows(d.Clamp, row)
		}
	})
}

func (d *dense[T]) Backward(i int, dx, up, _ []T, in ...[]T) {
	d.Compute(i, dx, up, in...)
}

// Streams is true for the weights.
func (d *dense[T]) Streams(i int) bool { return i == 1 }

func (d *dense[T]) Stream(_ int, up, _ []T, in [][]T, f func(worker, lo int, part []T)) {
	d.Parts(up, in[0], f)
}

// DenseGradients computes the gradients of a dense layer.
type DenseGradients[T Float] struct {
	Dense
	workers workers
	scratch []scratch[T]
	parts   [][]T // by worker: rows of the weights' gradient
}

// NewDenseGradients prepares them on a pool.
func NewDenseGradients[T Float](s Dense, p Pool) *DenseGradients[T] {
	return &DenseGradients[T]{Dense: s, workers: workers{p}, scratch: make([]scratch[T], p.Size()), parts: make([][]T, p.Size())}
}

// Compute computes the gradient of input i from that of the sums, up.
func (d *DenseGradients[T]) Compute(i int, dx, up []T, in ...[]T) {
	switch i {
	case 0:
		d.workers.run(d.In, func(worker, lo, hi int) {
			d.scratch[worker].product(d.N, hi-lo, d.Out, matrix[T]{up, d.Out, false}, matrix[T]{in[1][lo:], d.In, false}, 0, dx[lo:], d.In)
		})
	case 1:
		d.workers.run(d.Out, func(worker, lo, hi int) {
			d.scratch[worker].product(hi-lo, d.In, d.N, matrix[T]{up[lo:], d.Out, true}, matrix[T]{in[0], d.In, false}, 0, dx[lo*d.In:], d.In)
		})
	case 2:
		ColumnSums(d.workers, dx, up)
	}
}

// partElements is about how many elements of the weights' gradient are made at once: they
// should stay in the second-level cache.
const partElements = 1 << 17

// Parts computes the gradient of the weights and gives it to f part by part, as Stream.
func (d *DenseGradients[T]) Parts(up, x []T, f func(worker, lo int, part []T)) {
	rows := max(1, partElements/d.In)
	d.workers.run(d.Out, func(worker, lo, hi int) {
		d.parts[worker] = grow(d.parts[worker], rows*d.In)
		for ; lo < hi; lo += rows {
			n := min(rows, hi-lo)
			part := d.parts[worker][:n*d.In]
			d.scratch[worker].product(n, d.In, d.N, matrix[T]{up[lo:], d.Out, true}, matrix[T]{x, d.In, false}, 0, part, d.In)
			f(worker, lo*d.In, part)
		}
	})
}

// MatMul is ONNX's MatMul and Gemm with any transposition: a product of matrices a
// (M, K) and b (K, N), or their transposes, for each of a batch. ABatch and BBatch
// say which matrix of a and b each of the products takes, as ONNX broadcasts them.
type MatMul struct {
	M, N, K        int
	ABatch, BBatch []int
	TransA, TransB bool
}

// Sizes returns the elements of a, b and y.
func (s MatMul) Sizes() (in []int, out int) {
	count := func(batch []int) int {
		most := 0
		for _, i := range batch {
			most = max(most, i+1)
		}
		return most
	}
	return []int{count(s.ABatch) * s.M * s.K, count(s.BBatch) * s.K * s.N}, len(s.ABatch) * s.M * s.N
}

// Reads returns the other matrices.
func (s MatMul) Reads(i int) Reads { return inputs(1 - i) }

// Differentiable is true for both inputs.
func (s MatMul) Differentiable(int) bool { return true }

// Check reports sizes that make no sense.
func (s MatMul) Check() error {
	if s.M < 1 || s.N < 1 || s.K < 1 || len(s.ABatch) != len(s.BBatch) {
		return fmt.Errorf("products of (%d, %d) and (%d, %d), %d and %d of them", s.M, s.K, s.K, s.N, len(s.ABatch), len(s.BBatch))
	}
	return nil
}

type matMul[T Float] struct {
	MatMul
	workers workers
	scratch []scratch[T]
}

func newMatMul[T Float](s MatMul, k workers) *matMul[T] {
	return &matMul[T]{MatMul: s, workers: k, scratch: make([]scratch[T], k.Size())}
}

// a and b return one of the matrices, the other way round with flip.
func (p *matMul[T]) a(x []T, i int, flip bool) matrix[T] {
	if p.TransA {
		return matrix[T]{x[i*p.M*p.K:], p.M, !flip}
	}
	return matrix[T]{x[i*p.M*p.K:], p.K, flip}
}

func (p *matMul[T]) b(x []T, i int, flip bool) matrix[T] {
	if p.TransB {
		return matrix[T]{x[i*p.K*p.N:], p.K, !flip}
	}
	return matrix[T]{x[i*p.K*p.N:], p.N, flip}
}

// multiply computes c = a b + beta c, where a is (m, k): rows or columns of c, whichever
// are more, are split among the workers.
func (p *matMul[T]) multiply(m, n, k int, a, b matrix[T], beta T, c []T) {
	if n >= m {
		p.workers.run(n, func(worker, lo, hi int) {
			p.scratch[worker].product(m, hi-lo, k, a, b.from(0, lo), beta, c[lo:], n)
		})
		return
	}
	p.workers.run(m, func(worker, lo, hi int) {
		p.scratch[worker].product(hi-lo, n, k, a.from(lo, 0), b, beta, c[lo*n:], n)
	})
}

func (p *matMul[T]) Forward(y []T, in ...[]T) {
	if len(p.ABatch) >= 2*p.workers.Size() { // each worker some products
		p.workers.run(len(p.ABatch), func(worker, lo, hi int) {
			for i := lo; i < hi; i++ {
				p.scratch[worker].product(p.M, p.N, p.K, p.a(in[0], p.ABatch[i], false), p.b(in[1], p.BBatch[i], false), 0, y[i*p.M*p.N:], p.N)
			}
		})
		return
	}
	for i := range p.ABatch {
		p.multiply(p.M, p.N, p.K, p.a(in[0], p.ABatch[i], false), p.b(in[1], p.BBatch[i], false), 0, y[i*p.M*p.N:])
	}
}

func (p *matMul[T]) Backward(i int, dx, dy, _ []T, in ...[]T) {
	clear(dx)
	for j := range p.ABatch {
		up := matrix[T]{dy[j*p.M*p.N:], p.N, false}
		upTrans := matrix[T]{dy[j*p.M*p.N:], p.N, true}
		switch {
		case i == 0 && !p.TransA: // dA = dY B'
			p.multiply(p.M, p.K, p.N, up, p.b(in[1], p.BBatch[j], true), 1, dx[p.ABatch[j]*p.M*p.K:])
		case i == 0: // A is (K, M): dA = B dY'
			p.multiply(p.K, p.M, p.N, p.b(in[1], p.BBatch[j], false), upTrans, 1, dx[p.ABatch[j]*p.M*p.K:])
		case !p.TransB: // dB = A' dY
			p.multiply(p.K, p.N, p.M, p.a(in[0], p.ABatch[j], true), up, 1, dx[p.BBatch[j]*p.K*p.N:])
		default: // B is (N, K): dB = dY' A
			p.multiply(p.N, p.K, p.M, upTrans, p.a(in[0], p.ABatch[j], false), 1, dx[p.BBatch[j]*p.K*p.N:])
		}
	}
}
