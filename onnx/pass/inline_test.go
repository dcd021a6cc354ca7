package pass_test

import (
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
	"alexctl/runtime/runtimetest"
)

// calling is a model that calls its own functions: one within another, with attributes that are handed
// on, left to their defaults and left out, an input that is left out, and names that the graph has too.
func calling() *onnx.Model {
	float := func(name string) *onnx.Value {
		return &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}
	}
	refers := func(name, to string) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrFloat, RefName: to}
	}
	inner := &onnx.Function{
		Name: "Bent", Domain: "local", Inputs: []string{"x"}, Outputs: []string{"y", "t"}, AttributeNames: []string{"slope"},
		AttributeDefaults: []*onnx.Attribute{onnx.FloatAttr("by", 0.25)}, OperatorSets: []onnx.OperatorSet{{Version: 15}},
		Nodes: []*onnx.Node{
			{Name: "n", OpType: "LeakyRelu", Inputs: []string{"x"}, Outputs: []string{"t"}, Attributes: []*onnx.Attribute{refers("alpha", "slope")}},
			{Name: "e", OpType: "Elu", Inputs: []string{"t"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{refers("alpha", "by")}},
		},
	}
	outer := &onnx.Function{
		Name: "Twice", Domain: "local", Inputs: []string{"a", "lo", "hi"}, Outputs: []string{"out"},
		OperatorSets: []onnx.OperatorSet{{Version: 15}, {Domain: "local", Version: 1}},
		Nodes: []*onnx.Node{
			{Name: "n", OpType: "Clip", Inputs: []string{"a", "lo", "hi"}, Outputs: []string{"x"}},
			{Name: "m", OpType: "Bent", Domain: "local", Inputs: []string{"x"}, Outputs: []string{"y", "unread"}, Attributes: []*onnx.Attribute{onnx.FloatAttr("slope", 0.5)}},
			{Name: "m2", OpType: "Bent", Domain: "local", Inputs: []string{"y"}, Outputs: []string{"x2", "u"}},
			{Name: "s", OpType: "Add", Inputs: []string{"x2", "u"}, Outputs: []string{"out"}},
		},
	}
	two, err := onnx.FromFloat32s("two", []int64{}, []float32{2})
	if err != nil {
		panic(err)
	}
	return &onnx.Model{
		IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 15}, {Domain: "local", Version: 1}}, Functions: []*onnx.Function{inner, outer},
		Graph: &onnx.Graph{
			Name: "calling", Inputs: []*onnx.Value{float("x")}, Outputs: []*onnx.Value{float("z")}, Initializers: []*onnx.Tensor{two},
			Nodes: []*onnx.Node{
				{Name: "n", OpType: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}},
				{Name: "f", OpType: "Twice", Domain: "local", Inputs: []string{"y", "", "two"}, Outputs: []string{"t"}},
				{Name: "g", OpType: "Twice", Domain: "local", Inputs: []string{"t"}, Outputs: []string{"u"}},
				{Name: "sum", OpType: "Sub", Inputs: []string{"u", "y"}, Outputs: []string{"z"}},
			},
		},
	}
}

// TestInline compares the model without calls, on the reference, with ONNX Runtime, which has its own
// way with functions.
func TestInline(t *testing.T) {
	m := calling()
	inlined, reports, err := pass.Run(m, pass.Inline())
	if err != nil {
		t.Fatal(err)
	}
	if len(reports[0].Changes) != 6 || len(inlined.Functions) > 0 || len(m.Functions) != 2 {
		t.Errorf("%d calls gave way, %d functions are left: want 6 and none", len(reports[0].Changes), len(inlined.Functions))
	}
	if f := op.Check(inlined); f.Err() != nil {
		t.Fatal(f.Err())
	}
	e, err := ort.New(ort.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, e)
	x, err := runtime.New([]int{2, 3}, []float32{-3, -0.5, 0.25, 1, 2.5, -1})
	if err != nil {
		t.Fatal(err)
	}
	results := make([][]float64, 2)
	for i, run := range []struct {
		e runtime.Engine
		m *onnx.Model
	}{{reference.Engine{}, inlined}, {e, m}} {
		s, err := run.e.Prepare(t.Context(), run.m)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Run(t.Context(), runtime.Tensors{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		if results[i], err = out["z"].Float64s(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const float32Tolerance = 1e-6 // a dozen operations on numbers below 5
	if e := runtimetest.Compare(results[1], results[0]); !(e.MaxAbs <= float32Tolerance) {
		t.Errorf("ONNX Runtime makes %v of the functions, the bodies make %v", results[1], results[0])
	}
	// A body of an opset in which an operator is another one stays a call.
	m.Functions[0].Nodes[0].OpType, m.Functions[0].OperatorSets[0].Version = "Softmax", 12
	m.Functions[0].Nodes[0].Attributes = nil
	if _, reports, err := pass.Run(m, pass.Inline()); err != nil || len(reports[0].Changes) != 2 {
		t.Errorf("%v, %v: want the calls of the outer function only", reports, err)
	}
}
