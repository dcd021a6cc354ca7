package op

import "alexctl/onnx"

// shape is Shape-1, -13, -15, -19, -21: the dimensions of the input as INT64, since
// opset 15 only those from start up to end.
func shape() *Spec {
	return &Spec{
		Type: "Shape", Since: []int64{1, 13, 15, 19, 21},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("start", 0).since(15), {Name: "end", Kind: onnx.AttrInt, From: 15}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return ranked(onnx.Int64, onnx.Shape{onnx.UnknownDim}), nil
			}
			lo, hi := shapeRange(n, len(x.Shape))
			out := ranked(onnx.Int64, onnx.FixedShape(int64(hi-lo)))
			out[0].Const, out[0].partial = n.symbols.encode(x.Shape[lo:hi])
			return out, nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			lo, hi := shapeRange(n, len(in[0].Shape))
			y, err := NewArray(onnx.Int64, hi-lo)
			if err != nil {
				return nil, err
			}
			for i, d := range in[0].Shape[lo:hi] {
				y.I[i] = int64(d)
			}
			return []*Array{y}, nil
		},
	}
}

func shapeRange(n *Node, rank int) (lo, hi int) {
	clamp := func(v int64) int {
		if v < 0 {
			v += int64(rank)
		}
		return int(min(max(v, 0), int64(rank)))
	}
	lo, hi = clamp(n.Int("start")), rank
	if n.Has("end") {
		hi = clamp(n.Int("end"))
	}
	return lo, max(lo, hi)
}
