package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// at returns an index into an axis of size, which may count from the end.
func indexAt(v int64, size int) (int, error) {
	i := v
	if i < 0 {
		i += int64(size)
	}
	if i < 0 || i >= int64(size) {
		return 0, fmt.Errorf("index %d into an axis of %d", v, size)
	}
	return int(i), nil
}

// gatherElements is GatherElements-11, -13: for each index, the element of the data that stands
// there along the axis, and at the index's own place along all others. Equals torch.gather.
func gatherElements() *Spec {
	return &Spec{
		Type: "GatherElements", Since: []int64{11, 13}, Indices: []int{1}, NarrowIndices: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 0)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x, index := in[0], in[1]
			if x.Ranked {
				if _, err := axisOf(n.Int("axis"), len(x.Shape)); err != nil {
					return nil, err
				}
				if err := index.wantRank("the index", len(x.Shape)); err != nil {
					return nil, err
				}
			}
			return []*Info{{Type: x.Type, Ranked: index.Ranked, Shape: index.Shape}}, nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			places, err := elementPlaces(n, in[0].Shape, in[1])
			if err != nil {
				return nil, err
			}
			y, err := in[0].gather(in[1].Shape, func(i int) int { return places[i] })
			return []*Array{y}, err
		},
	}
}

// elementPlaces returns where in an array of a shape each index leads.
func elementPlaces(n *Node, shape []int, index *Array) ([]int, error) {
	axis, err := axisOf(n.Int("axis"), len(shape))
	if err != nil {
		return nil, err
	}
	if len(index.Shape) != len(shape) {
		return nil, fmt.Errorf("indices %v into data %v", index.Shape, shape)
	}
	for k, d := range index.Shape {
		if k != axis && d > shape[k] {
			return nil, fmt.Errorf("indices %v into data %v", index.Shape, shape)
		}
	}
	list, err := index.ints()
	if err != nil {
		return nil, err
	}
	strides, own := stridesOf(shape), stridesOf(index.Shape)
	places := make([]int, len(list))
	for i, v := range list {
		for k := range shape {
			j := i / own[k] % index.Shape[k]
			if k == axis {
				if j, err = indexAt(v, shape[k]); err != nil {
					return nil, err
				}
			}
			places[i] += j * strides[k]
		}
	}
	return places, nil
}

// gatherND is GatherND-11, -12, -13: slices of the data, each at an index of several axes, which is
// the last axis of the indices.
func gatherND() *Spec {
	return &Spec{
		Type: "GatherND", Since: []int64{11, 12, 13}, Indices: []int{1},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("batch_dims", 0).since(12)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x, index := in[0], in[1]
			if !x.Ranked || !index.Ranked {
				return unranked(x.Type), nil
			}
			batch := int(n.Int("batch_dims"))
			if len(index.Shape) == 0 || batch < 0 || batch >= len(index.Shape) || batch >= len(x.Shape) {
				return nil, fmt.Errorf("batch_dims %d of data %s and indices %s", batch, x.Shape, index.Shape)
			}
			depth := index.Shape[len(index.Shape)-1]
			if !depth.IsKnown() {
				return unranked(x.Type), nil
			}
			if depth.N < 1 || batch+int(depth.N) > len(x.Shape) {
				return nil, fmt.Errorf("indices of %d axes into data %s", depth.N, x.Shape)
			}
			out := append(onnx.Shape{}, index.Shape[:len(index.Shape)-1]...)
			return ranked(x.Type, append(out, x.Shape[batch+int(depth.N):]...)), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			places, size, err := slicePlaces(int(n.Int("batch_dims")), x.Shape, in[1])
			if err != nil {
				return nil, err
			}
			shape := append([]int{}, in[1].Shape[:len(in[1].Shape)-1]...)
			depth := in[1].Shape[len(in[1].Shape)-1]
			y, err := x.gather(append(shape, x.Shape[int(n.Int("batch_dims"))+depth:]...), func(i int) int { return places[i/size] + i%size })
			return []*Array{y}, err
		},
	}
}

// slicePlaces returns where in an array of a shape the slice of each index begins, and how many
// elements it has.
func slicePlaces(batch int, shape []int, index *Array) (places []int, size int, err error) {
	rank := len(index.Shape)
	if rank == 0 || batch < 0 || batch >= rank || batch+index.Shape[rank-1] > len(shape) {
		return nil, 0, fmt.Errorf("indices %v into data %v with %d batch dimensions", index.Shape, shape, batch)
	}
	for k := range batch {
		if index.Shape[k] != shape[k] {
			return nil, 0, fmt.Errorf("indices %v and data %v differ in batch dimension %d", index.Shape, shape, k)
		}
	}
	list, err := index.ints()
	if err != nil {
		return nil, 0, err
	}
	depth := index.Shape[rank-1]
	if depth == 0 {
		return nil, 0, errors.New("indices of no axes")
	}
	strides := stridesOf(shape)
	size = product(shape[batch+depth:])
	perBatch := product(index.Shape[batch : rank-1])
	for i := 0; i*depth < len(list); i++ {
		at := 0
		for k, b := batch-1, i/max(1, perBatch); k >= 0; k-- {
			at += b % shape[k] * strides[k]
			b /= shape[k]
		}
		for k := range depth {
			j, err := indexAt(list[i*depth+k], shape[batch+k])
			if err != nil {
				return nil, 0, err
			}
			at += j * strides[batch+k]
		}
		places = append(places, at)
	}
	return places, size, nil
}
