package builder

import "alexctl/preprocess"

// caffe is BVLC AlexNet, models/bvlc_alexnet of Caffe: LRN before pooling, with the
// constant 1, pools that round up, groups in the second, fourth and fifth
// convolution, BGR pixels less their mean.
func caffe() Variant {
	return Variant{
		Name:       "caffe",
		Summary:    "BVLC AlexNet, 227x227, LRN before pooling, grouped convolutions, BGR input.",
		Source:     "github.com/BVLC/caffe, models/bvlc_alexnet",
		Input:      227,
		Classes:    1000,
		LRN:        "op",
		init:       caffeScheme(0.1),
		preprocess: caffePreprocess,
		draw:       func(n *net) { drawCaffe(n, false) },
	}
}

// caffeScheme is the weight_filler and bias_filler of both Caffe models: deviation
// 0.005 in the hidden fully connected layers, otherwise 0.01; the bias value in the
// second, fourth and fifth convolution and the hidden layers, otherwise 0.
func caffeScheme(bias float64) scheme {
	return func(l layer) (distribution, distribution) {
		weight, value := normal(0.01), 0.0
		if l.number == 6 || l.number == 7 {
			weight = normal(0.005)
		}
		switch l.number {
		case 2, 4, 5, 6, 7:
			value = bias
		}
		return weight, constant(value)
	}
}

func caffePreprocess(channels, side int) *preprocess.Spec {
	return preprocess.MeanPixel(channels, "BGR", "exact", (side*256+113)/227, side)
}

// drawCaffe draws either model; they differ in what comes first, pooling or LRN.
func drawCaffe(n *net, poolFirst bool) {
	norm := func() { n.LRN(5, 1e-4, 0.75, 1) }
	reduce := func() {
		if poolFirst {
			n.MaxPool(3, 2, true)
			norm()
			return
		}
		norm()
		n.MaxPool(3, 2, true)
	}
	n.Conv("conv1", 96, conv{kernel: 11, stride: 4})
	n.Relu()
	reduce()
	n.Conv("conv2", 256, conv{kernel: 5, pads: pad(2), group: 2})
	n.Relu()
	reduce()
	n.Conv("conv3", 384, conv{kernel: 3, pads: pad(1)})
	n.Relu()
	n.Conv("conv4", 384, conv{kernel: 3, pads: pad(1), group: 2})
	n.Relu()
	n.Conv("conv5", 256, conv{kernel: 3, pads: pad(1), group: 2})
	n.Relu()
	n.MaxPool(3, 2, true)
	n.Flatten()
	n.Linear("fc6", 4096)
	n.Relu()
	n.Dropout()
	n.Linear("fc7", 4096)
	n.Relu()
	n.Dropout()
	n.Linear("fc8", int64(n.options.Classes))
}
