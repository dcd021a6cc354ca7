package gorgonia

import (
	"slices"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

func indices32(list []int) []int32 {
	out := make([]int32, len(list))
	for i, v := range list {
		out[i] = int32(v)
	}
	return out
}

// reshape gives a value another shape: the same elements in the same place.
func (l *lowering[T]) reshape(x *value, out *op.Info) (*value, error) {
	shape := fixed(out)
	if slices.Equal(shape, x.shape) {
		return x, nil
	}
	node, err := l.node(x)
	if err != nil {
		return nil, err
	}
	return &value{typ: x.typ, shape: shape, needs: x.needs, first: node}, nil
}

// pad adds a Pad with zeros or with elements of the input.
func (l *lowering[T]) pad(n *op.Node, in []*value, out *op.Info) (*value, error) {
	if n.Opset < 11 && n.Float("value") != 0 {
		return nil, errNoKernel
	}
	given := slices.Clone(in)
	if len(in) > 2 && in[2] != nil {
		if v, ok := number(in[2]); !ok || v != 0 {
			return nil, errNoKernel
		}
		given[2] = nil
	}
	return l.move(n, given, out)
}

// move adds an operator that only moves elements. Where each comes from is found by
// moving their numbers, from 1 on, by the operator's own definition, which makes 0 of what is padded.
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
				a.I[k] = int64(total + k + 1)
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
		s.Index[i] = int32(v - 1)
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

// rows splits a shape at an axis: how many rows there are before it, and how many elements lie
// behind each place of it. With last, channels are last in memory.
func rows(shape []int, axis int, last bool) (outer, inner int) {
	outer, inner = 1, 1
	if last {
		shape = lastShape(shape)
		axis = len(shape) - 1
	}
	for i, d := range shape {
		switch {
		case i < axis:
			outer *= d
		case i > axis:
			inner *= d
		}
	}
	return outer, inner
}

// joined is how values are laid out to be joined or cut along an axis: with channels last where
// the axis is theirs and one of them has them so.
func (l *lowering[T]) joined(axis int, in ...*value) (last bool, nodes []*gorgonia.Node, err error) {
	for _, v := range in {
		if err := l.settle(v); err != nil {
			return false, nil, err
		}
		last = last || axis == 1 && len(v.shape) > 2 && v.last != nil
	}
	for _, v := range in {
		node := l.node
		if last {
			node = l.lastNode
		}
		n, err := node(v)
		if err != nil {
			return last, nil, err
		}
		nodes = append(nodes, n)
	}
	return last, nodes, nil
}

// laidOut adds a kernel whose result has channels last or first.
func (l *lowering[T]) laidOut(n *op.Node, s kernel.Spec, shape []int, last bool, in []*value, nodes ...*gorgonia.Node) (*value, error) {
	if last {
		return l.lastValue(n, s, shape, in, nodes...)
	}
	return l.ofFirst(n, s, shape, in, nodes...)
}

// concat lays values one after the other along an axis.
func (l *lowering[T]) concat(n *op.Node, in []*value, out *op.Info) (*value, error) {
	axis := int(n.Int("axis"))
	if axis < 0 {
		axis += len(in[0].shape)
	}
	last, nodes, err := l.joined(axis, in...)
	if err != nil {
		return nil, err
	}
	outer, inner := rows(in[0].shape, axis, last)
	s := kernel.Concat{Outer: outer}
	for _, v := range in {
		s.Parts = append(s.Parts, v.shape[axis]*inner)
	}
	return l.laidOut(n, s, fixed(out), last, in, nodes...)
}

// cut takes size places of an axis, from one on.
func (l *lowering[T]) cut(n *op.Node, x *value, axis, from int, shape []int) (*value, error) {
	last, nodes, err := l.joined(axis, x)
	if err != nil {
		return nil, err
	}
	outer, inner := rows(x.shape, axis, last)
	s := kernel.Cut{Outer: outer, Width: x.shape[axis] * inner, From: from * inner, Part: shape[axis] * inner}
	return l.laidOut(n, s, shape, last, []*value{x}, nodes...)
}

// split cuts a value into parts along an axis.
func (l *lowering[T]) split(n *op.Node, x *value, out []*op.Info) ([]*value, error) {
	axis := int(n.Int("axis"))
	if axis < 0 {
		axis += len(x.shape)
	}
	parts := make([]*value, len(out))
	from := 0
	for i, o := range out {
		shape := fixed(o)
		if n.Outputs[i] != "" && l.index.Used(n.Outputs[i]) || l.outputs[n.Outputs[i]] {
			var err error
			if parts[i], err = l.cut(n, x, axis, from, shape); err != nil {
				return nil, err
			}
		} else {
			parts[i] = &value{typ: x.typ, shape: shape}
		}
		from += shape[axis]
	}
	return parts, nil
}

// slice1 cuts a slice of neighbours along one axis; any other one moves elements.
func (l *lowering[T]) slice1(n *op.Node, in []*value, out *op.Info) (*value, error) {
	shape, axis := fixed(out), -1
	for i, d := range in[0].shape {
		if shape[i] != d {
			if axis >= 0 {
				return l.move(n, in, out)
			}
			axis = i
		}
	}
	from, ok := l.sliceFrom(n, in, axis)
	if axis < 0 || !ok {
		return l.move(n, in, out)
	}
	return l.cut(n, in[0], axis, from, shape)
}

// sliceFrom returns where a slice of neighbours along one axis begins.
func (l *lowering[T]) sliceFrom(n *op.Node, in []*value, axis int) (int, bool) {
	var starts, axes, steps []int64
	if n.Opset < 10 {
		starts, axes = n.Ints("starts"), n.Ints("axes")
	} else {
		for i, to := range map[int]*[]int64{1: &starts, 3: &axes, 4: &steps} {
			if i < len(in) && in[i] != nil {
				if in[i].constant == nil {
					return 0, false
				}
				*to = in[i].constant.I
			}
		}
	}
	rank := int64(len(in[0].shape))
	for i, start := range starts {
		a := int64(i)
		if i < len(axes) {
			a = (axes[i] + rank) % rank
		}
		if i < len(steps) && steps[i] != 1 {
			return 0, false
		}
		if int(a) != axis {
			continue
		}
		size := int64(in[0].shape[axis])
		if start < 0 {
			start += size
		}
		return int(min(max(start, 0), size)), true
	}
	return 0, false
}
