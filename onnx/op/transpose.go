package op

import (
	"fmt"

	"alexctl/onnx"
)

// transpose is Transpose-1, -13, -21: output axis i is input axis perm[i]; without
// perm the axes are reversed. Equals torch.permute.
func transpose() *Spec {
	return &Spec{
		Type: "Transpose", Since: []int64{1, 13, 21}, Moves: true, Permutes: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intsAttr("perm")},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return unranked(x.Type), nil
			}
			perm, err := permOf(n, len(x.Shape))
			if err != nil {
				return nil, err
			}
			out := make(onnx.Shape, len(perm))
			for i, p := range perm {
				out[i] = x.Shape[p]
			}
			return ranked(x.Type, out), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			perm, err := permOf(n, len(x.Shape))
			if err != nil {
				return nil, err
			}
			strides := stridesOf(x.Shape)
			shape := make([]int, len(perm))
			for i, p := range perm {
				shape[i] = x.Shape[p]
			}
			outStrides := stridesOf(shape)
			y, err := x.gather(shape, func(i int) int {
				at := 0
				for k, p := range perm {
					at += i / outStrides[k] % shape[k] * strides[p]
				}
				return at
			})
			return []*Array{y}, err
		},
	}
}

func permOf(n *Node, rank int) ([]int, error) {
	perm := n.Ints("perm")
	if perm == nil {
		out := make([]int, rank)
		for i := range out {
			out[i] = rank - 1 - i
		}
		return out, nil
	}
	out, err := axesOf(perm, rank)
	if err != nil || len(out) != rank {
		return nil, fmt.Errorf("perm %v is not a permutation of %d axes", perm, rank)
	}
	return out, nil
}

// Permutation returns the order of axes in which a Transpose hands on its input, or nil for
// any other node.
func (n *Node) Permutation() []int64 {
	if !n.Spec.Permutes {
		return nil
	}
	return n.Ints("perm")
}
