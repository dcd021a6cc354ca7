package gorgonia

import (
	"slices"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// binary adds an arithmetic operator on two values that broadcast.
func (l *lowering[T]) binary(n *op.Node, in []*value, out *op.Info) (*value, error) {
	if in[1].typ != in[0].typ { // a Pow may have an exponent of integers
		return nil, errNoKernel
	}
	return l.arithmetic(n, n.OpType, in[0], in[1], fixed(out))
}

func (l *lowering[T]) arithmetic(n *op.Node, operator string, a, b *value, shape []int) (*value, error) {
	s := kernel.Binary{N: (&value{shape: shape}).size(), Operator: operator, ASize: a.size(), BSize: b.size(), BConstant: !b.needs}
	v := &value{typ: a.typ, shape: shape, needs: a.needs || b.needs}
	needs := []bool{a.needs, b.needs}
	// Values of one shape, and numbers, are computed in the layout that they have.
	// (A number has one element whatever its rank.)
	if a.last != nil && slices.Equal(a.shape, shape) && (b.size() == 1 || slices.Equal(b.shape, shape)) && s.N > 1 {
		left, err := l.lastNode(a)
		if err != nil {
			return nil, err
		}
		other := l.lastNode
		if b.size() == 1 {
			s.B = make([]int32, s.N)
			other = l.node
		}
		right, err := other(b)
		if err != nil {
			return nil, err
		}
		v.last, err = l.apply(n.Label(), operator, s, nodeShape(lastShape(shape)), needs, left, right)
		return v, err
	}
	if !slices.Equal(a.shape, shape) {
		s.A = indices32(op.BroadcastIndices(a.shape, shape))
	}
	if !slices.Equal(b.shape, shape) {
		s.B = indices32(op.BroadcastIndices(b.shape, shape))
	}
	nodes, err := l.nodes(a, b)
	if err != nil {
		return nil, err
	}
	v.first, err = l.apply(n.Label(), operator, s, nodeShape(shape), needs, nodes...)
	return v, err
}

func indices32(list []int) []int32 {
	out := make([]int32, len(list))
	for i, v := range list {
		out[i] = int32(v)
	}
	return out
}

// reshape gives a value another shape. The order of its elements stays.
func (l *lowering[T]) reshape(n *op.Node, x *value, out *op.Info) (*value, error) {
	shape := fixed(out)
	if slices.Equal(shape, x.shape) {
		return x, nil
	}
	node, err := l.node(x)
	if err != nil {
		return nil, err
	}
	return l.ofFirst(n, kernel.Move{In: []int{x.size()}, Out: x.size()}, shape, []*value{x}, node)
}

// move adds an operator that only moves elements. Where each comes from is found by
// moving their numbers by the operator's own definition.
func (l *lowering[T]) move(n *op.Node, in []*value, out *op.Info) (*value, error) {
	s := kernel.Move{Out: (&value{shape: fixed(out)}).size()}
	var moved []*value
	arrays := make([]*op.Array, len(in))
	total := 0
	for i, v := range in {
		switch {
		case v == nil:
		case v.typ != onnx.Float: // axes, starts, indices
			if v.constant == nil && v.tensor != nil && v.tensor.Type.IsInteger() {
				var err error
				if v.constant, err = op.FromTensor(v.tensor); err != nil {
					return nil, err
				}
			}
			if v.constant == nil {
				return nil, errNoKernel
			}
			arrays[i] = v.constant
		default:
			a, err := op.NewArray(onnx.Int64, v.shape...)
			if err != nil {
				return nil, err
			}
			for k := range a.I {
				a.I[k] = int64(total + k)
			}
			total += len(a.I)
			arrays[i] = a
			moved = append(moved, v)
			s.In = append(s.In, v.size())
		}
	}
	evaluated, err := n.Evaluate(arrays)
	if err != nil {
		return nil, err
	}
	s.Index = make([]int32, len(evaluated[0].I))
	for i, v := range evaluated[0].I {
		s.Index[i] = int32(v)
	}
	nodes, err := l.nodes(moved...)
	if err != nil {
		return nil, err
	}
	return l.ofFirst(n, s, fixed(out), moved, nodes...)
}

// reduceMean adds a mean over axes. Which elements it takes together is found by
// giving every element of the output its number, broadcast to the input.
func (l *lowering[T]) reduceMean(n *op.Node, in []*value, out *op.Info) (*value, error) {
	x := in[0]
	axes, all, ok := reducedAxes(n, in)
	if !ok {
		return nil, errNoKernel
	}
	kept := slices.Clone(x.shape)
	count := 1
	for i, d := range x.shape {
		if all || slices.Contains(axes, i) {
			kept[i] = 1
			count *= d
		}
	}
	node, err := l.node(x)
	if err != nil {
		return nil, err
	}
	s := kernel.Mean{Index: indices32(op.BroadcastIndices(kept, x.shape)), Out: x.size() / max(1, count), Count: count}
	return l.ofFirst(n, s, fixed(out), []*value{x}, node)
}

// reducedAxes returns the axes that a ReduceMean is over: an attribute before opset
// 18, an input since.
func reducedAxes(n *op.Node, in []*value) (axes []int, all, ok bool) {
	list := n.Ints("axes")
	if len(in) > 1 && in[1] != nil {
		if in[1].constant == nil {
			return nil, false, false
		}
		list = in[1].constant.I
	}
	if len(list) == 0 {
		return nil, n.Int("noop_with_empty_axes") == 0, true
	}
	for _, a := range list {
		if a < 0 {
			a += int64(len(in[0].shape))
		}
		axes = append(axes, int(a))
	}
	return axes, false, true
}
