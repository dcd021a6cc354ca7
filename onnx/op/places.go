package op

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// nonZero is NonZero-9, -13: where the elements are that are not 0, a column for each, as INT64.
// Equals numpy.nonzero.
func nonZero() *Spec {
	return &Spec{
		Type: "NonZero", Since: []int64{9, 13},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: func(_ *Node, in []*Info) ([]*Info, error) {
			rank := onnx.UnknownDim
			if in[0].Ranked {
				rank = onnx.Known(int64(len(in[0].Shape)))
			}
			return ranked(onnx.Int64, onnx.Shape{rank, onnx.UnknownDim}), nil
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			var found []int
			for i := range x.Len() {
				if x.number(i) != 0 {
					found = append(found, i)
				}
			}
			y, err := NewArray(onnx.Int64, len(x.Shape), len(found))
			if err != nil {
				return nil, err
			}
			strides := stridesOf(x.Shape)
			for k := range x.Shape {
				for j, i := range found {
					y.I[k*len(found)+j] = int64(i / strides[k] % x.Shape[k])
				}
			}
			return []*Array{y}, nil
		},
	}
}

// topK is TopK-1, -10, -11, -24: the k largest, or smallest, elements along an axis, the first of
// equal ones first, and their indices. k is an attribute before opset 10. Equals torch.topk.
func topK() *Spec {
	return &Spec{
		Type: "TopK", Since: []int64{1, 10, 11, 24}, Indices: []int{1},
		Inputs: Arity{2, 2}, Outputs: Arity{2, 2},
		Earlier: []Earlier{{Until: 9, Inputs: Arity{1, 1}, Outputs: Arity{2, 2}}},
		Attrs:   []Attr{intAttr("axis", -1), {Name: "k", Kind: onnx.AttrInt, Until: 9, Required: true}, intAttr("largest", 1).since(11), intAttr("sorted", 1).since(11)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if n.Opset >= 11 && n.Int("sorted") == 0 {
				return nil, n.unsupported("sorted=0 is not supported: the order is then not defined")
			}
			out := []*Info{{Type: x.Type}, {Type: onnx.Int64}}
			if !x.Ranked {
				return out, nil
			}
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			shape := append(onnx.Shape{}, x.Shape...)
			shape[axis] = onnx.UnknownDim
			arrays := make([]*Array, len(in))
			if n.Opset >= 10 {
				arrays[1] = in[1].known()
			}
			if n.Opset < 10 || arrays[1] != nil {
				k, err := countOf(n, arrays)
				if err != nil {
					return nil, err
				}
				shape[axis] = onnx.Known(int64(k))
			}
			for _, o := range out {
				o.Ranked, o.Shape = true, shape
			}
			return out, nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			k, err := countOf(n, in)
			if err != nil {
				return nil, err
			}
			length, inner := x.Shape[axis], product(x.Shape[axis+1:])
			if k > length {
				return nil, fmt.Errorf("the best %d of %d elements", k, length)
			}
			shape := append([]int{}, x.Shape...)
			shape[axis] = k
			at, err := NewArray(onnx.Int64, shape...)
			if err != nil {
				return nil, err
			}
			sign := -1
			if n.Opset >= 11 && n.Int("largest") == 0 {
				sign = 1
			}
			row := make([]int, length)
			for r := range product(x.Shape[:axis]) * inner {
				from := func(i int) int { return (r/inner*length+i)*inner + r%inner }
				for i := range row {
					row[i] = i
				}
				slices.SortStableFunc(row, func(a, b int) int { return cmp.Or(sign*x.order(from(a), from(b)), a-b) })
				for i := range k {
					at.I[(r/inner*k+i)*inner+r%inner] = int64(row[i])
				}
			}
			y, err := x.gather(shape, func(i int) int { return (i/(k*inner)*length+int(at.I[i]))*inner + i%inner })
			return []*Array{y, at}, err
		},
	}
}

// countOf returns TopK's k.
func countOf(n *Node, in []*Array) (int, error) {
	k := n.Int("k")
	if n.Opset >= 10 {
		list, err := in[1].ints()
		if err != nil || len(list) != 1 {
			return 0, errors.Join(err, errors.New("k must be one number"))
		}
		k = list[0]
	}
	if k < 0 || k > MaxElements {
		return 0, fmt.Errorf("k is %d", k)
	}
	return int(k), nil
}

// trilu is Trilu-14: the upper, or lower, triangle of matrices, from the k-th diagonal on; the rest
// is 0. Equals torch.triu and torch.tril.
func trilu() *Spec {
	return &Spec{
		Type: "Trilu", Since: []int64{14}, Indices: []int{1},
		Inputs: Arity{1, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("upper", 1)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if in[0].Ranked && len(in[0].Shape) < 2 {
				return nil, fmt.Errorf("input is %s, want matrices", in[0].Shape)
			}
			return sameAs(n, in)
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x, k := in[0], int64(0)
			if len(in) > 1 && in[1] != nil {
				list, err := in[1].ints()
				if err != nil || len(list) != 1 {
					return nil, errors.Join(err, errors.New("k must be one number"))
				}
				k = min(max(list[0], -MaxElements), MaxElements)
			}
			if len(x.Shape) < 2 {
				return nil, fmt.Errorf("input is %v, want matrices", x.Shape)
			}
			h, w := x.Shape[len(x.Shape)-2], x.Shape[len(x.Shape)-1]
			y, err := NewArray(x.Type, x.Shape...)
			if err != nil {
				return nil, err
			}
			for i := range x.Len() {
				above := int64(i%w-i/w%h) - k
				if n.Int("upper") != 0 && above < 0 || n.Int("upper") == 0 && above > 0 {
					continue
				}
				if y.float() {
					y.F[i] = x.F[i]
				} else {
					y.I[i] = x.I[i]
				}
			}
			return []*Array{y}, nil
		},
	}
}

// eyeLike is EyeLike-9, -22: ones on a diagonal, in the shape of a matrix.
func eyeLike() *Spec {
	return &Spec{
		Type: "EyeLike", Since: []int64{9, 22},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{{Name: "dtype", Kind: onnx.AttrInt}, intAttr("k", 0)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := in[0].wantRank("input", 2); err != nil {
				return nil, err
			}
			out, err := sameAs(n, in)
			if n.Has("dtype") {
				if out[0].Type = onnx.DataType(n.Int("dtype")); !out[0].Type.Valid() {
					return nil, fmt.Errorf("dtype is %d, which is not an element type", n.Int("dtype"))
				}
			}
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			t := in[0].Type
			if n.Has("dtype") {
				t = onnx.DataType(n.Int("dtype"))
			}
			if len(in[0].Shape) != 2 {
				return nil, fmt.Errorf("input is %v, want a matrix", in[0].Shape)
			}
			y, err := NewArray(t, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			h, w, k := y.Shape[0], y.Shape[1], n.Int("k")
			for r := range h {
				c := int64(r) + min(max(k, -MaxElements), MaxElements)
				if c < 0 || c >= int64(w) {
					continue
				}
				if y.float() {
					y.F[r*w+int(c)] = 1
				} else {
					y.I[r*w+int(c)] = 1
				}
			}
			return []*Array{y}, nil
		},
	}
}

// oneHot is OneHot-9, -11: for each index a new axis of depth elements, of which the one that it
// names is the second of two values and the others are the first.
func oneHot() *Spec {
	depthOf := func(a *Array) (int, error) {
		if a.Len() != 1 {
			return 0, errors.New("depth must be one number")
		}
		d := a.number(0)
		if !(d >= 1 && d <= MaxElements) {
			return 0, fmt.Errorf("depth is %g", d)
		}
		return int(d), nil
	}
	return &Spec{
		Type: "OneHot", Since: []int64{9, 11},
		Inputs: Arity{3, 3}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", -1)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if !in[0].Ranked {
				return unranked(in[2].Type), nil
			}
			axis, err := axisOf(n.Int("axis"), len(in[0].Shape)+1)
			if err != nil {
				return nil, err
			}
			depth := onnx.UnknownDim
			if a := in[1].known(); a != nil {
				d, err := depthOf(a)
				if err != nil {
					return nil, err
				}
				depth = onnx.Known(int64(d))
			}
			return ranked(in[2].Type, slices.Insert(append(onnx.Shape{}, in[0].Shape...), axis, depth)), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			index, values := in[0], in[2]
			axis, err := axisOf(n.Int("axis"), len(index.Shape)+1)
			if err != nil {
				return nil, err
			}
			depth, err := depthOf(in[1])
			if err != nil {
				return nil, err
			}
			if values.Len() != 2 {
				return nil, errors.New("want two values, off and on")
			}
			shape := slices.Insert(append([]int{}, index.Shape...), axis, depth)
			if _, err := NewArray(values.Type, shape...); err != nil {
				return nil, err
			}
			inner := product(shape[axis+1:])
			y, err := values.gather(shape, func(i int) int {
				at := math.Trunc(index.number(i/(depth*inner)*inner + i%inner))
				if at < 0 {
					at += float64(depth)
				}
				if at == float64(i/inner%depth) {
					return 1
				}
				return 0
			})
			return []*Array{y}, err
		},
	}
}

// castLike is CastLike-15, -19, -21: Cast to the type of the second input.
func castLike() *Spec {
	like := func(n *Node, t onnx.DataType) *Node {
		return &Node{Node: &onnx.Node{Name: n.Name, OpType: "Cast", Inputs: n.Inputs[:1], Outputs: n.Outputs, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(t))}},
			Spec: cast(), Opset: n.Opset, symbols: n.symbols}
	}
	return &Spec{
		Type: "CastLike", Since: []int64{15, 19, 21}, InOrder: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs:     []Attr{intAttr("saturate", 1).since(19)},
		Infer:     func(n *Node, in []*Info) ([]*Info, error) { return cast().Infer(like(n, in[1].Type), in[:1]) },
		Eval:      func(n *Node, in []*Array) ([]*Array, error) { return cast().Eval(like(n, in[1].Type), in[:1]) },
		Undefined: func(n *Node, in []*Array) []bool { return undefinedCast(like(n, in[1].Type), in[:1]) },
	}
}

// cumSum is CumSum-11, -14: the sums of the elements up to each along an axis, without itself
// (exclusive), or from the end (reverse). Equals torch.cumsum.
func cumSum() *Spec {
	run := func(n *Node, in []*Array, f func(float64) float64) ([]*Array, error) {
		x := in[0]
		list, err := in[1].ints()
		if err != nil || len(list) != 1 {
			return nil, errors.Join(err, errors.New("axis must be one number"))
		}
		axis, err := axisOf(list[0], len(x.Shape))
		if err != nil {
			return nil, err
		}
		y, err := NewArray(x.Type, x.Shape...)
		if err != nil {
			return nil, err
		}
		length, inner := x.Shape[axis], product(x.Shape[axis+1:])
		for r := range product(x.Shape[:axis]) * inner {
			sum, sumI := 0.0, int64(0)
			for i := range length {
				k := i
				if n.Int("reverse") != 0 {
					k = length - 1 - i
				}
				at := (r/inner*length+k)*inner + r%inner
				before, beforeI := sum, sumI
				if x.float() {
					sum += f(x.F[at])
				} else {
					sumI = wrap(sumI+x.I[at], x.Type)
				}
				if n.Int("exclusive") == 0 {
					before, beforeI = sum, sumI
				}
				if x.float() {
					y.F[at] = before
				} else {
					y.I[at] = beforeI
				}
			}
		}
		return []*Array{y}, nil
	}
	return &Spec{
		Type: "CumSum", Since: []int64{11, 14}, Indices: []int{1}, NarrowIndices: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("exclusive", 0), intAttr("reverse", 0)},
		Infer: sameAs,
		Eval:  func(n *Node, in []*Array) ([]*Array, error) { return run(n, in, itself[float64]) },
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			absolute, err := run(n, in, math.Abs)
			if err != nil {
				return make([]float64, out[0].Len())
			}
			terms := 1
			if list, err := in[1].ints(); err == nil && len(list) == 1 {
				if axis, err := axisOf(list[0], len(in[0].Shape)); err == nil {
					terms = in[0].Shape[axis]
				}
			}
			for i, v := range absolute[0].F {
				absolute[0].F[i] = r.average(terms, v)
			}
			return absolute[0].F
		},
	}
}
