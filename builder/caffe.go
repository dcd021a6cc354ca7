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
	pool := func() { n.MaxPool(3, 2, true) }
	if poolFirst {
		norm, pool = pool, norm
	}
	drawPaper(n, pad(0), func() { norm(); pool() })
}
