package main

import (
	"context"
	"math"
	"math/rand/v2"

	"alexctl/onnx"
)

var ctx = context.Background()

// extremes are what whole numbers in models and flags become.
var extremes = []int64{0, 1, -1, 2, 3, 7, 255, 1 << 16, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64}

// model is a small classifier: every kind of layer that an AlexNet has.
func model(r *rand.Rand) *onnx.Model {
	weights := func(name string, dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = r.Float32() - 0.5
		}
		t, err := onnx.FromFloat32s(name, dims, v)
		if err != nil {
			panic(err) // the sizes are those above
		}
		return t
	}
	ints := func(name string, v ...int64) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "g",
		Nodes: []*onnx.Node{
			{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w", "b"}, Outputs: []string{"c"},
				Attributes: []*onnx.Attribute{ints("kernel_shape", 3, 3), ints("strides", 2, 2), ints("pads", 1, 1, 1, 1), ints("dilations", 1, 1), onnx.IntAttr("group", 1)}},
			{Name: "relu", OpType: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}},
			{Name: "norm", OpType: "LRN", Inputs: []string{"r"}, Outputs: []string{"n"}, Attributes: []*onnx.Attribute{onnx.IntAttr("size", 5)}},
			{Name: "pool", OpType: "MaxPool", Inputs: []string{"n"}, Outputs: []string{"p"}, Attributes: []*onnx.Attribute{ints("kernel_shape", 3, 3), ints("strides", 2, 2), onnx.IntAttr("ceil_mode", 0)}},
			{Name: "mean", OpType: "AveragePool", Inputs: []string{"p"}, Outputs: []string{"a"}, Attributes: []*onnx.Attribute{ints("kernel_shape", 2, 2), onnx.IntAttr("count_include_pad", 1)}},
			{Name: "flat", OpType: "Flatten", Inputs: []string{"a"}, Outputs: []string{"f"}, Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}},
			{Name: "fc", OpType: "Gemm", Inputs: []string{"f", "v"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 0)}},
			{Name: "soft", OpType: "Softmax", Inputs: []string{"y"}, Outputs: []string{"z"}, Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}},
		},
		Initializers: []*onnx.Tensor{weights("w", 4, 3, 3, 3), weights("b", 4), weights("v", 16, 2)},
		Inputs:       []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3), onnx.Known(14), onnx.Known(14)})}},
		Outputs:      []*onnx.Value{{Name: "z", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(2)})}},
	}}
}

var operators = []string{"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "LRN", "Gemm", "MatMul", "Concat", "Sum", "Reshape", "Transpose", "Squeeze", "Slice", "Gather",
	"BatchNormalization", "Dropout", "Softmax", "Clip", "Constant", "ConstantOfShape", "Shape", "Cast", "Mul", "Nothing"}

// change makes one structural change.
func change(r *rand.Rand, m *onnx.Model) {
	g := m.Graph
	n := g.Nodes[r.IntN(len(g.Nodes))]
	switch r.IntN(12) {
	case 0:
		n.OpType = operators[r.IntN(len(operators))]
	case 1:
		if len(n.Inputs) > 0 {
			n.Inputs[r.IntN(len(n.Inputs))] = []string{"", "x", "w", "z", "nothing"}[r.IntN(5)]
		}
	case 2:
		n.Inputs = append(n.Inputs, []string{"", "x", "b"}[r.IntN(3)])
	case 3:
		g.Nodes = append(g.Nodes, n)
	case 4:
		if len(n.Attributes) > 0 {
			a := n.Attributes[r.IntN(len(n.Attributes))]
			a.Int = extremes[r.IntN(len(extremes))]
			if len(a.Ints) > 0 {
				a.Ints[r.IntN(len(a.Ints))] = extremes[r.IntN(len(extremes))]
			}
		}
	case 5:
		if len(n.Attributes) > 0 {
			a := n.Attributes[r.IntN(len(n.Attributes))]
			a.Ints = append(a.Ints, extremes[r.IntN(len(extremes))])
		}
	case 6:
		t := g.Initializers[r.IntN(len(g.Initializers))]
		if len(t.Dims) > 0 {
			t.Dims[r.IntN(len(t.Dims))] = extremes[r.IntN(len(extremes))]
		}
	case 7:
		g.Inputs[0].Type = onnx.TensorType(onnx.Float, onnx.FixedShape(1, 3, extremes[r.IntN(len(extremes))], 14))
	case 8:
		m.OperatorSets[0].Version = extremes[r.IntN(len(extremes))]
	case 9:
		n.Attributes = nil
	case 10:
		v, err := onnx.FromFloat32s("v", []int64{16, 2}, append([]float32{float32(math.NaN()), float32(math.Inf(1))}, make([]float32, 30)...))
		if err == nil {
			g.Initializers[2] = v
		}
	case 11:
		n.Outputs = append(n.Outputs, []string{"", "x", "second"}[r.IntN(3)])
	}
}
