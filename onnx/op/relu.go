package op

import "fmt"

// relu is Relu-6, -13, -14: max(x, 0), and NaN stays NaN. Equals torch.nn.ReLU.
func relu() *Spec {
	return &Spec{
		Type: "Relu", Since: []int64{1, 6, 13, 14},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if n.Opset < 14 && !in[0].Type.IsFloat() {
				return nil, fmt.Errorf("input is %s, want floating point before opset 14", in[0].Type)
			}
			return sameAs(n, in)
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			for i, v := range in[0].F {
				if !(v < 0) {
					y.F[i] = v
				}
			}
			for i, v := range in[0].I {
				if compareInt(v, 0, y.Type) > 0 {
					y.I[i] = v
				}
			}
			return []*Array{y}, nil
		},
	}
}
