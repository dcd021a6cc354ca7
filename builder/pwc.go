package builder

import "alexctl/preprocess"

// pwc is the "Papers with Code" form, dansuh17/alexnet-pytorch, model.py: 227, LRN
// before pooling, no groups. It sets the convolutions' weights and biases and
// leaves the fully connected layers at PyTorch's default.
func pwc() Variant {
	return Variant{
		Name:    "pwc",
		Summary: "AlexNet, 227x227, LRN before pooling, no groups (the form on Papers with Code).",
		Source:  "github.com/dansuh17/alexnet-pytorch, model.py",
		Input:   227,
		Classes: 1000,
		LRN:     "op",
		init: func(l layer) (weight, bias distribution) {
			if !l.convolution {
				return torchDefault(l)
			}
			return paperScheme(l)
		},
		preprocess: imageNet227,
		draw: func(n *net) {
			n.ConvRelu("net.0", 96, conv{kernel: 11, stride: 4})
			n.LRN(5, 1e-4, 0.75, 2)
			n.MaxPool(3, 2, false)
			n.ConvRelu("net.4", 256, conv{kernel: 5, pads: pad(2)})
			n.LRN(5, 1e-4, 0.75, 2)
			n.MaxPool(3, 2, false)
			n.ConvRelu("net.8", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("net.10", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("net.12", 256, conv{kernel: 3, pads: pad(1)})
			n.MaxPool(3, 2, false)
			n.torchClassifier()
		},
	}
}

// imageNet227 is torchvision's transform with the proportions of 256 to 227.
func imageNet227(channels, side int) *preprocess.Spec {
	return preprocess.ImageNet(channels, (side*256+113)/227, side)
}
