package op

import (
	"fmt"

	"alexctl/onnx"
)

// concat is Concat-4, -11, -13: the inputs one after the other along axis. Equals
// torch.cat.
func concat() *Spec {
	return &Spec{
		Type: "Concat", Since: []int64{1, 4, 11, 13}, Moves: true,
		Inputs: Arity{1, many}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 0).required()},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			for _, x := range in {
				if !x.Ranked {
					return unranked(in[0].Type), nil
				}
			}
			axis, err := axisOf(n.Int("axis"), len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			out := append(onnx.Shape{}, in[0].Shape...)
			for _, x := range in[1:] {
				want := append(onnx.Shape{}, out...)
				if len(x.Shape) == len(want) {
					want[axis] = x.Shape[axis]
				}
				if err := x.wantShape("an input", want); err != nil {
					return nil, err
				}
				for i, d := range x.Shape {
					switch {
					case i != axis && d.IsKnown():
						out[i] = d
					case i == axis && d.IsKnown() && out[i].IsKnown():
						out[i] = onnx.Known(out[i].N + d.N)
					case i == axis:
						out[i] = onnx.UnknownDim
					}
				}
			}
			return ranked(in[0].Type, out), nil
		},
		Eval: evalConcat,
	}
}

func evalConcat(n *Node, in []*Array) ([]*Array, error) {
	axis, err := axisOf(n.Int("axis"), len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := append([]int{}, in[0].Shape...)
	for _, x := range in[1:] {
		if len(x.Shape) != len(shape) || x.Type != in[0].Type {
			return nil, fmt.Errorf("inputs %v and %v do not fit", in[0].Shape, x.Shape)
		}
		for i, d := range x.Shape {
			if i != axis && d != shape[i] {
				return nil, fmt.Errorf("inputs %v and %v differ beside axis %d", in[0].Shape, x.Shape, axis)
			}
		}
		shape[axis] += x.Shape[axis]
	}
	y, err := NewArray(in[0].Type, shape...)
	if err != nil {
		return nil, err
	}
	inner := product(shape[axis+1:])
	row := shape[axis] * inner
	start := 0
	for _, x := range in {
		width := x.Shape[axis] * inner
		for r := range product(shape[:axis]) {
			if x.float() {
				copy(y.F[r*row+start:][:width], x.F[r*width:])
			} else {
				copy(y.I[r*row+start:][:width], x.I[r*width:])
			}
		}
		start += width
	}
	return []*Array{y}, nil
}
