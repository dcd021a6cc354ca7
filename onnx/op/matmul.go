package op

import (
	"fmt"

	"alexctl/onnx"
)

// matMul is MatMul-1, -9, -13: numpy.matmul. The last two axes are matrices, those
// before them broadcast; a vector on the left is a row, on the right a column, and
// its axis is dropped from the result.
func matMul() *Spec {
	return &Spec{
		Type: "MatMul", Since: []int64{1, 9, 13},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Params: []int{0, 1},
		Infer:  inferMatMul,
		MACs: func(_ *Node, in, out []*Info) int64 {
			if !in[0].Ranked || len(in[0].Shape) == 0 {
				return 0
			}
			return mul(out[0].count(), max(in[0].Shape[len(in[0].Shape)-1].N, 1))
		},
		Eval: evalMatMul,
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

func evalMatMul(_ *Node, in []*Array) ([]*Array, error) {
	a, b := in[0], in[1]
	if len(a.Shape) == 0 || len(b.Shape) == 0 || a.Type != b.Type {
		return nil, fmt.Errorf("inputs are %s%v and %s%v", a.Type, a.Shape, b.Type, b.Shape)
	}
	x, y := a.Shape, b.Shape
	if len(x) == 1 {
		x = []int{1, x[0]}
	}
	if len(y) == 1 {
		y = []int{y[0], 1}
	}
	m, k, n := x[len(x)-2], x[len(x)-1], y[len(y)-1]
	if y[len(y)-2] != k {
		return nil, fmt.Errorf("inputs are %v and %v: inner dimensions differ", a.Shape, b.Shape)
	}
	batch, err := Broadcast(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return nil, err
	}
	shape := append([]int{}, batch...)
	if len(a.Shape) > 1 {
		shape = append(shape, m)
	}
	if len(b.Shape) > 1 {
		shape = append(shape, n)
	}
	out, err := NewArray(a.Type, shape...)
	if err != nil {
		return nil, err
	}
	fromA, fromB := broadcastIndex(x[:len(x)-2], batch), broadcastIndex(y[:len(y)-2], batch)
	for p := range product(batch) {
		atA, atB := fromA(p)*m*k, fromB(p)*k*n
		for i := range m {
			for j := range n {
				at := (p*m+i)*n + j
				for q := range k {
					if out.float() {
						out.F[at] += a.F[atA+i*k+q] * b.F[atB+q*n+j]
					} else {
						out.I[at] = wrap(out.I[at]+a.I[atA+i*k+q]*b.I[atB+q*n+j], out.Type)
					}
				}
			}
		}
	}
	return []*Array{out}, nil
}
