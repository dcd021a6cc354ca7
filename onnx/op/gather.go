package op

import (
	"fmt"

	"alexctl/onnx"
)

// gather is Gather-1, -11, -13: slices of the data along axis, by index; a negative
// index counts from the end. Equals torch.index_select for a list of indices.
func gather() *Spec {
	return &Spec{
		Type: "Gather", Since: []int64{1, 11, 13}, Indices: []int{1}, NarrowIndices: true, Moves: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 0)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x, index := in[0], in[1]
			if !x.Ranked || !index.Ranked {
				return unranked(x.Type), nil
			}
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			out := append(onnx.Shape{}, x.Shape[:axis]...)
			out = append(out, index.Shape...)
			return ranked(x.Type, append(out, x.Shape[axis+1:]...)), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			index, err := in[1].ints()
			if err != nil {
				return nil, err
			}
			size := x.Shape[axis]
			rows := make([]int, len(index))
			for i, v := range index {
				if v < 0 {
					v += int64(size)
				}
				if v < 0 || v >= int64(size) {
					return nil, fmt.Errorf("index %d into an axis of %d", index[i], size)
				}
				rows[i] = int(v)
			}
			inner := product(x.Shape[axis+1:])
			shape := append([]int{}, x.Shape[:axis]...)
			shape = append(shape, in[1].Shape...)
			y, err := x.gather(append(shape, x.Shape[axis+1:]...), func(i int) int {
				outer, row := i/inner/len(rows), rows[i/inner%len(rows)]
				return (outer*size+row)*inner + i%inner
			})
			return []*Array{y}, err
		},
	}
}
