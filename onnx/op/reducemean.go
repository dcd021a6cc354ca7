package op

import (
	"errors"
	"math"
	"slices"

	"alexctl/onnx"
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
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			axes, _, known, err := axesInfo(n, 18, in)
			if err != nil {
				return nil, err
			}
			if !known || !x.Ranked {
				return unranked(x.Type), nil
			}
			reduced, err := reducedAxes(n, axes, len(x.Shape))
			if err != nil {
				return nil, err
			}
			out := onnx.Shape{}
			for i, d := range x.Shape {
				switch {
				case !slices.Contains(reduced, i):
					out = append(out, d)
				case n.Int("keepdims") != 0:
					out = append(out, onnx.Known(1))
				}
			}
			return ranked(x.Type, out), nil
		},
		Eval:  evalReduceMean,
		Bound: boundReduceMean,
	}
}

// reducedAxes returns the axes to reduce over: all where none is named, unless
// noop_with_empty_axes asks for none.
func reducedAxes(n *Node, axes []int64, rank int) ([]int, error) {
	if len(axes) > 0 {
		return axesOf(axes, rank)
	}
	var all []int
	if n.Int("noop_with_empty_axes") == 0 {
		for i := range rank {
			all = append(all, i)
		}
	}
	return all, nil
}

func evalReduceMean(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	axes, _, err := axesInput(n, 18, in)
	if err != nil {
		return nil, err
	}
	reduced, err := reducedAxes(n, axes, len(x.Shape))
	if err != nil {
		return nil, err
	}
	kept := append([]int{}, x.Shape...)
	shape := []int{}
	count := 1
	for i, d := range x.Shape {
		if slices.Contains(reduced, i) {
			kept[i] = 1
			count *= d
			if n.Int("keepdims") == 0 {
				continue
			}
		}
		shape = append(shape, kept[i])
	}
	y, err := NewArray(x.Type, shape...)
	if err != nil {
		return nil, err
	}
	to := broadcastIndex(kept, x.Shape)
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
