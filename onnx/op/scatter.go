package op

import (
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// scattering returns the Spec of an operator that writes updates into a copy of the data.
func scattering(name string, since []int64, attrs []Attr, places func(n *Node, in []*Array) (places []int, size int, err error)) *Spec {
	return &Spec{
		Type: name, Since: since, Indices: []int{1}, NarrowIndices: true, Attrs: attrs,
		Inputs: Arity{3, 3}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if in[0].Type != in[2].Type {
				return nil, fmt.Errorf("data are %s and updates %s, want one type", in[0].Type, in[2].Type)
			}
			return sameAs(n, in)
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x, updates := in[0], in[2]
			if x.Type != updates.Type {
				return nil, fmt.Errorf("data are %s and updates %s, want one type", x.Type, updates.Type)
			}
			to, size, err := places(n, in)
			if err != nil {
				return nil, err
			}
			if len(to)*size != updates.Len() {
				return nil, fmt.Errorf("%v updates for indices %v into %v", updates.Shape, in[1].Shape, x.Shape)
			}
			y := &Array{Type: x.Type, Shape: x.Shape, F: slices.Clone(x.F), I: slices.Clone(x.I)}
			for i := range updates.Len() {
				if err := y.reduceInto(to[i/size]+i%size, updates, i, n.Text("reduction")); err != nil {
					return nil, err
				}
			}
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, out[0].Len())
			how := n.Text("reduction")
			to, size, err := places(n, in)
			if err != nil || how != "add" && how != "mul" {
				return b
			}
			unit := max(r.Unit, r.Store)
			counts, sums := make([]float64, len(b)), make([]float64, len(b))
			for i, v := range in[0].F {
				sums[i] = math.Abs(v)
			}
			for i, v := range in[2].F {
				at := to[i/size] + i%size
				counts[at]++
				sums[at] += math.Abs(v)
			}
			for i := range b {
				if how == "mul" {
					sums[i] = math.Abs(out[0].F[i])
				}
				b[i] = counts[i] * (unit*(counts[i]+1)*sums[i] + r.Tiny)
			}
			return b
		},
	}
}

// reduceInto writes an update to an element, or takes both together.
func (a *Array) reduceInto(at int, updates *Array, i int, how string) error {
	if a.float() {
		v := updates.F[i]
		switch how {
		case "none", "":
			a.F[at] = v
		case "add":
			a.F[at] += v
		case "mul":
			a.F[at] *= v
		case "max":
			a.F[at] = math.Max(a.F[at], v)
		case "min":
			a.F[at] = math.Min(a.F[at], v)
		default:
			return fmt.Errorf("reduction %q, want none, add, mul, max or min", how)
		}
		return nil
	}
	v := updates.I[i]
	switch order := compareInt(v, a.I[at], a.Type); how {
	case "none", "":
		a.I[at] = v
	case "add":
		a.I[at] = wrap(a.I[at]+v, a.Type)
	case "mul":
		a.I[at] = wrap(a.I[at]*v, a.Type)
	case "max":
		if order > 0 {
			a.I[at] = v
		}
	case "min":
		if order < 0 {
			a.I[at] = v
		}
	default:
		return fmt.Errorf("reduction %q, want none, add, mul, max or min", how)
	}
	return nil
}

// scatterElements is ScatterElements-11, -13, -16, -18: the data with each update at the place that
// its index names along the axis, where it replaces what was there, or is added to it, and so on.
// Equals torch.scatter and torch.scatter_reduce.
func scatterElements() *Spec {
	attrs := []Attr{intAttr("axis", 0), {Name: "reduction", Kind: onnx.AttrString, Default: "none", From: 16}}
	return scattering("ScatterElements", []int64{11, 13, 16, 18}, attrs, func(n *Node, in []*Array) ([]int, int, error) {
		if !slices.Equal(in[1].Shape, in[2].Shape) {
			return nil, 0, fmt.Errorf("indices %v and updates %v", in[1].Shape, in[2].Shape)
		}
		places, err := elementPlaces(n, in[0].Shape, in[1])
		return places, 1, err
	})
}

// scatterND is ScatterND-11, -13, -16, -18: the data with each update, a slice, at an index of
// several axes.
func scatterND() *Spec {
	attrs := []Attr{{Name: "reduction", Kind: onnx.AttrString, Default: "none", From: 16}}
	return scattering("ScatterND", []int64{11, 13, 16, 18}, attrs, func(_ *Node, in []*Array) ([]int, int, error) {
		return slicePlaces(0, in[0].Shape, in[1])
	})
}
