package verify_test

import (
	"slices"

	"alexctl/builder"
	"alexctl/card"
	"alexctl/onnx"
	"alexctl/preprocess"
)

var (
	small  = builder.Options{Classes: 10, Init: "he"}
	small6 = builder.Options{Input: 67, Classes: 10, Init: "he"}
)

// faults are the planted ones. first is the layer that must be named.
func faults() []mistake {
	reversed := func(n int) []int {
		var order []int
		for i := range n {
			order = append(order, n-1-i)
		}
		return order
	}
	return append(append(lrnFaults(), wiringFaults(reversed)...), inputFaults(reversed)...)
}

// lrnFaults are those of normalization and of pools.
func lrnFaults() []mistake {
	lrn := func(what string, f func(*patch)) mistake {
		return mistake{what: what, variant: "pwc", options: small6, first: "norm1", plant: f}
	}
	return []mistake{
		lrn("LRN's alpha not divided by its size", func(p *patch) { p.float("norm1", "alpha", func(a float32) float32 { return 5 * a }) }),
		lrn("LRN's alpha divided twice", func(p *patch) { p.float("norm1", "alpha", func(a float32) float32 { return a / 5 }) }),
		lrn("LRN's alpha 1e-9", func(p *patch) { p.float("norm1", "alpha", to(1e-9)) }),
		lrn("LRN's alpha 0", func(p *patch) { p.float("norm1", "alpha", to(0)) }),
		lrn("LRN over 3 channels", func(p *patch) { p.int("norm1", "size", 3) }),
		lrn("LRN over 7 channels", func(p *patch) { p.int("norm1", "size", 7) }),
		lrn("LRN over 4 channels", func(p *patch) { p.int("norm1", "size", 4) }),
		lrn("LRN's bias 1 for 2", func(p *patch) { p.float("norm1", "bias", to(1)) }),
		lrn("LRN's beta 0.5 for 0.75", func(p *patch) { p.float("norm1", "beta", to(0.5)) }),
		lrn("LRN left out", func(p *patch) { p.become("norm1", "Identity") }),
		lrn("pool and norm swapped", func(p *patch) { p.exchange("norm1", "pool1") }),
		{what: "the second LRN's bias 1 for 2", variant: "pwc", options: small6, first: "norm2", plant: func(p *patch) { p.float("norm2", "bias", to(1)) }},
		{what: "norm and pool swapped", variant: "caffenet", options: small6, first: "pool1", plant: func(p *patch) { p.exchange("pool1", "norm1") }},
		{what: "count_include_pad flipped", variant: "zhihu", options: small6, first: "norm1.average",
			plant: func(p *patch) { p.int("norm1.average", "count_include_pad", 0) }},
		{what: "LRN's average moved by a channel", variant: "zhihu", options: small6, first: "norm1.average",
			plant: func(p *patch) { p.ints("norm1.average", "pads", 1, 0, 0, 3, 0, 0) }},
		{what: "LRN's square left out", variant: "zhihu", options: small6, first: "norm1.square", plant: func(p *patch) { p.become("norm1.square", "Identity") }},
		{what: "ceil_mode flipped", variant: "torchvision", options: small6, first: "pool1", plant: func(p *patch) { p.int("pool1", "ceil_mode", 1) }},
		{what: "a pool of 2 for 3", variant: "pwc", options: small6, first: "pool2", plant: func(p *patch) { p.ints("pool2", "kernel_shape", 2, 2) }},
		{what: "AveragePool for MaxPool", variant: "cifar", options: small, first: "pool2", plant: func(p *patch) {
			p.become("pool2", "AveragePool", slices.Clone(p.node("pool2").Attributes)...)
		}},
	}
}

// wiringFaults are those of layers, weights and attributes.
func wiringFaults(reversed func(int) []int) []mistake {
	return []mistake{
		{what: "groups swapped", variant: "zhihu", options: small6, first: "layer2.0", plant: func(p *patch) { p.weight("layer2.0.weight", permuted(halves)) }},
		{what: "groups dropped", variant: "zhihu", options: small6, first: "layer2.0", plant: func(p *patch) { p.ungrouped("layer2.0", "layer2.0.weight", 2) }},
		{what: "groups of a later convolution swapped", variant: "paper", options: small6, first: "conv4", plant: func(p *patch) { p.weight("conv4.weight", permuted(halves)) }},
		{what: "pads mirrored", variant: "cifar", options: small, first: "features.3",
			prepare: func(p *patch) { p.ints("features.3", "pads", 1, 1, 3, 3) },
			plant:   func(p *patch) { p.ints("features.3", "pads", 3, 3, 1, 1) }},
		{what: "a dilation of 2", variant: "cifar", options: small, first: "features.6", plant: func(p *patch) {
			p.ints("features.6", "dilations", 2, 2)
			p.ints("features.6", "pads", 2, 2, 2, 2)
		}},
		{what: "kernels turned by 180 degrees", variant: "cifar", options: small, first: "features.3", plant: func(p *patch) {
			p.weight("features.3.weight", func(dims []int64, v []float32) []float32 {
				size := int(dims[2] * dims[3])
				for i := 0; i < len(v); i += size {
					slices.Reverse(v[i : i+size])
				}
				return v
			})
		}},
		{what: "kernels transposed", variant: "pwc", options: small6, first: "net.8", plant: func(p *patch) {
			p.weight("net.8.weight", func(dims []int64, v []float32) []float32 {
				for i := 0; i < len(v); i += 9 {
					copy(v[i:i+9], transposed([]int64{3, 3}, v[i:i+9]))
				}
				return v
			})
		}},
		{what: "fc6 transposed", variant: "caffe", options: small6, first: "fc6", plant: func(p *patch) { p.weight("fc6.weight", transposed) }},
		{what: "fc7 transposed", variant: "caffe", options: small6, first: "fc7", plant: func(p *patch) { p.weight("fc7.weight", transposed) }},
		{what: "Flatten in HWC order", variant: "cifar", options: small, first: "flatten", plant: func(p *patch) {
			p.before("flatten", &onnx.Node{Name: "hwc", OpType: "Transpose", Attributes: []*onnx.Attribute{{Name: "perm", Type: onnx.AttrInts, Ints: []int64{0, 2, 3, 1}}}})
		}},
		{what: "a rectifier left out", variant: "cifar", options: small, first: "relu3", plant: func(p *patch) { p.become("relu3", "Identity") }},
		{what: "Sigmoid for Relu", variant: "cifar", options: small, first: "relu6", plant: func(p *patch) { p.become("relu6", "Sigmoid") }},
		{what: "ReLU6 for ReLU", variant: "cifar", options: small, first: "relu1", plant: func(p *patch) {
			p.become("relu1", "Clip")
			p.put("low", nil, []float32{0})
			p.put("high", nil, []float32{6})
			n := p.node("relu1")
			n.Inputs = append(n.Inputs, "low", "high")
		}},
		{what: "dropout left on", variant: "cifar", options: small, first: "dropout2", plant: func(p *patch) { p.times("dropout2", []int64{hidden}, mask(hidden)) }},
		{what: "dropout's training_mode set", variant: "cifar", options: small, first: "dropout1", modelOnly: true, plant: func(p *patch) {
			n := p.node("dropout1")
			t, err := onnx.FromBytes("training", onnx.Bool, nil, []byte{1})
			if err != nil {
				p.t.Fatal(err)
			}
			p.m.Graph.Initializers = append(p.m.Graph.Initializers, t)
			for len(n.Inputs) < 2 {
				n.Inputs = append(n.Inputs, "")
			}
			n.Inputs = append(n.Inputs, "training")
		}},
		{what: "dropout scales at inference", variant: "cifar", options: small, first: "dropout1", plant: func(p *patch) { p.times("dropout1", nil, []float32{0.5}) }},
		{what: "one weight set to zero", variant: "cifar", options: small, first: "features.8", plant: func(p *patch) { p.weight("features.8.weight", largest(to(0))) }},
		{what: "one unit of fc6 set to zero", variant: "caffe", options: small6, first: "fc6", plant: func(p *patch) {
			p.weight("fc6.weight", func(dims []int64, v []float32) []float32 { clear(v[:dims[1]]); return v })
		}},
		{what: "the sign of one weight", variant: "torchvision", options: small6, first: "features.6", plant: func(p *patch) {
			p.weight("features.6.weight", largest(func(v float32) float32 { return -v }))
		}},
		{what: "weights larger by a thousandth", variant: "cifar", options: small, first: "features.10", plant: func(p *patch) { p.weight("features.10.weight", scale(1.001)) }},
		{what: "a stale initializer", variant: "cifar", options: small, first: "classifier.4", plant: func(p *patch) { p.weight("classifier.4.weight", permuted(halves)) }},
		{what: "a bias left out", variant: "caffe", options: small6, first: "conv2", prepare: biased("conv2.bias"), plant: func(p *patch) { p.weight("conv2.bias", scale(0)) }},
		{what: "a bias added twice", variant: "caffe", options: small6, first: "conv4", prepare: biased("conv4.bias"), plant: func(p *patch) { p.weight("conv4.bias", scale(2)) }},
		{what: "Gemm's alpha", variant: "cifar", options: small, first: "classifier.1", plant: func(p *patch) { p.float("classifier.1", "alpha", to(0.99)) }},
		{what: "Gemm's beta", variant: "caffe", options: small6, first: "fc7", prepare: biased("fc7.bias"), plant: func(p *patch) { p.float("fc7", "beta", to(0)) }},
		{what: "weights cut to float16", variant: "cifar", options: small, first: "features.0", plant: func(p *patch) { p.weight("features.0.weight", half) }},
		{what: "weights cut to bfloat16", variant: "pwc", options: small6, first: "net.10", plant: func(p *patch) { p.weight("net.10.weight", bfloat) }},
		{what: "classes in another order", variant: "cifar", options: small, first: "classifier.6", plant: func(p *patch) { p.weight("classifier.6.weight", permuted(reversed)) }},
		{what: "Softmax over the batch", variant: "cifar", options: builder.Options{Classes: 10, Init: "he", Softmax: true}, first: "softmax", plant: func(p *patch) { p.int("softmax", "axis", 0) }},
		{what: "LogSoftmax for Softmax", variant: "cifar", options: builder.Options{Classes: 10, Init: "he", Softmax: true}, first: "softmax", plant: func(p *patch) { p.node("softmax").OpType = "LogSoftmax" }},
	}
}

// inputFaults are those of what comes before the first layer.
func inputFaults(reversed func(int) []int) []mistake {
	spec := func(what string, f func(*preprocess.Spec)) mistake {
		return mistake{what: what, variant: "pwc", options: small6, first: "preprocessing", modelOnly: true, plant: func(p *patch) { p.spec(f) }}
	}
	return []mistake{
		spec("BGR for RGB", func(s *preprocess.Spec) { s.Color = "BGR" }),
		spec("wrong mean", func(s *preprocess.Spec) { s.Mean = []float64{0.5, 0.5, 0.5} }),
		spec("wrong standard deviation", func(s *preprocess.Spec) { s.Std = []float64{1, 1, 1} }),
		spec("pixels not divided by 255", func(s *preprocess.Spec) { s.Divisor = 1 }),
		{what: "BGR for RGB in the first weights", variant: "cifar", options: small, first: "features.0", plant: func(p *patch) {
			p.weight("features.0.weight", func(dims []int64, v []float32) []float32 {
				size := int(dims[1] * dims[2] * dims[3])
				for i := 0; i < len(v); i += size {
					copy(v[i:i+size], permuted(reversed)([]int64{dims[1]}, v[i:i+size]))
				}
				return v
			})
		}},
		{what: "labels in another order", variant: "cifar", options: builder.Options{Classes: 3, Init: "he", Labels: []string{"cat", "dog", "horse"}}, first: "labels", modelOnly: true,
			plant: func(p *patch) { p.card(card.Card{Labels: []string{"dog", "cat", "horse"}}) }},
	}
}
