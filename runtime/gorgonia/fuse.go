package gorgonia

import (
	"slices"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// fuse finds nodes that one kernel computes together.
func (l *lowering[T]) fuse() {
	for _, n := range l.inferred.Nodes {
		if n.Node == nil || len(n.Out) == 0 || n.Out[0].Type != onnx.Float {
			continue
		}
		switch n.Raw.OpType {
		case "Relu", "Clip":
			l.fuseClamp(n)
		case "Div":
			l.fuseLRN(n)
		}
	}
}

// made returns the node that makes a value which nobody else uses, if it is of the
// given operator.
func (l *lowering[T]) made(name, opType string) *op.Node {
	if at := l.index.MadeAt(name); at >= 0 && len(l.index.Uses(name)) == 1 {
		if n := l.inferred.Nodes[at].Node; n != nil && n.OpType == opType {
			return n
		}
	}
	return nil
}

// clamping is a Relu or Clip that a layer does itself.
type clamping struct {
	to kernel.Clamp
	by string // its output
}

// fuseClamp lets a convolution, a dense layer or a batch normalization clamp its own output.
func (l *lowering[T]) fuseClamp(n *op.InferredNode) {
	from := n.Raw.Inputs[0]
	to, ok := l.clampOf(n)
	if !ok || l.outputs[from] {
		return
	}
	dense := l.made(from, "Gemm")
	if dense != nil {
		plain := dense.Int("transA") == 0 && dense.Int("transB") != 0 && dense.Float("alpha") == 1 && dense.Float("beta") == 1
		if len(dense.Inputs) > 2 && dense.Inputs[2] != "" {
			c, out := l.inferred.Values[dense.Inputs[2]], l.inferred.Values[from]
			plain = plain && len(c.Shape) == 1 && c.Shape[0].N == out.Shape[1].N
		}
		if !plain {
			dense = nil
		}
	}
	norm := l.made(from, "BatchNormalization")
	if norm != nil && l.further(norm) && !l.normalizing(norm) {
		norm = nil // its definition computes it
	}
	if dense != nil || norm != nil || l.made(from, "Conv") != nil {
		l.clamped[from] = clamping{to, n.Raw.Outputs[0]}
	}
}

// clampOf returns to what a Relu or a Clip of constant bounds clamps.
func (l *lowering[T]) clampOf(n *op.InferredNode) (kernel.Clamp, bool) {
	if n.Raw.OpType == "Relu" {
		return kernel.Rectifier, true
	}
	in := make([]*operand, len(n.Raw.Inputs))
	for i, name := range n.Raw.Inputs {
		switch info := l.inferred.Values[name]; {
		case name == "":
		case i > 0 && info != nil && info.Const != nil && len(info.Const.F) == 1:
			in[i] = &operand{number: info.Const.F[0]}
		default:
			in[i] = &operand{value: &value{}}
		}
	}
	o, err := l.clip(n.Node, in)
	if err != nil {
		return kernel.Clamp{}, false
	}
	return kernel.Clamp{Lo: o.formula.p, Hi: o.formula.q}, true
}

// alike reports whether a node's output is its input, because the layer that made it does what the
// node does.
func (l *lowering[T]) alike(n *op.Node) bool {
	return l.clamped[n.Inputs[0]].by == n.Outputs[0] && l.clamped[n.Inputs[0]].to.On()
}

// fuseLRN recognizes local response normalization across channels that is written as
// average pooling, as PyTorch reimplementations of AlexNet do: x / (k + alpha *
// average(x^2))^beta, the average over a window of channels that have a spatial axis
// of their own for it and with the pads counted.
func (l *lowering[T]) fuseLRN(div *op.InferredNode) {
	x := div.Raw.Inputs[0]
	chain := l.chain(div.Raw.Inputs[1], "Pow", "Add", "Mul", "Squeeze", "AveragePool", "Unsqueeze", "Mul")
	if chain == nil {
		return
	}
	pow, add, scale, pool, square := chain[0], chain[1], chain[2], chain[4], chain[6]
	if square.Inputs[0] != x || square.Inputs[1] != x {
		return
	}
	alpha, okA := l.scalarInput(scale, 1)
	bias, okB := l.scalarInput(add, 1)
	beta, okC := l.scalarInput(pow, 1)
	size, okD := channelWindow(pool)
	shape := l.inferred.Values[x].Shape
	pooled := l.inferred.Values[pool.Inputs[0]].Shape
	if !okA || !okB || !okC || !okD || len(shape) != 4 || len(pooled) != 5 || pooled[1].N != 1 || pooled[2].N != shape[1].N {
		return
	}
	s := kernel.LRN{Size: size, Alpha: alpha, Beta: beta, Bias: bias}
	for _, n := range chain {
		l.folded[n.Node] = true
	}
	l.normalizes[div.Raw] = s
}

// chain returns the nodes of the given operators that lead to a value by their first inputs, the
// last one first, or nil.
func (l *lowering[T]) chain(value string, operators ...string) []*op.Node {
	nodes := make([]*op.Node, len(operators))
	for i, operator := range operators {
		if nodes[i] = l.made(value, operator); nodes[i] == nil {
			return nil
		}
		value = nodes[i].Inputs[0]
	}
	return nodes
}

// scalarInput returns the input of a node that is a constant of one element.
func (l *lowering[T]) scalarInput(n *op.Node, i int) (float64, bool) {
	info := l.inferred.Values[n.Inputs[i]]
	if info == nil || info.Const == nil || len(info.Const.F) != 1 {
		return 0, false
	}
	return info.Const.F[0], true
}

// channelWindow returns the size of a pool over an odd number of channels, centred,
// if that is what the node is.
func channelWindow(n *op.Node) (int, bool) {
	k := n.Ints("kernel_shape")
	if len(k) != 3 || k[0]%2 == 0 || k[1] != 1 || k[2] != 1 || n.Int("count_include_pad") == 0 || n.Text("auto_pad") != "NOTSET" {
		return 0, false
	}
	half := (k[0] - 1) / 2
	pads := n.Ints("pads")
	if pads == nil {
		pads = make([]int64, 6)
	}
	strides := n.Ints("strides")
	ok := slices.Equal(pads, []int64{half, 0, 0, half, 0, 0}) && (strides == nil || slices.Equal(strides, []int64{1, 1, 1})) &&
		n.Ints("dilations") == nil
	return int(k[0]), ok
}
