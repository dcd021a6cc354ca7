package onnx_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"alexctl/onnx"
)

// A model is opened without reading its tensors, looked at, changed as a copy and written.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "m.onnx")
	small := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name:    "small",
		Nodes:   []*onnx.Node{{Name: "r", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}},
	}}
	if _, err := small.WriteFile(context.Background(), path, onnx.WriteOptions{}); err != nil {
		panic(err)
	}
	m, err := onnx.Open(path)
	if err != nil {
		panic(err)
	}
	defer func() { _ = m.Close() }()
	x := onnx.NewIndex(m.Graph)
	fmt.Println(m.Opset(), m.Graph.Inputs[0].Type, x.Maker("y").Name, len(x.Uses("x")))
	c := m.Clone()
	c.Graph.Nodes[0].OpType = "Sigmoid"
	fmt.Println(m.Path() == path, c.Path() == "")
	// Output:
	// 13 FLOAT[N 3] r 1
	// true true
}
