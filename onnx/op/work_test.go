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
	for images, shapes := range map[float64]map[string]onnx.Shape{1: nil, 3: {"x": onnx.FixedShape(3, 1, 2000, 2000)}} {
		if products, others := op.Work(m, shapes); products != 0 || others != images*(one*1e6+one) {
			t.Errorf("%g images: %g products and %g others, want none and %g", images, products, others, images*(one*1e6+one))
		}
	}
}
