package gorgonia

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"alexctl/onnx/op"
	"alexctl/runtime"
)

// definition computes an output of a node that has no kernel by its float64
// definition. It has no gradient.
type definition struct {
	*operator
	node   *op.Node
	output int
	inputs []*value // nil where one is left out
	nodes  []int    // which of the operator's inputs each is, or -1 for a constant
	data   any
}

// defined adds a node's outputs by its definition.
func (l *lowering[T]) defined(n *op.InferredNode, in []*value) ([]*value, error) {
	var nodes []*gorgonia.Node
	places := make([]int, len(in))
	for i, v := range in {
		places[i] = -1
		if v == nil || v.constant != nil {
			continue
		}
		if v.needs {
			return nil, &UnsupportedError{n.Raw.Label(), fmt.Sprintf("operator %s has no gradient here, and input %d depends on weights that are trained", n.Raw.OpType, i)}
		}
		node, err := l.node(v)
		if err != nil {
			return nil, err
		}
		places[i] = len(nodes)
		nodes = append(nodes, node)
	}
	var outs []*value
	for i, info := range n.Out {
		if n.Raw.Outputs[i] == "" {
			outs = append(outs, nil)
			continue
		}
		shape, _ := info.Fixed()
		v := &value{typ: info.Type, shape: shape}
		data, err := l.zeros(info.Type, v.size())
		if err != nil {
			return nil, &UnsupportedError{n.Raw.Label(), err.Error()}
		}
		if len(nodes) == 0 {
			return nil, &UnsupportedError{n.Raw.Label(), "it has no input"}
		}
		s := nodeShape(shape)
		d := &definition{node: n.Node, output: i, inputs: in, nodes: places, data: data}
		held := newValue(s, data)
		d.operator = l.run.newOperator(n.Raw.Label(), n.Raw.OpType, held.Dtype(), s, nodes)
		d.value, d.defined = held, true
		if v.first, err = gorgonia.ApplyOp(d, nodes...); err != nil {
			return nil, err
		}
		outs = append(outs, v)
	}
	return outs, nil
}

// Do evaluates the node.
func (d *definition) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	return d.guard(func() error {
		in := make([]*op.Array, len(d.inputs))
		for i, v := range d.inputs {
			switch {
			case v == nil:
			case d.nodes[i] < 0:
				in[i] = v.constant
			default:
				var err error
				if in[i], err = arrayOf(v, values[d.nodes[i]].Data()); err != nil {
					return err
				}
			}
		}
		out, err := d.node.Evaluate(in)
		if err != nil {
			return err
		}
		return fill(d.data, out[d.output])
	})
}

// arrayOf returns the elements of a node's value for evaluation.
func arrayOf(v *value, data any) (*op.Array, error) {
	t, err := runtime.New(v.shape, data)
	if err != nil {
		return nil, err
	}
	a := &op.Array{Type: v.typ, Shape: v.shape}
	if v.typ.IsFloat() {
		a.F, err = t.Float64s()
	} else {
		a.I, err = t.Ints()
	}
	return a, err
}
