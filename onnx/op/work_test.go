package op_test

import (
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// TestWork counts what the windows of a pool cover, where it takes minutes, and elements.
func TestWork(t *testing.T) {
	ints := func(v ...int64) []*onnx.Attribute {
		return []*onnx.Attribute{{Name: "kernel_shape", Type: onnx.AttrInts, Ints: v}}
	}
	g := &onnx.Graph{
		Name: "g",
		Nodes: []*onnx.Node{
			{Name: "pool", OpType: "MaxPool", Inputs: []string{"x"}, Outputs: []string{"p"}, Attributes: ints(1000, 1000)},
			{Name: "relu", OpType: "Relu", Inputs: []string{"p"}, Outputs: []string{"y"}},
		},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(1), onnx.Known(2000), onnx.Known(2000)})}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(1), onnx.Known(1001), onnx.Known(1001)})}},
	}
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
	const one = 1001 * 1001
	if got, want := op.Work(m, nil), one*1e6+one; got != want {
		t.Errorf("%g operations, want %g", got, want)
	}
	if got, want := op.Work(m, map[string]onnx.Shape{"x": onnx.FixedShape(3, 1, 2000, 2000)}), 3*(one*1e6+one); got != want {
		t.Errorf("three images: %g operations, want %g", got, want)
	}
}
