package pass_test

import (
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
)

// branching is a model with an If: where the second axis of x (N, 3) has as many elements as wanted,
// the rectified x and a weight, otherwise x itself. The names within are those of the graph around.
func branching(t *testing.T, wanted int64, inner ...*onnx.Node) *onnx.Model {
	t.Helper()
	constant := func(name string, dims []int64, v ...int64) *onnx.Tensor {
		c, err := onnx.FromInt64s(name, dims, v)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	weight, err := onnx.FromFloat32s("w", []int64{3}, []float32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	float := func(name string) *onnx.Value {
		return &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}
	}
	then := &onnx.Graph{Name: "then", Initializers: []*onnx.Tensor{weight}, Outputs: []*onnx.Value{float("t"), float("u"), float("x")}, Nodes: append(inner,
		&onnx.Node{Name: "r", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"u"}},
		&onnx.Node{Name: "a", OpType: "Add", Inputs: []string{"u", "w"}, Outputs: []string{"t"}})}
	otherwise := &onnx.Graph{Name: "else", Outputs: []*onnx.Value{float("x"), float("x"), float("x")}}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "branching", Inputs: []*onnx.Value{float("x")}, Outputs: []*onnx.Value{float("y"), float("z"), float("v"), float("sum")},
		Initializers: []*onnx.Tensor{constant("one", []int64{}, 1), constant("wanted", []int64{}, wanted)},
		Nodes: []*onnx.Node{
			{Name: "shape", OpType: "Shape", Inputs: []string{"x"}, Outputs: []string{"t"}}, // a name of the branch's
			{Name: "size", OpType: "Gather", Inputs: []string{"t", "one"}, Outputs: []string{"n"}},
			{Name: "same", OpType: "Equal", Inputs: []string{"n", "wanted"}, Outputs: []string{"c"}},
			{Name: "if", OpType: "If", Inputs: []string{"c"}, Outputs: []string{"y", "z", "v"}, Attributes: []*onnx.Attribute{
				{Name: "then_branch", Type: onnx.AttrGraph, Graph: then}, {Name: "else_branch", Type: onnx.AttrGraph, Graph: otherwise},
			}},
			{Name: "sum", OpType: "Add", Inputs: []string{"y", "z"}, Outputs: []string{"sum"}},
		},
	}}
}

// TestDecide puts the branch that a shape chooses in the place of its node.
func TestDecide(t *testing.T) {
	for wanted, kinds := range map[int64]string{3: "Shape,Gather,Equal,Relu,Add,Identity,Add", 4: "Shape,Gather,Equal,Identity,Identity,Identity,Add"} {
		m := branching(t, wanted)
		d, reports, err := pass.Run(m, pass.Decide())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range d.Graph.Nodes {
			got = append(got, n.OpType)
		}
		if strings.Join(got, ",") != kinds || len(reports[0].Changes) != 1 {
			t.Errorf("%d: %v, %v", wanted, got, reports)
		}
		f := op.Check(d)
		if len(f.Problems)+len(f.Unchecked) > 0 {
			t.Errorf("%d: %+v", wanted, f)
		}
		if len(m.Graph.Nodes) != 5 || m.Graph.Nodes[3].OpType != "If" {
			t.Errorf("the model itself has changed: %v", m.Graph.Nodes)
		}
		for _, name := range []string{"y", "z", "v", "sum"} {
			if op.Infer(d, nil).Values[name].String() != "FLOAT[N 3]" {
				t.Errorf("%d: %s is %s", wanted, name, op.Infer(d, nil).Values[name])
			}
		}
	}
}

// TestDecideLeavesWhatIsOpen leaves an If whose condition depends on values, and decides one within a
// branch that is taken.
func TestDecideLeavesWhatIsOpen(t *testing.T) {
	m := branching(t, 3)
	m.Graph.Nodes[2] = &onnx.Node{Name: "same", OpType: "IsNaN", Inputs: []string{"x"}, Outputs: []string{"c"}}
	d, reports, err := pass.Run(m, pass.Decide())
	if err != nil || len(reports[0].Changes) != 0 || d != m {
		t.Errorf("%v, %v", reports, err)
	}
	inner := branching(t, 3).Graph.Nodes[3]
	inner.Inputs, inner.Outputs = []string{"c"}, []string{"p", "q", "s"}
	d, reports, err = pass.Run(branching(t, 3, inner), pass.Decide())
	if err != nil || len(reports[0].Changes) != 2 {
		t.Fatalf("%v, %v", reports, err)
	}
	for _, n := range d.Graph.Nodes {
		if n.OpType == "If" {
			t.Error("an If within a branch is left")
		}
	}
}
