package op

import (
	"fmt"
	"math"
)

// sum is Sum-8, -13: the elementwise sum of one or more inputs of one floating-point type,
// with broadcasting.
func sum() *Spec {
	return &Spec{
		Type: "Sum", Since: []int64{1, 6, 8, 13}, FloatOnly: true,
		Inputs: Arity{1, many}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			out := in[0]
			for _, x := range in[1:] {
				wider, err := inferBroadcast(n, []*Info{out, x})
				if err != nil {
					return nil, err
				}
				out = wider[0]
			}
			return []*Info{{Type: in[0].Type, Ranked: out.Ranked, Shape: out.Shape}}, nil
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			return sumOf(in, func(v float64) float64 { return v })
		},
		Bound: func(_ *Node, in, out []*Array, r Rounding) []float64 {
			absolute, err := sumOf(in, math.Abs)
			if err != nil {
				return make([]float64, out[0].Len())
			}
			unit := max(r.Unit, r.Store)
			for i, v := range absolute[0].F {
				absolute[0].F[i] = float64(len(in))*unit*v + r.Tiny
			}
			return absolute[0].F
		},
	}
}

// sumOf adds f of the inputs.
func sumOf(in []*Array, f func(float64) float64) ([]*Array, error) {
	shape := in[0].Shape
	for _, x := range in {
		if !x.float() || x.Type != in[0].Type {
			return nil, fmt.Errorf("inputs are %s and %s, want one floating-point type", in[0].Type, x.Type)
		}
		var err error
		if shape, err = Broadcast(shape, x.Shape); err != nil {
			return nil, err
		}
	}
	y, err := NewArray(in[0].Type, shape...)
	if err != nil {
		return nil, err
	}
	for _, x := range in {
		from := broadcastIndex(x.Shape, shape)
		for i := range y.F {
			y.F[i] += f(x.F[from(i)])
		}
	}
	return []*Array{y}, nil
}
