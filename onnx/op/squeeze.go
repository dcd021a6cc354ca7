package op

import (
	"fmt"
	"slices"

	"alexctl/onnx"
)

// axesInput returns the list of axes of a node, which is an attribute before opset
// since and an optional input from then on; given is false where there is none.
func axesInput(n *Node, since int64, in []*Array) (axes []int64, given bool, err error) {
	if n.Opset < since {
		return n.Ints("axes"), n.Has("axes"), nil
	}
	if len(in) < 2 || in[1] == nil {
		return nil, false, nil
	}
	axes, err = in[1].ints()
	return axes, true, err
}

// axesInfo is axesInput before the model runs; known is false where the axes are
// computed at run time.
func axesInfo(n *Node, since int64, in []*Info) (axes []int64, given, known bool, err error) {
	if n.Opset >= since && len(in) > 1 && in[1] != nil && in[1].known() == nil {
		return nil, true, false, nil
	}
	var arrays []*Array
	if n.Opset >= since && len(in) > 1 && in[1] != nil {
		arrays = []*Array{nil, in[1].Const}
	}
	axes, given, err = axesInput(n, since, arrays)
	return axes, given, true, err
}

// squeeze is Squeeze-1, -11, -13, -21: without the named axes of size one, or all
// such axes. axes is an attribute before opset 13. Equals torch.squeeze.
func squeeze() *Spec {
	return &Spec{
		Type: "Squeeze", Since: []int64{1, 11, 13, 21}, Indices: []int{1}, Moves: true, InOrder: true,
		Inputs: Arity{1, 2}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 12, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{intsAttr("axes").until(12)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			axes, given, known, err := axesInfo(n, 13, in)
			if err != nil {
				return nil, err
			}
			if !known || !x.Ranked {
				return unranked(x.Type), nil
			}
			var out onnx.Shape
			if given && len(axes) == 0 {
				return nil, n.unsupported("an empty list of axes is ambiguous: some runtimes squeeze nothing, others every axis")
			}
			drop, err := axesOf(axes, len(x.Shape))
			if err != nil {
				return nil, err
			}
			for i, d := range x.Shape {
				switch {
				case given && slices.Contains(drop, i):
					if d.IsKnown() && d.N != 1 {
						return nil, fmt.Errorf("axis %d of %s is not 1", i, x.Shape)
					}
				case !given && !d.IsKnown():
					return unranked(x.Type), nil
				case !given && d.N == 1:
				default:
					out = append(out, d)
				}
			}
			return ranked(x.Type, out), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axes, given, err := axesInput(n, 13, in)
			if err != nil {
				return nil, err
			}
			drop, err := axesOf(axes, len(x.Shape))
			if err != nil {
				return nil, err
			}
			shape := []int{}
			for i, d := range x.Shape {
				named := slices.Contains(drop, i)
				if named && d != 1 {
					return nil, fmt.Errorf("axis %d of %v is not 1", i, x.Shape)
				}
				if !named && (given || d != 1) {
					shape = append(shape, d)
				}
			}
			return []*Array{x.reshaped(shape...)}, nil
		},
	}
}
