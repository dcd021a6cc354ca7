package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// constant is Constant-1, -9, -11, -12, -13, -19, -21: a tensor, or since opset 12
// a number or a list of numbers.
func constant() *Spec {
	return &Spec{
		Type: "Constant", Since: []int64{1, 9, 11, 12, 13, 19, 21},
		Inputs: Arity{0, 0}, Outputs: Arity{1, 1},
		Attrs: []Attr{
			{Name: "value", Kind: onnx.AttrTensor},
			{Name: "value_float", Kind: onnx.AttrFloat, From: 12},
			{Name: "value_floats", Kind: onnx.AttrFloats, From: 12},
			{Name: "value_int", Kind: onnx.AttrInt, From: 12},
			{Name: "value_ints", Kind: onnx.AttrInts, From: 12},
			{Name: "value_string", Kind: onnx.AttrString, From: 12},
			{Name: "value_strings", Kind: onnx.AttrStrings, From: 12},
			{Name: "sparse_value", Kind: onnx.AttrSparseTensor, From: 11},
		},
		Infer: func(n *Node, _ []*Info) ([]*Info, error) {
			t, err := constantTensor(n)
			if err != nil {
				return nil, err
			}
			return ranked(t.Type, onnx.FixedShape(t.Dims...)), nil
		},
		Eval: func(n *Node, _ []*Array) ([]*Array, error) {
			t, err := constantTensor(n)
			if err != nil {
				return nil, err
			}
			a, err := FromTensor(t)
			return []*Array{a}, err
		},
	}
}

func constantTensor(n *Node) (*onnx.Tensor, error) {
	if len(n.Attributes) != 1 {
		return nil, fmt.Errorf("%d attributes, want exactly one value", len(n.Attributes))
	}
	a := n.Attributes[0]
	name := n.Outputs[0]
	switch a.Name {
	case "value":
		if a.Tensor == nil {
			return nil, errors.New("attribute value holds no tensor")
		}
		return a.Tensor, a.Tensor.Validate()
	case "value_float":
		return onnx.FromFloat32s(name, nil, []float32{a.Float})
	case "value_floats":
		return onnx.FromFloat32s(name, []int64{int64(len(a.Floats))}, a.Floats)
	case "value_int":
		return onnx.FromInt64s(name, nil, []int64{a.Int})
	case "value_ints":
		return onnx.FromInt64s(name, []int64{int64(len(a.Ints))}, a.Ints)
	}
	return nil, n.unsupported("attribute %s is not supported", a.Name)
}
