package op

import (
	"math"

	"alexctl/onnx"
)

// maxPool is MaxPool-1, -8, -10, -11, -12, -22: the largest element under the
// window; pads never win. Equals torch.nn.MaxPool1d to MaxPool3d. The second
// output holds the winner's index in the flattened input.
func maxPool() *Spec {
	return &Spec{
		Type: "MaxPool", Since: []int64{1, 8, 10, 11, 12, 22}, ChannelsFirst: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 2},
		Earlier: []Earlier{{Until: 7, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Heavy:   true,
		Attrs: append(poolAttrs(), intAttr("storage_order", 0).since(8),
			intsAttr("dilations").since(10)),
		Infer: inferPool,
		Eval:  evalMaxPool,
	}
}

func evalMaxPool(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	g, err := poolGeometry(n, x)
	if err != nil {
		return nil, err
	}
	shape := g.outShape(x.Shape[0], x.Shape[1], len(x.Shape)-2)
	y, err := NewArray(x.Type, shape...)
	if err != nil {
		return nil, err
	}
	index, err := NewArray(onnx.Int64, shape...)
	if err != nil {
		return nil, err
	}
	columnMajor := n.Int("storage_order") == 1
	for c := range x.Shape[0] * x.Shape[1] {
		g.positions(func(p int, o [3]int) {
			best, found := 0, false
			g.each(o, func(_, offset int) {
				at := c*g.inSize() + offset
				if !found || x.less(best, at) {
					best, found = at, true
				}
			})
			at := c*g.outSize() + p
			if !found { // nothing but padding
				if y.float() {
					y.F[at] = math.Inf(-1)
				}
				index.I[at] = -1
				return
			}
			if y.float() {
				y.F[at] = x.F[best]
			} else {
				y.I[at] = x.I[best]
			}
			index.I[at] = int64(best)
			if columnMajor {
				index.I[at] = int64(c*g.inSize() + g.columnMajor(best-c*g.inSize()))
			}
		})
	}
	if n.Wants(1) {
		return []*Array{y, index}, nil
	}
	return []*Array{y}, nil
}

// less reports whether element i is less than element j; NaN counts as largest,
// as in PyTorch.
func (a *Array) less(i, j int) bool {
	if a.float() {
		return a.F[i] < a.F[j] || math.IsNaN(a.F[j]) && !math.IsNaN(a.F[i])
	}
	return compareInt(a.I[i], a.I[j], a.Type) < 0
}

// columnMajor returns the index of a row-major offset in one channel when the
// first spatial axis varies fastest.
func (g *geometry3) columnMajor(offset int) int {
	d, h, w := offset/(g.in[1]*g.in[2]), offset/g.in[2]%g.in[1], offset%g.in[2]
	return (w*g.in[1]+h)*g.in[0] + d
}
