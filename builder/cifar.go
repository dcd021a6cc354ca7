package builder

import "alexctl/preprocess"

// cifar is the AlexNet for 32x32 images of icpm/pytorch-cifar10,
// models/AlexNet.py: five 3x3 convolutions, no LRN, no groups. Its training recipe
// does not normalize the pixels.
func cifar() Variant {
	return Variant{
		Name:       "cifar",
		Summary:    "AlexNet for CIFAR, 32x32, five 3x3 convolutions, no LRN.",
		Source:     "github.com/icpm/pytorch-cifar10, models/AlexNet.py",
		Input:      32,
		Classes:    10,
		init:       torchDefault,
		preprocess: preprocess.Plain,
		draw: func(n *net) {
			n.ConvRelu("features.0", 64, conv{kernel: 3, stride: 2, pads: pad(1)})
			n.MaxPool(2, 2, false)
			n.ConvRelu("features.3", 192, conv{kernel: 3, pads: pad(1)})
			n.MaxPool(2, 2, false)
			n.ConvRelu("features.6", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("features.8", 256, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("features.10", 256, conv{kernel: 3, pads: pad(1)})
			n.MaxPool(2, 2, false)
			n.torchClassifier()
		},
	}
}
