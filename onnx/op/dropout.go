package op

import (
	"errors"

	"alexctl/onnx"
)

// dropout is Dropout-7, -10, -12, -13, -22 at inference: the identity, with a mask
// of true as second output. Without training_mode that is what every file means;
// with it the output is random, and has no definition here. ratio is an attribute
// before opset 12 and an input since. Equals torch.nn.Dropout in evaluation.
func dropout() *Spec {
	return &Spec{
		Type: "Dropout", Since: []int64{1, 6, 7, 10, 12, 13, 22}, FloatOnly: true, InOrder: true, Random: true,
		Passes: func(n *onnx.Node) bool { return len(n.Inputs) < 3 }, // without training_mode
		Inputs: Arity{1, 3}, Outputs: Arity{1, 2},
		Earlier: []Earlier{{Until: 11, Inputs: Arity{1, 1}, Outputs: Arity{1, 2}}},
		Attrs:   []Attr{floatAttr("ratio", 0.5).until(11), intAttr("seed", 0).since(12)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := sameAs(n, in)
			if n.Wants(1) {
				out = append(out, &Info{Type: maskType(n, in[0].Type), Ranked: in[0].Ranked, Shape: in[0].Shape})
			}
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			if len(in) > 2 && in[2] != nil && in[2].Len() == 1 && in[2].I[0] != 0 && (in[1] == nil || in[1].F[0] != 0) {
				return nil, errors.New("training_mode is on: its output is random")
			}
			out := []*Array{x}
			if n.Wants(1) {
				mask, err := NewArray(maskType(n, x.Type), x.Shape...)
				if err != nil {
					return nil, err
				}
				for i := range mask.I {
					mask.I[i] = 1
				}
				for i := range mask.F {
					mask.F[i] = 1
				}
				out = append(out, mask)
			}
			return out, nil
		},
	}
}

// maskType returns the type of the mask: the input's own before opset 10.
func maskType(n *Node, x onnx.DataType) onnx.DataType {
	if n.Opset < 10 {
		return x
	}
	return onnx.Bool
}
