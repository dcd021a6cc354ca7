package op

import "alexctl/onnx"

// identity is Identity-1, -13, -14, -16 on tensors.
func identity() *Spec {
	return &Spec{
		Type: "Identity", Since: []int64{1, 13, 14, 16}, Moves: true, InOrder: true,
		Passes: func(*onnx.Node) bool { return true },
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: sameAs,
		Eval:  func(_ *Node, in []*Array) ([]*Array, error) { return []*Array{in[0]}, nil },
	}
}
