package builder

// zhihu is the form of the Zhihu article 29786939 (after
// jiecaoyu/pytorch_imagenet): 227, two groups in the second convolution, pooling
// before LRN, LRN as an average over channels with the constant 1, dropout behind
// the rectifiers.
func zhihu() Variant {
	return Variant{
		Name:       "zhihu",
		Summary:    "AlexNet, 227x227, a grouped convolution, LRN by average pooling behind the pools.",
		Source:     "zhuanlan.zhihu.com/p/29786939",
		Input:      227,
		Classes:    1000,
		LRN:        "averagepool",
		init:       torchDefault,
		preprocess: imageNet227,
		draw: func(n *net) {
			n.ConvRelu("layer1.0", 96, conv{kernel: 11, stride: 4})
			n.MaxPool(3, 2, false)
			n.LRN(5, 1e-4, 0.75, 1)
			n.ConvRelu("layer2.0", 256, conv{kernel: 5, pads: pad(2), group: 2})
			n.MaxPool(3, 2, false)
			n.LRN(5, 1e-4, 0.75, 1)
			n.ConvRelu("layer3.0", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("layer4.0", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("layer5.0", 256, conv{kernel: 3, pads: pad(1)})
			n.MaxPool(3, 2, false)
			n.Flatten()
			n.LinearRelu("layer6.0", 4096)
			n.Dropout()
			n.LinearRelu("layer7.0", 4096)
			n.Dropout()
			n.Linear("layer8", int64(n.options.Classes))
		},
	}
}
