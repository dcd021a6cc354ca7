package op

import (
	"fmt"

	"alexctl/onnx"
)

// split is Split-2, -11, -13, -18: parts of the input along an axis: of the lengths that are
// given (an attribute before opset 13), or equal ones, of which the last may be shorter since 18.
// Equals torch.split.
func split() *Spec {
	return &Spec{
		Type: "Split", Since: []int64{1, 2, 11, 13, 18}, Indices: []int{1}, Moves: true,
		Inputs: Arity{1, 2}, Outputs: Arity{1, many},
		Earlier: []Earlier{{Until: 12, Inputs: Arity{1, 1}, Outputs: Arity{1, many}}},
		Attrs:   []Attr{intAttr("axis", 0), intsAttr("split").until(12), {Name: "num_outputs", Kind: onnx.AttrInt, From: 18}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			out := make([]*Info, len(n.Outputs))
			for i := range out {
				out[i] = &Info{Type: x.Type}
			}
			if !x.Ranked {
				return out, nil
			}
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			var lengths []int64
			arrays := make([]*Array, len(in))
			known := true
			if n.Opset >= 13 && len(in) > 1 && in[1] != nil {
				arrays[1] = in[1].known()
				known = arrays[1] != nil
			}
			if known {
				size := int64(-1)
				if x.Shape[axis].IsKnown() {
					size = x.Shape[axis].N
				}
				if lengths, err = splitLengths(n, arrays, size); err != nil {
					return nil, err
				}
			}
			for i := range out {
				shape := append(onnx.Shape{}, x.Shape...)
				if shape[axis] = onnx.UnknownDim; lengths != nil {
					shape[axis] = onnx.Known(lengths[i])
				}
				out[i].Ranked, out[i].Shape = true, shape
			}
			return out, nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			lengths, err := splitLengths(n, in, int64(x.Shape[axis]))
			if err != nil {
				return nil, err
			}
			inner := product(x.Shape[axis+1:])
			var out []*Array
			start := 0
			for _, length := range lengths {
				shape := append([]int{}, x.Shape...)
				shape[axis] = int(length)
				from, row := start, int(length)*inner
				part, err := x.gather(shape, func(i int) int { return i/row*x.Shape[axis]*inner + from*inner + i%row })
				if err != nil {
					return nil, err
				}
				out, start = append(out, part), start+int(length)
			}
			return out, nil
		},
	}
}

// splitLengths returns how long each part is, nil where that is not known yet: size is -1 for an
// axis whose length is a symbol.
func splitLengths(n *Node, in []*Array, size int64) ([]int64, error) {
	lengths := n.Ints("split")
	if n.Opset >= 13 && len(in) > 1 && in[1] != nil {
		var err error
		if lengths, err = in[1].ints(); err != nil {
			return nil, err
		}
	}
	parts := int64(len(n.Outputs))
	if n.Has("num_outputs") && n.Int("num_outputs") != parts {
		return nil, fmt.Errorf("num_outputs is %d, and there are %d outputs", n.Int("num_outputs"), parts)
	}
	if lengths != nil {
		sum := int64(0)
		for _, l := range lengths {
			if l < 0 || l > MaxElements {
				return nil, fmt.Errorf("a part of %d elements", l)
			}
			sum += l
		}
		if int64(len(lengths)) != parts || size >= 0 && sum != size {
			return nil, fmt.Errorf("parts %v do not make %d outputs of an axis of %d", lengths, parts, size)
		}
		return lengths, nil
	}
	if size < 0 {
		return nil, nil
	}
	each := size / parts
	if size%parts != 0 {
		if n.Opset < 18 {
			return nil, fmt.Errorf("an axis of %d cannot be split into %d equal parts", size, parts)
		}
		each++
	}
	for rest, i := size, int64(0); i < parts; i++ {
		l := min(each, rest)
		lengths, rest = append(lengths, l), rest-l
	}
	return lengths, nil
}
