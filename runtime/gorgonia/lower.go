package gorgonia

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// errNoKernel says that a node is beyond our kernels: its definition computes it.
var errNoKernel = errors.New("no kernel")

// lower adds the nodes that the given values depend on.
func (l *lowering[T]) lower(outputs []string) error {
	wanted := map[string]bool{}
	for _, name := range outputs {
		wanted[name], l.outputs[name] = true, true
	}
	l.fuse()
	nodes := l.inferred.Nodes
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, out := range nodes[i].Raw.Outputs {
			if out != "" && wanted[out] {
				for _, in := range nodes[i].Raw.Inputs {
					wanted[in] = true
				}
			}
		}
	}
	for _, n := range nodes {
		if l.folded[n.Raw] || !anyWanted(n.Raw, wanted) {
			continue
		}
		if err := l.lowerNode(n); err != nil {
			var unsupported *UnsupportedError
			if !errors.As(err, &unsupported) {
				err = fmt.Errorf("node %q (%s): %w", n.Raw.Label(), n.Raw.OpType, err)
			}
			return err
		}
	}
	return nil
}

func anyWanted(n *onnx.Node, wanted map[string]bool) bool {
	for _, out := range n.Outputs {
		if out != "" && wanted[out] {
			return true
		}
	}
	return false
}

func (l *lowering[T]) lowerNode(n *op.InferredNode) error {
	if s, ok := l.normalizes[n.Raw]; ok {
		x, err := l.value(n.Raw.Inputs[0])
		if err == nil {
			l.values[n.Raw.Outputs[0]], err = l.lrn(n.Raw.Label(), x, s)
		}
		return err
	}
	in := make([]*value, len(n.Raw.Inputs))
	learned := false
	for i, name := range n.Raw.Inputs {
		var err error
		if in[i], err = l.value(name); err != nil {
			return err
		}
		learned = learned || in[i] != nil && in[i].learned
	}
	// A shape follows from the model even where the values behind it do not.
	if (!learned || len(n.Out) > 0 && !n.Out[0].Type.IsFloat()) && l.constants(n) {
		return nil
	}
	if v, err := l.filled(n); v != nil || err != nil {
		l.values[n.Raw.Outputs[0]] = v
		return err
	}
	if outs := l.evaluated(n, in); outs != nil {
		for i, name := range n.Raw.Outputs {
			if name != "" {
				l.values[name] = outs[i]
			}
		}
		return nil
	}
	outs, err := l.kernelFor(n.Node, in, n.Out)
	if errors.Is(err, errNoKernel) {
		outs, err = l.defined(n, in)
	}
	if err != nil {
		return err
	}
	for i, name := range n.Raw.Outputs {
		if name != "" && i < len(outs) {
			l.values[name] = outs[i]
			outs[i].learned = outs[i].learned || learned
		}
	}
	return nil
}

// constants takes over the outputs of a node if they follow from the model alone.
func (l *lowering[T]) constants(n *op.InferredNode) bool {
	for i, o := range n.Out {
		if n.Raw.Outputs[i] != "" && o.Const == nil {
			return false
		}
	}
	for i, o := range n.Out {
		if n.Raw.Outputs[i] == "" {
			continue
		}
		l.values[n.Raw.Outputs[i]] = &value{typ: o.Type, shape: o.Const.Shape, constant: o.Const}
	}
	return true
}

// filled returns the value of a ConstantOfShape of floating point: one number over and over, as models
// that came without their weights have it, which is not worth evaluating.
func (l *lowering[T]) filled(n *op.InferredNode) (*value, error) {
	if n.Raw.OpType != "ConstantOfShape" || len(n.Out) != 1 || n.Out[0].Type != onnx.Float {
		return nil, nil
	}
	v := &value{typ: onnx.Float, shape: fixed(n.Out[0])}
	data := make([]T, v.size())
	if a := n.Raw.Attribute("value"); a != nil && a.Tensor != nil {
		number, err := op.FromTensor(a.Tensor)
		if err != nil || len(number.F) != 1 {
			return nil, err
		}
		for i := range data {
			data[i] = T(number.F[0])
		}
	}
	v.first = l.input("constant", nodeShape(v.shape), data)
	return v, nil
}

// maxEvaluated bounds the elements of a value that is computed once, when the graph is made.
const maxEvaluated = 1 << 26

// evaluated returns the outputs of a node that reads nothing but constants, by its definition; nil
// where it reads anything else, or cannot be evaluated.
func (l *lowering[T]) evaluated(n *op.InferredNode, in []*value) []*value {
	arrays := make([]*op.Array, len(in))
	for i, v := range in {
		if v == nil {
			continue
		}
		if arrays[i] = v.constant; v.constant == nil {
			return nil
		}
	}
	elements := 0
	for _, o := range n.Out {
		shape, ok := o.Fixed()
		for _, d := range shape {
			ok = ok && d <= maxEvaluated
		}
		if !ok || n.Node.Spec.Random {
			return nil
		}
		if elements += tensor.Shape(shape).TotalSize(); elements > maxEvaluated {
			return nil
		}
	}
	values, err := n.Node.Evaluate(arrays)
	if err != nil || len(values) < len(n.Raw.Outputs) {
		return nil
	}
	outs := make([]*value, len(n.Raw.Outputs))
	for i, a := range values[:len(outs)] {
		outs[i] = &value{typ: a.Type, shape: a.Shape, constant: a}
	}
	return outs
}

// kernelFor adds a node as a kernel. A new operator is a case here.
func (l *lowering[T]) kernelFor(n *op.Node, in []*value, out []*op.Info) ([]*value, error) {
	if in[0] == nil || in[0].typ != onnx.Float || l.further(n) && !l.normalizing(n) && n.OpType != "Split" {
		return nil, errNoKernel
	}
	one := func(v *value, err error) ([]*value, error) {
		if err != nil {
			return nil, err
		}
		return []*value{v}, nil
	}
	switch n.OpType {
	case "Conv":
		return one(l.conv(n, in))
	case "MaxPool", "AveragePool", "GlobalAveragePool":
		return one(l.pool(n, in[0], out[0]))
	case "LRN":
		return one(l.lrn(n.Label(), in[0], kernel.LRN{Size: int(n.Int("size")), Alpha: n.Float("alpha"), Beta: n.Float("beta"), Bias: n.Float("bias")}))
	case "BatchNormalization":
		return one(l.batchNorm(n, in))
	case "Gemm":
		return one(l.gemm(n, in))
	case "MatMul":
		return one(l.matMul(n, in, out[0]))
	case "Dropout":
		return one(l.dropout(n, in))
	case "Softmax", "LogSoftmax":
		return one(l.softmax(n, in[0]))
	case "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity":
		return one(l.reshape(in[0], out[0]))
	case "Concat":
		return one(l.concat(n, in, out[0]))
	case "Split":
		return l.split(n, in[0], out)
	case "Slice":
		return one(l.slice1(n, in, out[0]))
	case "Pad":
		return one(l.pad(n, in, out[0]))
	case "Transpose", "Gather", "Expand", "DepthToSpace", "SpaceToDepth", "Tile":
		return one(l.move(n, in, out[0]))
	case "LayerNormalization":
		return one(l.layerNorm(n, in))
	case "QuantizeLinear", "DequantizeLinear":
		return one(l.quantized(n, in, out[0]))
	case "ReduceMean":
		return one(l.reduceMean(n, in, out[0]))
	}
	if l.alike(n) {
		return []*value{in[0]}, nil // the layer before does it
	}
	return one(l.elementwise(n, in, out[0]))
}

// further reports whether anyone uses an output of the node besides the first.
func (l *lowering[T]) further(n *op.Node) bool {
	for i, out := range n.Outputs {
		if i > 0 && out != "" && l.index.Used(out) {
			return true
		}
	}
	return false
}

// normalizing reports whether the node is a BatchNormalization in training, whose
// running statistics are updated in place: its further outputs are not needed.
func (l *lowering[T]) normalizing(n *op.Node) bool {
	return l.training != nil && n.OpType == "BatchNormalization"
}

// like returns a value with a's shape, made by a kernel on a in the layout it has.
func (l *lowering[T]) like(label, kind string, s kernel.Spec, a *value) (*value, error) {
	v := &value{typ: a.typ, shape: a.shape, needs: a.needs}
	if err := l.settle(a); err != nil {
		return nil, err
	}
	node := l.node
	if a.last != nil {
		node = l.lastNode
	}
	from, err := node(a)
	if err != nil {
		return nil, err
	}
	to, err := l.apply(label, kind, s, from.Shape().Clone(), []bool{a.needs}, from)
	if a.last != nil {
		v.last = to
	} else {
		v.first = to
	}
	return v, err
}

// ofFirst returns a value with channels first, made by a kernel on nodes.
func (l *lowering[T]) ofFirst(n *op.Node, s kernel.Spec, shape []int, in []*value, nodes ...*gorgonia.Node) (*value, error) {
	v := &value{typ: onnx.Float, shape: shape}
	needs := make([]bool, len(in))
	for i, x := range in {
		needs[i] = x.needs
		v.needs = v.needs || x.needs
	}
	var err error
	v.first, err = l.apply(n.Label(), n.OpType, s, nodeShape(shape), needs, nodes...)
	return v, err
}

// nodes returns values as nodes with channels first.
func (l *lowering[T]) nodes(in ...*value) ([]*gorgonia.Node, error) {
	out := make([]*gorgonia.Node, len(in))
	for i, v := range in {
		var err error
		if out[i], err = l.node(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// number returns the value of a constant of one element.
func number(v *value) (float64, bool) {
	if v == nil || v.constant == nil || len(v.constant.F) != 1 {
		return 0, false
	}
	return v.constant.F[0], true
}

func fixed(i *op.Info) []int {
	shape, _ := i.Fixed() // bound has seen to it that it is known
	return shape
}
