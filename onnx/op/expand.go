package op

import (
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
)

// expand is Expand-8, -13: the input broadcast with a shape. Equals torch.Tensor.expand, and
// numpy.broadcast_to where the shape is the larger one.
func expand() *Spec {
	return &Spec{
		Type: "Expand", Since: []int64{8, 13}, Indices: []int{1}, Moves: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if in[1].Const == nil || !x.Ranked {
				return unranked(x.Type), nil
			}
			sizes, err := in[1].dims(n.symbols)
			if err != nil {
				return nil, err
			}
			want := make(onnx.Shape, len(sizes))
			for i, s := range sizes {
				if s.known && s.number < 0 {
					return nil, fmt.Errorf("shape has the dimension %d", s.number)
				}
				want[i] = s.dim
			}
			out, err := broadcastShapes(x.Shape, want)
			return ranked(x.Type, out), err
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			want, err := sizesOf(in[1])
			if err != nil {
				return nil, err
			}
			shape, err := Broadcast(in[0].Shape, want)
			if err != nil {
				return nil, err
			}
			if _, err := NewArray(in[0].Type, shape...); err != nil { // before indices of its size are made
				return nil, err
			}
			y, err := in[0].gather(shape, broadcastIndex(in[0].Shape, shape))
			return []*Array{y}, err
		},
	}
}

// sizesOf reads a list of dimensions.
func sizesOf(a *Array) ([]int, error) {
	list, err := a.ints()
	if err != nil {
		return nil, err
	}
	if len(list) > maxRank {
		return nil, fmt.Errorf("%d dimensions, at most %d are supported", len(list), maxRank)
	}
	out := make([]int, len(list))
	for i, d := range list {
		if d < 0 || d > MaxElements {
			return nil, fmt.Errorf("dimension %d", d)
		}
		out[i] = int(d)
	}
	return out, nil
}

// tile is Tile-6, -13: the input again and again along each axis. Equals torch.Tensor.repeat.
func tile() *Spec {
	return &Spec{
		Type: "Tile", Since: []int64{1, 6, 13}, Indices: []int{1},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: func(_ *Node, in []*Info) ([]*Info, error) {
			x, times := in[0], in[1].known()
			if !x.Ranked {
				return unranked(x.Type), nil
			}
			out := unknownDims(len(x.Shape))
			if times == nil {
				return ranked(x.Type, out), nil
			}
			list, err := sizesOf(times)
			if err != nil {
				return nil, err
			}
			if len(list) != len(out) {
				return nil, fmt.Errorf("%d repeats for %s", len(list), x.Shape)
			}
			for i, d := range x.Shape {
				switch {
				case list[i] == 1:
					out[i] = d
				case d.IsKnown():
					out[i] = onnx.Known(mul(d.N, int64(list[i])))
				}
			}
			return ranked(x.Type, out), nil
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			times, err := sizesOf(in[1])
			if err != nil {
				return nil, err
			}
			if len(times) != len(x.Shape) {
				return nil, fmt.Errorf("%d repeats for %v", len(times), x.Shape)
			}
			shape := make([]int, len(x.Shape))
			for i, d := range x.Shape {
				if shape[i] = d * times[i]; d > 0 && times[i] > MaxElements/d {
					return nil, fmt.Errorf("%d times an axis of %d", times[i], d)
				}
			}
			if _, err := NewArray(x.Type, shape...); err != nil {
				return nil, err
			}
			strides, outStrides := stridesOf(x.Shape), stridesOf(shape)
			y, err := x.gather(shape, func(i int) int {
				at := 0
				for k := range shape {
					at += i / outStrides[k] % shape[k] % x.Shape[k] * strides[k]
				}
				return at
			})
			return []*Array{y}, err
		},
	}
}

// elements is Size-1, -13, -19, -21, -23, -24: how many elements there are, as INT64.
func elements() *Spec {
	return &Spec{
		Type: "Size", Since: []int64{1, 13, 19, 21, 23, 24},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: func(_ *Node, in []*Info) ([]*Info, error) {
			out := ranked(onnx.Int64, onnx.Shape{})
			if shape, ok := in[0].Fixed(); ok {
				n := int64(1)
				for _, d := range shape {
					n = mul(n, int64(d))
				}
				out[0].Const = &Array{Type: onnx.Int64, Shape: []int{}, I: []int64{n}}
			}
			return out, nil
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			return []*Array{{Type: onnx.Int64, Shape: []int{}, I: []int64{int64(in[0].Len())}}}, nil
		},
	}
}

// rangeOf is Range-11, -27: the numbers from start up to, and without, limit, so far apart as delta.
// Equals torch.arange.
func rangeOf() *Spec {
	return &Spec{
		Type: "Range", Since: []int64{11, 27},
		Inputs: Arity{3, 3}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("stash_type", 1).since(27)},
		Infer: func(_ *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			arrays := make([]*Array, 3)
			for i, x := range in {
				if arrays[i] = x.known(); arrays[i] == nil {
					return ranked(in[0].Type, onnx.Shape{onnx.UnknownDim}), nil
				}
			}
			n, err := rangeLength(arrays)
			return ranked(in[0].Type, onnx.FixedShape(int64(n))), err
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			n, err := rangeLength(in)
			if err != nil {
				return nil, err
			}
			y, err := NewArray(in[0].Type, n)
			if err != nil {
				return nil, err
			}
			for i := range y.F {
				y.F[i] = in[0].F[0] + float64(i)*in[2].F[0]
			}
			for i := range y.I {
				y.I[i] = wrap(in[0].I[0]+int64(i)*in[2].I[0], y.Type)
			}
			return []*Array{y}, nil
		},
		Bound: func(_ *Node, in, out []*Array, r Rounding) []float64 {
			// By a product and a sum, or by as many sums.
			b := make([]float64, len(out[0].F))
			for i := range b {
				b[i] = max(r.Unit, r.Store)*(float64(i)+3)*(math.Abs(in[0].F[0])+float64(i)*math.Abs(in[2].F[0])) + r.Tiny
			}
			return b
		},
	}
}

func rangeLength(in []*Array) (int, error) {
	for _, a := range in {
		if a.Len() != 1 || a.Type != in[0].Type {
			return 0, errors.New("start, limit and delta must be scalars of one type")
		}
	}
	if in[0].float() {
		n := math.Ceil((in[1].F[0] - in[0].F[0]) / in[2].F[0])
		if !(n <= MaxElements) {
			return 0, fmt.Errorf("a range of %g elements", n)
		}
		return int(math.Max(n, 0)), nil
	}
	start, limit, delta := in[0].I[0], in[1].I[0], in[2].I[0]
	const far = 1 << 62
	if delta == 0 || start > far || start < -far || limit > far || limit < -far {
		return 0, errors.New("a range with delta 0, or of numbers too far apart")
	}
	n := (limit - start) / delta
	if (limit-start)%delta != 0 && (limit-start > 0) == (delta > 0) {
		n++
	}
	if n > MaxElements {
		return 0, fmt.Errorf("a range of %d elements", n)
	}
	return int(max(n, 0)), nil
}
