package op

import (
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
)

// slice is Slice-1, -10, -11, -13: elements starts[i], starts[i]+steps[i], ... before
// ends[i] along axes[i]. The lists are attributes before opset 10, without steps.
// Out of range means up to the edge, negative counts from the end.
func slice() *Spec {
	return &Spec{
		Type: "Slice", Since: []int64{1, 10, 11, 13}, Indices: []int{1, 2, 3, 4}, NarrowIndices: true, Moves: true,
		Inputs: Arity{3, 5}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 9, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{intsAttr("starts").until(9).required(), intsAttr("ends").until(9).required(), intsAttr("axes").until(9)},
		Infer:   inferSlice,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			lists, err := sliceLists(n, in)
			if err != nil {
				return nil, err
			}
			cuts, err := cutsOf(lists, len(x.Shape))
			if err != nil {
				return nil, err
			}
			shape := append([]int{}, x.Shape...)
			start, step := make([]int, len(shape)), make([]int, len(shape))
			for i, size := range x.Shape {
				step[i] = 1
				if c, ok := cuts[i]; ok {
					first, count := c.resolve(int64(size))
					start[i], step[i], shape[i] = int(first), int(c.step), int(count)
				}
			}
			strides, outStrides := stridesOf(x.Shape), stridesOf(shape)
			y, err := x.gather(shape, func(i int) int {
				at := 0
				for k := range shape {
					at += (start[k] + i/outStrides[k]%shape[k]*step[k]) * strides[k]
				}
				return at
			})
			return []*Array{y}, err
		},
	}
}

// sliceLists returns starts, ends, axes and steps; the last two may be nil.
func sliceLists(n *Node, in []*Array) ([4][]int64, error) {
	var lists [4][]int64
	if n.Opset < 10 {
		return [4][]int64{n.Ints("starts"), n.Ints("ends"), n.Ints("axes"), nil}, nil
	}
	if len(in) < 3 || in[1] == nil || in[2] == nil {
		return lists, errors.New("starts and ends are required")
	}
	for i, a := range in[1:] {
		if a == nil {
			continue
		}
		var err error
		if lists[i], err = a.ints(); err != nil {
			return lists, err
		}
	}
	return lists, nil
}

type cut struct{ start, end, step int64 }

func cutsOf(lists [4][]int64, rank int) (map[int]cut, error) {
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("starts %v, ends %v, axes %v and steps %v are not of one length", starts, ends, axes, steps)
	}
	indices, err := axesOf(axes, rank)
	if err != nil {
		return nil, err
	}
	out := map[int]cut{}
	for i, axis := range indices {
		c := cut{starts[i], ends[i], 1}
		if steps != nil {
			c.step = steps[i]
		}
		if c.step == 0 {
			return nil, errors.New("a step is 0")
		}
		// No axis is that long; the bound keeps the arithmetic from overflowing.
		c.step = min(max(c.step, -math.MaxInt32), math.MaxInt32)
		out[axis] = c
	}
	return out, nil
}

// resolve returns the first index and the number of elements along an axis.
func (c cut) resolve(size int64) (first, count int64) {
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 {
			v = max(v, -size-1) + size
		}
		return min(max(v, lo), hi)
	}
	if size == 0 {
		return 0, 0
	}
	if c.step > 0 {
		start, end := clamp(c.start, 0, size), clamp(c.end, 0, size)
		return start, max(0, (end-start+c.step-1)/c.step)
	}
	start, end := clamp(c.start, 0, size-1), clamp(c.end, -1, size-1)
	return start, max(0, (start-end-c.step-1)/-c.step)
}

func inferSlice(n *Node, in []*Info) ([]*Info, error) {
	x := in[0]
	arrays := make([]*Array, len(in))
	for i, p := range in {
		if i > 0 && p != nil {
			if arrays[i] = p.known(); arrays[i] == nil {
				out := unranked(x.Type)
				if x.Ranked { // the rank stays, no dimension is sure
					out = ranked(x.Type, unknownDims(len(x.Shape)))
				}
				return out, nil
			}
		}
	}
	lists, err := sliceLists(n, arrays)
	if err != nil {
		return nil, err
	}
	if !x.Ranked {
		return unranked(x.Type), nil
	}
	cuts, err := cutsOf(lists, len(x.Shape))
	if err != nil {
		return nil, err
	}
	out := append(onnx.Shape{}, x.Shape...)
	for i, c := range cuts {
		if out[i].IsKnown() {
			_, count := c.resolve(out[i].N)
			out[i] = onnx.Known(count)
		} else if c.start != 0 || c.step != 1 || c.end < math.MaxInt32 {
			out[i] = onnx.UnknownDim
		}
	}
	return ranked(x.Type, out), nil
}
