package op

import (
	"errors"
	"fmt"
	"slices"

	"alexctl/onnx"
)

// broadcastShapes returns the shape that a and b broadcast to, aligned at their
// last dimensions as in numpy.
func broadcastShapes(a, b onnx.Shape) (onnx.Shape, error) {
	out := make(onnx.Shape, max(len(a), len(b)))
	for i := range out {
		x, y := onnx.Known(1), onnx.Known(1)
		if k := i - len(out) + len(a); k >= 0 {
			x = a[k]
		}
		if k := i - len(out) + len(b); k >= 0 {
			y = b[k]
		}
		switch {
		case x.N == 1:
			out[i] = y
		case y.N == 1 || x.Same(y):
			out[i] = x
		case x.Conflicts(y):
			return nil, fmt.Errorf("shapes %s and %s do not broadcast", a, b)
		case x.IsKnown(): // the other is a symbol: it must be this or 1
			out[i] = x
		case y.IsKnown():
			out[i] = y
		default:
			out[i] = onnx.UnknownDim
		}
	}
	return out, nil
}

func inferBroadcast(_ *Node, in []*Info) ([]*Info, error) {
	if !in[0].Ranked || !in[1].Ranked {
		return unranked(in[0].Type), nil
	}
	shape, err := broadcastShapes(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return ranked(in[0].Type, shape), nil
}

func inferArithmetic(n *Node, in []*Info) ([]*Info, error) {
	if err := sameType(in...); err != nil {
		return nil, err
	}
	return inferBroadcast(n, in)
}

// BroadcastIndices returns, for each element of the shape out, the index of the
// element of the shape in that broadcasts to it.
func BroadcastIndices(in, out []int) []int {
	index := broadcastIndex(in, out)
	list := make([]int, product(out))
	for i := range list {
		list[i] = index(i)
	}
	return list
}

// Broadcast returns the shape that a and b broadcast to, aligned at their last
// dimensions.
func Broadcast(a, b []int) ([]int, error) {
	out := make([]int, max(len(a), len(b)))
	for i := range out {
		x, y := 1, 1
		if k := i - len(out) + len(a); k >= 0 {
			x = a[k]
		}
		if k := i - len(out) + len(b); k >= 0 {
			y = b[k]
		}
		if x != y && x != 1 && y != 1 {
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
		out[i] = y
		if y == 1 {
			out[i] = x
		}
	}
	return out, nil
}

// broadcastIndex returns, for each element of the shape out, the index in an
// array of the shape in that it is made from.
func broadcastIndex(in, out []int) func(i int) int {
	strides := stridesOf(in)
	outStrides := stridesOf(out)
	return func(i int) int {
		at := 0
		for k := range out {
			if j := k - len(out) + len(in); j >= 0 && in[j] != 1 {
				at += i / outStrides[k] % out[k] * strides[j]
			}
		}
		return at
	}
}

// pairs calls f for each element of the broadcast of a and b with the indices of
// its two sources.
func pairs(a, b *Array, f func(i, x, y int)) error {
	shape, err := Broadcast(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	total := product(shape)
	if slices.Equal(a.Shape, b.Shape) {
		for i := range total {
			f(i, i, i)
		}
		return nil
	}
	// Counted along the axes, the last one quickest, as by an odometer.
	rank := len(shape)
	steps := [2][]int{broadcastSteps(a.Shape, rank), broadcastSteps(b.Shape, rank)}
	count := make([]int, rank)
	x, y := 0, 0
	for i := range total {
		f(i, x, y)
		for k := rank - 1; k >= 0; k-- {
			count[k]++
			x, y = x+steps[0][k], y+steps[1][k]
			if count[k] < shape[k] {
				break
			}
			x, y = x-steps[0][k]*shape[k], y-steps[1][k]*shape[k]
			count[k] = 0
		}
	}
	return nil
}

// broadcastSteps returns how far the elements of a value of a shape are apart along each of so many
// axes, 0 where it repeats.
func broadcastSteps(in []int, rank int) []int {
	steps, strides := make([]int, rank), stridesOf(in)
	for j, d := range in {
		if d != 1 {
			steps[rank-len(in)+j] = strides[j]
		}
	}
	return steps
}

// arithmetic returns the Spec of a broadcasting operator on two inputs of one
// type: onFloat for floating point, onInt for integers, whose result is wrapped.
func arithmetic(name string, onFloat func(a, b float64) float64, onInt func(a, b int64, t onnx.DataType) (int64, error)) *Spec {
	return &Spec{
		Type: name, Since: []int64{1, 6, 7, 13, 14},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: inferArithmetic,
		Bound: twoUlps,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			a, b := in[0], in[1]
			if a.Type != b.Type {
				return nil, fmt.Errorf("inputs are %s and %s, want one type", a.Type, b.Type)
			}
			y, err := broadcast(a, b)
			if err != nil {
				return nil, err
			}
			var failed error
			err = pairs(a, b, func(i, p, q int) {
				if y.float() {
					y.F[i] = onFloat(a.F[p], b.F[q])
					return
				}
				v, err := onInt(a.I[p], b.I[q], a.Type)
				if err != nil {
					failed = err
				}
				y.I[i] = wrap(v, a.Type)
			})
			return []*Array{y}, errors.Join(err, failed)
		},
	}
}

// bound is a Spec's Bound.
type bound = func(n *Node, in, out []*Array, r Rounding) []float64

// function returns the Spec of an operator that maps each floating-point element.
func function(name string, since []int64, f func(float64) float64, b bound) *Spec {
	return &Spec{
		Type: name, Since: since, FloatOnly: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: sameAs,
		Bound: b,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			if !in[0].float() {
				return nil, fmt.Errorf("input is %s, want floating point", in[0].Type)
			}
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			for i, v := range in[0].F {
				y.F[i] = f(v)
			}
			return []*Array{y}, nil
		},
	}
}

// broadcast returns an array for the result of a and b, of a's type.
func broadcast(a, b *Array) (*Array, error) {
	shape, err := Broadcast(a.Shape, b.Shape)
	if err != nil {
		return nil, err
	}
	return NewArray(a.Type, shape...)
}
