package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// constantOfShape is ConstantOfShape-9, -20, -21: a tensor of the given shape
// filled with one value, 0 in FLOAT by default.
func constantOfShape() *Spec {
	return &Spec{
		Type: "ConstantOfShape", Since: []int64{9, 20, 21}, Indices: []int{0},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{{Name: "value", Kind: onnx.AttrTensor}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			fill, err := fillValue(n)
			if err != nil {
				return nil, err
			}
			if in[0].Const == nil {
				return unranked(fill.Type), nil
			}
			sizes, err := in[0].dims(n.symbols)
			if err != nil {
				return nil, err
			}
			out := make(onnx.Shape, len(sizes))
			for i, s := range sizes {
				if s.known && s.number < 0 {
					return nil, fmt.Errorf("shape has the dimension %d", s.number)
				}
				out[i] = s.dim
			}
			return ranked(fill.Type, out), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			fill, err := fillValue(n)
			if err != nil {
				return nil, err
			}
			want, err := in[0].ints()
			if err != nil {
				return nil, err
			}
			shape := make([]int, len(want))
			for i, d := range want {
				if d < 0 || d > MaxElements {
					return nil, fmt.Errorf("dimension %d", d)
				}
				shape[i] = int(d)
			}
			y, err := NewArray(fill.Type, shape...)
			if err != nil {
				return nil, err
			}
			for i := range y.F {
				y.F[i] = fill.F[0]
			}
			for i := range y.I {
				y.I[i] = fill.I[0]
			}
			return []*Array{y}, nil
		},
	}
}

func fillValue(n *Node) (*Array, error) {
	a := n.Attribute("value")
	if a == nil {
		return NewArray(onnx.Float, 1)
	}
	if a.Tensor == nil {
		return nil, errors.New("attribute value holds no tensor")
	}
	fill, err := FromTensor(a.Tensor)
	if err == nil && fill.Len() != 1 {
		err = fmt.Errorf("attribute value has %d elements, want 1", fill.Len())
	}
	return fill, err
}
