package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// matMul is MatMul-1, -9, -13: numpy.matmul. The last two axes are matrices, those
// before them broadcast; a vector on the left is a row, on the right a column, and
// its axis is dropped from the result.
func matMul() *Spec {
	return &Spec{
		Type: "MatMul", Since: []int64{1, 9, 13},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Params:  []Param{{0, "left"}, {1, "weight"}},
		Product: MatrixProduct,
		Infer:   inferMatMul,
		MACs: func(_ *Node, in, out []*Info) int64 {
			if !in[0].Ranked || len(in[0].Shape) == 0 {
				return 0
			}
			return mul(out[0].count(), max(in[0].Shape[len(in[0].Shape)-1].N, 1))
		},
		Eval:  evalMatMul,
		Bound: boundMatMul,
	}
}

func inferMatMul(_ *Node, in []*Info) ([]*Info, error) {
	a, b := in[0], in[1]
	if err := sameType(in...); err != nil {
		return nil, err
	}
	if !a.Ranked || !b.Ranked {
		return unranked(a.Type), nil
	}
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return nil, fmt.Errorf("inputs are %s and %s, want no scalars", a.Shape, b.Shape)
	}
	x, y := a.Shape, b.Shape
	if len(x) == 1 {
		x = onnx.Shape{onnx.Known(1), x[0]}
	}
	if len(y) == 1 {
		y = onnx.Shape{y[0], onnx.Known(1)}
	}
	if x[len(x)-1].Conflicts(y[len(y)-2]) {
		return nil, fmt.Errorf("inputs are %s and %s: inner dimensions differ", a.Shape, b.Shape)
	}
	out, err := broadcastShapes(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return nil, err
	}
	if len(a.Shape) > 1 {
		out = append(out, x[len(x)-2])
	}
	if len(b.Shape) > 1 {
		out = append(out, y[len(y)-1])
	}
	return ranked(a.Type, out), nil
}

// matrices calls f with the place of each product of matrices: where its operands
// (m, k) and (k, n) and its result begin. It returns the result's shape.
func matrices(a, b []int, f func(atA, atB, at int)) (m, k, n int, shape []int, err error) {
	x, y := a, b
	if len(x) == 1 {
		x = []int{1, x[0]}
	}
	if len(y) == 1 {
		y = []int{y[0], 1}
	}
	m, k, n = x[len(x)-2], x[len(x)-1], y[len(y)-1]
	if y[len(y)-2] != k {
		return 0, 0, 0, nil, fmt.Errorf("inputs are %v and %v: inner dimensions differ", a, b)
	}
	batch, err := Broadcast(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return 0, 0, 0, nil, err
	}
	shape = append([]int{}, batch...)
	if len(a) > 1 {
		shape = append(shape, m)
	}
	if len(b) > 1 {
		shape = append(shape, n)
	}
	if f != nil {
		fromA, fromB := broadcastIndex(x[:len(x)-2], batch), broadcastIndex(y[:len(y)-2], batch)
		for p := range product(batch) {
			f(fromA(p)*m*k, fromB(p)*k*n, p*m*n)
		}
	}
	return m, k, n, shape, nil
}

func evalMatMul(_ *Node, in []*Array) ([]*Array, error) {
	a, b := in[0], in[1]
	if len(a.Shape) == 0 || len(b.Shape) == 0 || a.Type != b.Type {
		return nil, fmt.Errorf("inputs are %s%v and %s%v", a.Type, a.Shape, b.Type, b.Shape)
	}
	m, k, n, shape, err := matrices(a.Shape, b.Shape, nil)
	if err != nil {
		return nil, err
	}
	out, err := NewArray(a.Type, shape...)
	if err != nil {
		return nil, err
	}
	_, _, _, _, err = matrices(a.Shape, b.Shape, func(atA, atB, at int) {
		for i := range m * n {
			for q := range k {
				p, w := atA+i/n*k+q, atB+q*n+i%n
				if out.float() {
					out.F[at+i] += a.F[p] * b.F[w]
				} else {
					out.I[at+i] = wrap(out.I[at+i]+a.I[p]*b.I[w], out.Type)
				}
			}
		}
	})
	return []*Array{out}, err
}

// boundMatMul follows the partial sums of every element in the definition's order.
func boundMatMul(_ *Node, in, out []*Array, r Rounding) []float64 {
	a, b := in[0], in[1]
	limits := make([]float64, out[0].Len())
	m, k, n, _, err := matrices(a.Shape, b.Shape, nil)
	if err != nil {
		return limits // the evaluation said so
	}
	column := make([]float64, k)
	_, _, _, _, _ = matrices(a.Shape, b.Shape, func(atA, atB, at int) {
		for j := range n {
			for q := range column {
				column[q] = b.F[atB+q*n+j]
			}
			irregular := Irregular(column)
			for i := range m {
				sum, peak, norm2 := 0.0, 0.0, 0.0
				for q, w := range column {
					t := a.F[atA+i*k+q] * w
					sum += t
					norm2 += t * t
					peak = max(peak, math.Abs(sum))
				}
				limits[at+i*n+j] = r.Sum(k, out[0].F[at+i*n+j], peak, norm2, irregular)
			}
		}
	})
	return limits
}
