package op

import (
	"alexctl/fault"
	"alexctl/onnx"
)

// randomUniformLike is RandomUniformLike-1, -22: numbers drawn between low and high, as many as the
// input has. They have no definition here: what is made of them gives way to its mean (pass.Inference).
func randomUniformLike() *Spec {
	return &Spec{
		Type: "RandomUniformLike", Since: []int64{1, 22}, Random: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("dtype", 0), floatAttr("high", 1), floatAttr("low", 0), {Name: "seed", Kind: onnx.AttrFloat}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := sameAs(n, in)
			if to := onnx.DataType(n.Int("dtype")); to != onnx.Undefined {
				out[0].Type = to
			}
			return out, err
		},
		Eval: func(*Node, []*Array) ([]*Array, error) {
			return nil, fault.New(fault.Unsupported, "its output is random")
		},
	}
}
