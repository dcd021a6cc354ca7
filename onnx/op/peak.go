package op

import (
	"slices"

	"alexctl/onnx"
)

// Peak returns how many bytes a model's values take where most of them are alive, for inputs of
// these shapes, and the node that is then computed: what an engine takes, besides its own, that
// frees a value after its last use. What is not known, and weights, count nothing.
func Peak(m *onnx.Model, inputs map[string]onnx.Shape) (most int64, at string) {
	inferred := Infer(m, inputs)
	last := map[string]int{}
	for i, n := range inferred.Nodes {
		for _, name := range slices.Concat(n.Raw.Inputs, n.Raw.Outputs) {
			last[name] = i
		}
	}
	for _, v := range m.Graph.Outputs {
		last[v.Name] = len(inferred.Nodes)
	}
	alive, sizes := int64(0), map[string]int64{}
	for name := range inputs {
		sizes[name] = sizeOf(inferred.Values[name])
		alive = added(alive, sizes[name])
	}
	for i, n := range inferred.Nodes {
		for k, name := range n.Raw.Outputs {
			if name != "" && k < len(n.Out) {
				sizes[name] = sizeOf(n.Out[k])
				alive = added(alive, sizes[name])
			}
		}
		if alive > most {
			most, at = alive, n.Raw.Label()
		}
		for _, name := range slices.Concat(n.Raw.Inputs, n.Raw.Outputs) {
			if last[name] == i {
				alive -= sizes[name]
				delete(sizes, name)
			}
		}
	}
	return most, at
}

// maxSize is where sizes stop to grow.
const maxSize = 1 << 60

func added(a, b int64) int64 { return min(a+b, maxSize) }

func sizeOf(i *Info) int64 {
	if i == nil {
		return 0
	}
	shape, ok := i.Fixed()
	if !ok {
		return 0
	}
	n := max(1, i.Type.Bits()/8)
	for _, d := range shape {
		if d > 0 && n > maxSize/int64(d) {
			return maxSize
		}
		n *= int64(d)
	}
	return n
}
