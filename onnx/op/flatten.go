package op

import (
	"fmt"

	"alexctl/onnx"
)

// flatten is Flatten-1, -9, -11, -13, -21: a matrix whose rows are the axes before
// axis and whose columns the rest. Equals torch.flatten(x, 1) for axis 1 and rank
// 2 and up.
func flatten() *Spec {
	return &Spec{
		Type: "Flatten", Since: []int64{1, 9, 11, 13, 21}, InOrder: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 1)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return ranked(x.Type, onnx.Shape{onnx.UnknownDim, onnx.UnknownDim}), nil
			}
			axis, err := flattenAxis(n, len(x.Shape))
			if err != nil {
				return nil, err
			}
			return ranked(x.Type, onnx.Shape{productDim(x.Shape[:axis]), productDim(x.Shape[axis:])}), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axis, err := flattenAxis(n, len(x.Shape))
			if err != nil {
				return nil, err
			}
			return []*Array{x.reshaped(product(x.Shape[:axis]), product(x.Shape[axis:]))}, nil
		},
	}
}

// flattenAxis returns the axis attribute, which may equal the rank.
func flattenAxis(n *Node, rank int) (int, error) {
	axis := n.Int("axis")
	if axis < 0 && n.Opset >= 11 {
		axis += int64(rank)
	}
	if axis < 0 || axis > int64(rank) {
		return 0, fmt.Errorf("axis %d of a value of rank %d", n.Int("axis"), rank)
	}
	return int(axis), nil
}

// productDim multiplies dimensions; a symbol times ones stays that symbol.
func productDim(dims onnx.Shape) onnx.Dim {
	n, symbol := int64(1), onnx.Dim{}
	symbols := 0
	for _, d := range dims {
		if d.IsKnown() {
			n = mul(n, d.N)
		} else {
			symbol = d
			symbols++
		}
	}
	switch {
	case symbols == 0 || n == 0:
		return onnx.Known(n)
	case symbols == 1 && n == 1:
		return symbol
	}
	return onnx.UnknownDim
}
