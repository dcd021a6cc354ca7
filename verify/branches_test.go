package verify_test

import (
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

// forked is x, or in the other branch its root, where k is above 3; within the first branch, x is
// doubled where k is above 5.
func forked(t *testing.T) *onnx.Model {
	t.Helper()
	number := func(name string, v int64) *onnx.Tensor {
		c, err := onnx.FromInt64s(name, []int64{}, []int64{v})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	float := func(name string) *onnx.Value {
		return &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N")})}
	}
	node := func(kind string, out string, in ...string) *onnx.Node {
		return &onnx.Node{Name: out, OpType: kind, Inputs: in, Outputs: []string{out}}
	}
	fork := func(out, condition string, then, otherwise *onnx.Graph) *onnx.Node {
		return &onnx.Node{Name: out, OpType: "If", Inputs: []string{condition}, Outputs: []string{out}, Attributes: []*onnx.Attribute{
			{Name: "then_branch", Type: onnx.AttrGraph, Graph: then}, {Name: "else_branch", Type: onnx.AttrGraph, Graph: otherwise}}}
	}
	graph := func(out string, nodes ...*onnx.Node) *onnx.Graph {
		return &onnx.Graph{Name: out, Nodes: nodes, Outputs: []*onnx.Value{float(out)}}
	}
	inner := fork("f", "large", graph("d", node("Add", "d", "x", "x")), graph("i", node("Identity", "i", "x")))
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "forked", Initializers: []*onnx.Tensor{number("three", 3), number("five", 5)},
		Inputs:  []*onnx.Value{float("x"), {Name: "k", Type: onnx.TensorType(onnx.Int64, onnx.Shape{})}},
		Outputs: []*onnx.Value{float("y")},
		Nodes: []*onnx.Node{
			node("Greater", "some", "k", "three"),
			fork("y", "some", graph("f", node("Greater", "large", "k", "five"), inner), graph("s", node("Abs", "a", "x"), node("Sqrt", "s", "a"))),
		},
	}}
}

// TestBranches verifies a model whose branches hang on an input, which is what every engine computes of
// the file as it is.
func TestBranches(t *testing.T) {
	o, err := ort.New(ort.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, o)
	x := &runtime.Tensor{Type: onnx.Float, Shape: []int{3}, Data: []float32{-2, 0.5, 3}}
	for k, kinds := range map[int64]int{1: 3, 4: 3, 6: 3} { // Greater, and what is left
		in := runtime.Tensors{"x": x, "k": {Type: onnx.Int64, Shape: []int{}, Data: []int64{k}}}
		m := forked(t)
		chosen, changed, err := verify.Branches(t.Context(), m, []runtime.Tensors{in})
		if err != nil || !changed || len(m.Graph.Nodes) != 2 {
			t.Fatalf("k=%d: changed %t, %v", k, changed, err)
		}
		if len(chosen.Graph.Nodes) < kinds {
			t.Errorf("k=%d: %d nodes", k, len(chosen.Graph.Nodes))
		}
		report, err := verify.Compare(t.Context(), chosen, []runtime.Engine{o, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}}, []runtime.Tensors{in}, verify.Options{})
		if err != nil || !report.OK {
			t.Errorf("k=%d: %v %+v", k, err, report)
		}
		results := make([][]float64, 2)
		for i, model := range []*onnx.Model{m, chosen} {
			s, err := o.Prepare(t.Context(), model)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if results[i], err = out["y"].Float64s(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if d := runtimetest.Compare(results[1], results[0]); d.MaxAbs != 0 {
			t.Errorf("k=%d: %v with the branches in place, %v as it is", k, results[1], results[0])
		}
	}
	other := runtime.Tensors{"x": x, "k": {Type: onnx.Int64, Shape: []int{}, Data: []int64{1}}}
	in := runtime.Tensors{"x": x, "k": {Type: onnx.Int64, Shape: []int{}, Data: []int64{6}}}
	if _, _, err := verify.Branches(t.Context(), forked(t), []runtime.Tensors{in, other}); err == nil {
		t.Error("inputs that choose different branches are taken together")
	}
}
