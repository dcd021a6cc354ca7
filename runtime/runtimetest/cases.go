package runtimetest

import (
	"fmt"
	"math/rand/v2"

	"alexctl/onnx"
	"alexctl/runtime"
)

// cases are the operators over awkward shapes: batch 1, odd sizes, groups, strides
// larger than the kernel, one channel, a batch that differs from the channels.
func cases() []testCase {
	r := rand.New(rand.NewPCG(3, 1))
	var list []testCase
	add := func(name string, n *onnx.Node, inputs ...*runtime.Tensor) *testCase {
		list = append(list, testCase{name: name, opset: 13, node: n, inputs: inputs})
		return &list[len(list)-1]
	}
	weights := func(c *testCase, from int) {
		for i := range c.inputs {
			c.weight = append(c.weight, i >= from)
		}
	}
	convCases(r, add, weights)
	poolCases(r, add)
	normCases(r, add, weights)
	denseCases(r, add, weights)
	shapeCases(r, add, weights)
	elementCases(r, add)
	return list
}

type (
	adder   func(string, *onnx.Node, ...*runtime.Tensor) *testCase
	weigher func(*testCase, int)
)

func convCases(r *rand.Rand, add adder, weights weigher) {
	for i, c := range []struct {
		n, c, h, w, m, kh, kw, stride, group, dilation int64
		pads                                           []int64
		bias                                           bool
	}{
		{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, nil, false},
		{1, 3, 11, 11, 4, 11, 11, 4, 1, 1, nil, true},
		{5, 3, 23, 19, 8, 11, 11, 4, 1, 1, []int64{0, 0, 3, 3}, true},
		{2, 4, 7, 5, 6, 3, 3, 1, 2, 1, []int64{1, 1, 1, 1}, true},
		{3, 6, 9, 9, 6, 3, 3, 2, 6, 1, []int64{1, 1, 1, 1}, true},
		{2, 3, 8, 7, 5, 2, 2, 3, 1, 1, nil, true}, // stride larger than the kernel
		{1, 2, 9, 11, 3, 3, 2, 1, 1, 2, []int64{2, 1, 0, 3}, false},
		{2, 48, 13, 13, 34, 5, 5, 1, 2, 1, []int64{2, 2, 2, 2}, true},
		{1, 5, 6, 70, 7, 3, 3, 1, 1, 1, []int64{1, 1, 1, 1}, true},
	} {
		n := node("Conv", onnx.IntAttr("group", c.group), onnx.IntsAttr("strides", c.stride, c.stride),
			onnx.IntsAttr("dilations", c.dilation, c.dilation))
		if c.pads != nil {
			n.Attributes = append(n.Attributes, onnx.IntsAttr("pads", c.pads...))
		}
		in := []*runtime.Tensor{random(r, int(c.n), int(c.c), int(c.h), int(c.w)), random(r, int(c.m), int(c.c/c.group), int(c.kh), int(c.kw))}
		if c.bias {
			in = append(in, random(r, int(c.m)))
		}
		weights(add(fmt.Sprintf("Conv%d", i), n, in...), 1)
	}
	for _, pad := range []string{"SAME_UPPER", "SAME_LOWER", "VALID"} {
		weights(add("Conv_"+pad, node("Conv", onnx.StringAttr("auto_pad", pad), onnx.IntsAttr("strides", 2, 3)),
			random(r, 2, 3, 9, 10), random(r, 4, 3, 4, 3)), 1)
	}
	weights(add("Conv1d", node("Conv", onnx.IntsAttr("pads", 1, 2)), random(r, 2, 3, 9), random(r, 4, 3, 3), random(r, 4)), 1)
	weights(add("Conv3d", node("Conv", onnx.IntsAttr("strides", 1, 2, 1)), random(r, 2, 3, 4, 5, 6), random(r, 2, 3, 2, 3, 2)), 1)
	add("ConvFedWeights", node("Conv"), random(r, 2, 3, 5, 5), random(r, 4, 3, 3, 3))
}

func poolCases(r *rand.Rand, add adder) {
	for _, kind := range []string{"MaxPool", "AveragePool"} {
		for i, c := range []struct {
			shape []int
			attrs []*onnx.Attribute
		}{
			{[]int{1, 1, 1, 1}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 1, 1)}},
			{[]int{2, 3, 13, 13}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("strides", 2, 2)}},
			{[]int{5, 3, 12, 14}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("strides", 2, 2), onnx.IntAttr("ceil_mode", 1)}},
			{[]int{2, 2, 2, 2}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("strides", 2, 2), onnx.IntAttr("ceil_mode", 1)}},
			{[]int{1, 2, 7, 9}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 2, 3), onnx.IntsAttr("strides", 3, 4), onnx.IntsAttr("pads", 1, 0, 1, 2)}},
			{[]int{2, 1, 6, 6}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("strides", 2, 2), onnx.IntsAttr("pads", 0, 0, 1, 1)}},
			{[]int{2, 3, 5, 6, 7}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3, 1, 2), onnx.IntsAttr("pads", 1, 0, 0, 1, 0, 1)}},
			{[]int{3, 2, 9}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 4), onnx.StringAttr("auto_pad", "SAME_UPPER")}},
		} {
			add(fmt.Sprintf("%s%d", kind, i), node(kind, c.attrs...), random(r, c.shape...))
			if kind == "AveragePool" {
				with := append([]*onnx.Attribute{onnx.IntAttr("count_include_pad", 1)}, c.attrs...)
				add(fmt.Sprintf("%s%dIncludePad", kind, i), node(kind, with...), random(r, c.shape...))
			}
		}
	}
	add("MaxPoolDilated", node("MaxPool", onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("dilations", 2, 3)), random(r, 2, 3, 8, 9))
	add("GlobalAveragePool", node("GlobalAveragePool"), random(r, 2, 3, 5, 7))
}

func normCases(r *rand.Rand, add adder, weights weigher) {
	for i, c := range []struct {
		shape             []int
		size              int64
		alpha, beta, bias float32
	}{
		{[]int{5, 3, 4, 3}, 5, 0.5, 0.75, 2}, // N differs from C, the window is wider than C
		{[]int{1, 9, 2, 2}, 3, 0.2, 0.75, 1}, // the window is narrower
		{[]int{2, 1, 3, 3}, 5, 1, 0.5, 1},    // one channel
		{[]int{2, 12, 5, 5}, 1, 0.3, 1, 0.5}, // a window of one
	} {
		add(fmt.Sprintf("LRN%d", i), node("LRN", onnx.IntAttr("size", c.size), onnx.FloatAttr("alpha", c.alpha),
			onnx.FloatAttr("beta", c.beta), onnx.FloatAttr("bias", c.bias)), random(r, c.shape...))
	}
	weights(add("BatchNormalization", node("BatchNormalization", onnx.FloatAttr("epsilon", 1e-3)),
		random(r, 2, 3, 4, 5), random(r, 3), random(r, 3), random(r, 3), positive(r, 3)), 1)
	add("Softmax", node("Softmax"), random(r, 3, 10))
	add("SoftmaxAxis1", node("Softmax", onnx.IntAttr("axis", 1)), random(r, 2, 3, 4))
	add("SoftmaxCoerced", node("Softmax", onnx.IntAttr("axis", 1)), random(r, 2, 3, 4)).opset = 11
	add("LogSoftmax", node("LogSoftmax", onnx.IntAttr("axis", 1)), random(r, 3, 10))
}

func denseCases(r *rand.Rand, add adder, weights weigher) {
	weights(add("GemmLinear", node("Gemm", onnx.IntAttr("transB", 1)), random(r, 5, 37), random(r, 11, 37), random(r, 11)), 1)
	weights(add("GemmNoBias", node("Gemm", onnx.IntAttr("transB", 1)), random(r, 1, 3), random(r, 1, 3)), 1)
	weights(add("GemmAll", node("Gemm", onnx.IntAttr("transA", 1), onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", -2)),
		random(r, 7, 3), random(r, 7, 4), random(r, 3, 1)), 1)
	add("GemmFed", node("Gemm"), random(r, 3, 4), random(r, 4, 5), random(r, 5))
	weights(add("MatMul", node("MatMul"), random(r, 3, 8), random(r, 8, 5)), 1)
	weights(add("MatMulBatched", node("MatMul"), random(r, 2, 3, 4, 5), random(r, 5, 6)), 1)
	add("MatMulBroadcast", node("MatMul"), random(r, 2, 1, 4, 5), random(r, 3, 5, 2))
	add("MatMulVector", node("MatMul"), random(r, 3, 4), random(r, 4))
}

func shapeCases(r *rand.Rand, add adder, weights weigher) {
	add("Flatten", node("Flatten"), random(r, 2, 3, 4, 5))
	add("FlattenAxis2", node("Flatten", onnx.IntAttr("axis", 2)), random(r, 2, 3, 4))
	weights(add("Reshape", node("Reshape"), random(r, 2, 3, 4), ints(0, -1)), 1)
	add("Transpose", node("Transpose", onnx.IntsAttr("perm", 2, 0, 1)), random(r, 2, 3, 4))
	add("TransposeReverse", node("Transpose"), random(r, 2, 3, 4))
	weights(add("Squeeze", node("Squeeze"), random(r, 2, 1, 3, 1), ints(1, -1)), 1)
	weights(add("Unsqueeze", node("Unsqueeze"), random(r, 2, 3), ints(0, -1)), 1)
	add("Concat", node("Concat", onnx.IntAttr("axis", 1)), random(r, 2, 3, 4), random(r, 2, 1, 4), random(r, 2, 2, 4))
	weights(add("Gather", node("Gather", onnx.IntAttr("axis", 1)), random(r, 2, 5, 3), ints(4, -5, 0)), 1)
	weights(add("Slice", node("Slice"), random(r, 4, 9, 3), ints(1, -1), ints(3, -20), ints(0, 1), ints(1, -3)), 1)
	weights(add("SliceBeforeStart", node("Slice"), random(r, 2, 3), ints(-100), ints(-200), ints(1), ints(-1)), 1)
	weights(add("ReduceMean", node("ReduceMean", onnx.IntsAttr("axes", 1, -1)), random(r, 2, 3, 4)), 1)
	add("ReduceMeanAll", node("ReduceMean", onnx.IntAttr("keepdims", 0)), random(r, 2, 3, 4))
	add("Shape", node("Shape"), random(r, 2, 3, 4))
	add("Identity", node("Identity"), random(r, 2, 3))
	add("Dropout", node("Dropout"), random(r, 2, 3))
	add("Cast", node("Cast", onnx.IntAttr("to", int64(onnx.Int64))), random(r, 2, 30))
}

func elementCases(r *rand.Rand, add adder) {
	for _, kind := range []string{"Add", "Sub", "Mul", "Div"} {
		add(kind, node(kind), random(r, 2, 3, 4), positive(r, 2, 3, 4))
		add(kind+"Broadcast", node(kind), random(r, 2, 3, 4), positive(r, 3, 1))
		add(kind+"Ints", node(kind), ints(7, -7, 9), ints(2, 2, -4))
	}
	add("Sum", node("Sum"), random(r, 2, 3, 4), random(r, 3, 1), random(r, 4))
	add("SumOne", node("Sum"), random(r, 2, 3))
	add("Pow", node("Pow"), positive(r, 2, 3), random(r, 2, 3))
	add("PowScalar", node("Pow"), positive(r, 2, 3), random(r, 1))
	add("Relu", node("Relu"), random(r, 2, 3, 5))
	add("Sigmoid", node("Sigmoid"), random(r, 2, 30))
	add("Tanh", node("Tanh"), random(r, 2, 30))
	add("Sqrt", node("Sqrt"), positive(r, 2, 30))
	add("Clip", node("Clip"), random(r, 2, 30), &runtime.Tensor{Type: onnx.Float, Shape: []int{}, Data: []float32{-0.5}},
		&runtime.Tensor{Type: onnx.Float, Shape: []int{}, Data: []float32{0.25}})
	add("ClipHigh", node("Clip"), random(r, 2, 30), nil, &runtime.Tensor{Type: onnx.Float, Shape: []int{}, Data: []float32{0.25}})
	add("ClipOld", node("Clip", onnx.FloatAttr("min", 0), onnx.FloatAttr("max", 1)), random(r, 2, 30)).opset = 10
}
