package op_test

import (
	"slices"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/runtimetest"
)

// TestRandomNodes checks, infers and evaluates nodes that nobody would write.
func TestRandomNodes(t *testing.T) {
	runtimetest.EachRandom(t, 2000, func(_ *op.Spec, m *onnx.Model, fed runtime.Tensors) bool {
		inferred := op.Infer(m, nil)
		op.Check(m)
		op.Summarize(m)
		n := inferred.Nodes[0].Node
		if n == nil || slices.ContainsFunc(inferred.Problems, func(p onnx.Problem) bool { return p.Where != `output "y"` }) {
			return false
		}
		_, err := n.Evaluate(arrays(t, m, fed))
		return err == nil
	}, "RandomUniformLike") // has no definition
}

// arrays returns what the model's node reads.
func arrays(t *testing.T, m *onnx.Model, fed runtime.Tensors) []*op.Array {
	t.Helper()
	in := make([]*op.Array, len(m.Graph.Nodes[0].Inputs))
	for i, name := range m.Graph.Nodes[0].Inputs {
		if x := m.Graph.Initializer(name); x != nil {
			a, err := op.FromTensor(x)
			if err != nil {
				t.Fatal(err)
			}
			in[i] = a
		}
		if x := fed[name]; x != nil {
			in[i] = &op.Array{Type: x.Type, Shape: x.Shape}
			if x.Type.IsFloat() {
				in[i].F, _ = x.Float64s()
				continue
			}
			elements := 1
			for _, d := range x.Shape {
				elements *= d
			}
			in[i].I = make([]int64, elements)
		}
	}
	return in
}
