package op

import (
	"errors"
	"math"
)

// reduceMean is ReduceMean-1, -11, -13, -18: the mean over the named axes, or over
// all of them; with keepdims they stay with size one. axes is an attribute before
// opset 18. The mean of integers is cut toward zero. Equals torch.mean.
func reduceMean() *Spec {
	return &Spec{
		Type: "ReduceMean", Since: []int64{1, 11, 13, 18}, Indices: []int{1},
		Inputs: Arity{1, 2}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 17, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{intsAttr("axes").until(17), intAttr("keepdims", 1), intAttr("noop_with_empty_axes", 0).since(18)},
		Infer:   func(n *Node, in []*Info) ([]*Info, error) { return inferReduction(n, 18, in) },
		Eval:    evalReduceMean,
		Bound:   boundReduceMean,
	}
}

func evalReduceMean(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	shape, count, to, err := reducing(n, 18, in)
	if err != nil {
		return nil, err
	}
	y, err := NewArray(x.Type, shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range x.F {
		y.F[to(i)] += v
	}
	for i, v := range x.I {
		y.I[to(i)] += v
	}
	for i := range y.F {
		y.F[i] /= float64(count)
	}
	for i := range y.I {
		if count == 0 {
			return nil, errors.New("the mean of zero integers")
		}
		y.I[i] /= int64(count)
	}
	return []*Array{y}, nil
}

// boundReduceMean is the bound of an average, from the means of the absolute values.
func boundReduceMean(n *Node, in, out []*Array, r Rounding) []float64 {
	x := *in[0]
	x.F = make([]float64, len(in[0].F))
	for i, v := range in[0].F {
		x.F[i] = math.Abs(v)
	}
	absolute, err := evalReduceMean(n, append([]*Array{&x}, in[1:]...))
	if err != nil || len(absolute[0].F) == 0 {
		return make([]float64, out[0].Len())
	}
	terms := len(x.F) / len(absolute[0].F)
	for i, v := range absolute[0].F {
		absolute[0].F[i] = r.average(terms, v)
	}
	return absolute[0].F
}
