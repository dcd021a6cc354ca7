package op

import (
	"errors"
	"slices"

	"alexctl/onnx"
)

// unsqueeze is Unsqueeze-1, -11, -13, -21: new axes of size one at the named
// positions of the output. axes is an attribute before opset 13. Equals
// torch.unsqueeze.
func unsqueeze() *Spec {
	return &Spec{
		Type: "Unsqueeze", Since: []int64{1, 11, 13, 21}, Indices: []int{1}, Moves: true, InOrder: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 12, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{intsAttr("axes").until(12).required()},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			axes, given, known, err := axesInfo(n, 13, in)
			if err != nil {
				return nil, err
			}
			if known && !given {
				return nil, errors.New("axes are missing")
			}
			if !known || !x.Ranked {
				return unranked(x.Type), nil
			}
			added, err := axesOf(axes, len(x.Shape)+len(axes))
			if err != nil {
				return nil, err
			}
			out := onnx.Shape{}
			rest := x.Shape
			for i := range len(x.Shape) + len(axes) {
				if slices.Contains(added, i) {
					out = append(out, onnx.Known(1))
				} else {
					out, rest = append(out, rest[0]), rest[1:]
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
			if !given {
				return nil, errors.New("axes are missing")
			}
			added, err := axesOf(axes, len(x.Shape)+len(axes))
			if err != nil {
				return nil, err
			}
			shape := []int{}
			rest := x.Shape
			for i := range len(x.Shape) + len(axes) {
				if slices.Contains(added, i) {
					shape = append(shape, 1)
				} else {
					shape, rest = append(shape, rest[0]), rest[1:]
				}
			}
			return []*Array{x.reshaped(shape...)}, nil
		},
	}
}
