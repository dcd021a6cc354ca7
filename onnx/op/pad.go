package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// pad is Pad-2, -11, -13, -18, -19, -21, -23, -24: elements before and after each axis, a negative
// number of which takes some away: constant (0, or the third input), the reflection at the edge,
// the edge itself, or since 19 the other side (wrap). The pads are an attribute before opset 11;
// since 18 axes may name those that they are of. Equals torch.nn.functional.pad.
func pad() *Spec {
	return &Spec{
		Type: "Pad", Since: []int64{1, 2, 11, 13, 18, 19, 21, 23, 24}, Indices: []int{1, 3}, NarrowIndices: true,
		Inputs: Arity{2, 4}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 10, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}, {Until: 17, Inputs: Arity{2, 3}, Outputs: Arity{1, 1}}},
		Attrs: []Attr{
			stringAttr("mode", "constant"), {Name: "pads", Kind: onnx.AttrInts, Until: 10, Required: true},
			{Name: "value", Kind: onnx.AttrFloat, Default: float32(0), Until: 10},
		},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return unranked(x.Type), nil
			}
			out := unknownDims(len(x.Shape))
			arrays := make([]*Array, len(in))
			for _, i := range []int{1, 3} {
				if n.Opset < 11 || i >= len(in) || in[i] == nil {
					continue
				}
				if arrays[i] = in[i].known(); arrays[i] == nil {
					return ranked(x.Type, out), nil
				}
			}
			pads, err := padsOf(n, arrays, len(x.Shape))
			if err != nil {
				return nil, err
			}
			for i, d := range x.Shape {
				switch {
				case pads[i] == [2]int64{}:
					out[i] = d
				case d.IsKnown():
					if out[i] = onnx.Known(d.N + pads[i][0] + pads[i][1]); out[i].N < 0 {
						return nil, fmt.Errorf("pads of %v take more than all of axis %d of %s", pads[i], i, x.Shape)
					}
				}
			}
			return ranked(x.Type, out), nil
		},
		Eval: evalPad,
	}
}

// padsOf returns how many elements come before and after each axis.
func padsOf(n *Node, in []*Array, rank int) ([][2]int64, error) {
	list := n.Ints("pads")
	var axes []int64
	if n.Opset >= 11 {
		if len(in) < 2 || in[1] == nil {
			return nil, errors.New("pads are required")
		}
		var err error
		if list, err = in[1].ints(); err != nil {
			return nil, err
		}
		if len(in) > 3 && in[3] != nil {
			if axes, err = in[3].ints(); err != nil {
				return nil, err
			}
		}
	}
	if axes == nil {
		for i := range rank {
			axes = append(axes, int64(i))
		}
	}
	if len(list) != 2*len(axes) {
		return nil, fmt.Errorf("%d pads for %d axes, want two for each", len(list), len(axes))
	}
	indices, err := axesOf(axes, rank)
	if err != nil {
		return nil, err
	}
	out := make([][2]int64, rank)
	for k, axis := range indices {
		for side := range 2 {
			p := list[k+side*len(axes)]
			if p > MaxElements || p < -MaxElements {
				return nil, fmt.Errorf("a pad of %d", p)
			}
			out[axis][side] = p
		}
	}
	return out, nil
}

func evalPad(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	pads, err := padsOf(n, in, len(x.Shape))
	if err != nil {
		return nil, err
	}
	fill := &Array{Type: x.Type, Shape: []int{}, F: []float64{n.Float("value")}, I: []int64{0}}
	if n.Opset >= 11 && len(in) > 2 && in[2] != nil {
		if fill = in[2]; fill.Len() != 1 || fill.Type != x.Type {
			return nil, errors.New("the value must be a scalar of the input's type")
		}
	}
	shape := make([]int, len(x.Shape))
	from := make([][]int, len(shape)) // which element each is along an axis, -1 for the value
	mode := n.Text("mode")
	for k, d := range x.Shape {
		size := int64(d) + pads[k][0] + pads[k][1]
		if size < 0 || size > MaxElements {
			return nil, fmt.Errorf("pads of %v for axis %d of %v", pads[k], k, x.Shape)
		}
		shape[k] = int(size)
	}
	y, err := NewArray(x.Type, shape...) // bounds the sizes
	if err != nil {
		return nil, err
	}
	for k, d := range x.Shape {
		from[k] = make([]int, shape[k])
		for i := range from[k] {
			if from[k][i], err = padded(mode, i-int(pads[k][0]), d); err != nil {
				return nil, err
			}
		}
	}
	strides, outStrides := stridesOf(x.Shape), stridesOf(shape)
	for i := range y.Len() {
		at := 0
		for k := range shape {
			j := from[k][i/outStrides[k]%shape[k]]
			if j < 0 {
				at = -1
				break
			}
			at += j * strides[k]
		}
		switch {
		case at < 0 && y.float():
			y.F[i] = fill.F[0]
		case at < 0:
			y.I[i] = fill.I[0]
		case y.float():
			y.F[i] = x.F[at]
		default:
			y.I[i] = x.I[at]
		}
	}
	return []*Array{y}, nil
}

// padded returns which of size elements stands at i, which may lie beyond them; -1 for the value.
func padded(mode string, i, size int) (int, error) {
	if i >= 0 && i < size {
		return i, nil
	}
	if mode != "constant" && size == 0 {
		return 0, errors.New("an axis without elements has no edge")
	}
	switch mode {
	case "constant":
		return -1, nil
	case "edge":
		return min(max(i, 0), size-1), nil
	case "wrap":
		return ((i % size) + size) % size, nil
	case "reflect":
		if size == 1 {
			return 0, nil
		}
		period := 2 * (size - 1)
		i = ((i % period) + period) % period
		return min(i, period-i), nil
	}
	return 0, fmt.Errorf("mode %q, want constant, reflect, edge or wrap", mode)
}
