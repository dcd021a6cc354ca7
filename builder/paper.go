package builder

import "alexctl/preprocess"

// paper is Krizhevsky, Sutskever and Hinton 2012 as their released program computes
// it at 224: output sizes round up, so the first convolution reads zeros beyond the
// right and bottom edge (three at 224) and the pools a partial window. Groups in
// the second, fourth and fifth convolution.
//
// Section 3.3 writes LRN with alpha = 1e-4 times the sum; the program divides alpha
// by the window's size, as ONNX does. Options.LRNAlpha chooses.
func paper() Variant {
	return Variant{
		Name:    "paper",
		Summary: "AlexNet as published in 2012, 224x224, grouped convolutions, sizes rounded up.",
		Source:  "Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, 2012; cuda-convnet2",
		Input:   224,
		Classes: 1000,
		LRN:     "op",
		init:    paperScheme,
		preprocess: func(channels, side int) *preprocess.Spec {
			return preprocess.MeanPixel(channels, "RGB", "short", (side*256+112)/224, side)
		},
		draw: func(n *net) {
			alpha := float32(1e-4)
			if n.options.LRNAlpha == "text" {
				alpha = 5e-4
			}
			end := int64(((11-n.options.Input)%4 + 4) % 4)
			drawPaper(n, []int64{0, 0, end, end}, func() {
				n.LRN(5, alpha, 0.75, 2)
				n.MaxPool(3, 2, true)
			})
		},
	}
}

// drawPaper draws the layers of 2012, which Caffe's models have too: two groups in three of the
// convolutions, pools that round up. They differ in the pads of the first convolution and in how maps are
// normalized and pooled behind the first two.
func drawPaper(n *net, pads []int64, reduce func()) {
	n.ConvRelu("conv1", 96, conv{kernel: 11, stride: 4, pads: pads})
	reduce()
	n.ConvRelu("conv2", 256, conv{kernel: 5, pads: pad(2), group: 2})
	reduce()
	n.ConvRelu("conv3", 384, conv{kernel: 3, pads: pad(1)})
	n.ConvRelu("conv4", 384, conv{kernel: 3, pads: pad(1), group: 2})
	n.ConvRelu("conv5", 256, conv{kernel: 3, pads: pad(1), group: 2})
	n.MaxPool(3, 2, true)
	n.Flatten()
	n.LinearRelu("fc6", 4096)
	n.Dropout()
	n.LinearRelu("fc7", 4096)
	n.Dropout()
	n.Linear("fc8", int64(n.options.Classes))
}
