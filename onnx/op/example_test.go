package op_test

import (
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// A node is bound to its operator, its shapes are inferred and it is evaluated in float64.
func Example() {
	n := &onnx.Node{Name: "norm", OpType: "LRN", Inputs: []string{"x"}, Outputs: []string{"y"},
		Attributes: []*onnx.Attribute{onnx.IntAttr("size", 1), onnx.FloatAttr("alpha", 1), onnx.FloatAttr("beta", 1)}}
	out, err := op.InferNode(n, 13, []*op.Info{{Type: onnx.Float, Ranked: true, Shape: onnx.Shape{onnx.Symbol("N"), onnx.Known(1)}}})
	if err != nil {
		panic(err)
	}
	b, err := op.Bind(n, 13)
	if err != nil {
		panic(err)
	}
	y, err := b.Evaluate([]*op.Array{{Type: onnx.Float, Shape: []int{2, 1}, F: []float64{1, 3}}})
	if err != nil {
		panic(err)
	}
	fmt.Println(out[0], y[0].F) // x / (1 + x^2)
	// Output: FLOAT[N 1] [0.5 0.3]
}
