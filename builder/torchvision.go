package builder

import (
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
)

// torchvision is torchvision.models.alexnet (after Krizhevsky 2014, "One weird
// trick"): 224, no LRN, no groups, an adaptive average pool to 6x6 before the
// classifier, so that it takes any size from 63 on.
func torchvision() Variant {
	return Variant{
		Name:    "torchvision",
		Summary: "torchvision's AlexNet, 224x224, no LRN, no groups.",
		Source:  "github.com/pytorch/vision, torchvision/models/alexnet.py",
		Input:   224,
		Classes: 1000,
		init:    torchDefault,
		preprocess: func(channels, side int) *preprocess.Spec {
			return preprocess.ImageNet(channels, (side*256+112)/224, side)
		},
		draw: func(n *net) {
			n.ConvRelu("features.0", 64, conv{kernel: 11, stride: 4, pads: pad(2)})
			n.MaxPool(3, 2, false)
			n.ConvRelu("features.3", 192, conv{kernel: 5, pads: pad(2)})
			n.MaxPool(3, 2, false)
			n.ConvRelu("features.6", 384, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("features.8", 256, conv{kernel: 3, pads: pad(1)})
			n.ConvRelu("features.10", 256, conv{kernel: 3, pads: pad(1)})
			n.MaxPool(3, 2, false)
			n.AdaptiveAveragePool(6)
			n.torchClassifier()
		},
	}
}

// torchClassifier draws the classifier that torchvision's model and those after it share.
func (n *net) torchClassifier() {
	n.Flatten()
	n.Dropout()
	n.LinearRelu("classifier.1", 4096)
	n.Dropout()
	n.LinearRelu("classifier.4", 4096)
	n.Linear("classifier.6", int64(n.options.Classes))
}

// AdaptiveAveragePool adds torch.nn.AdaptiveAvgPool2d(out) for square maps: output i
// is the mean over [floor(i*h/out), ceil((i+1)*h/out)). It is nothing for a map of
// that size, AveragePool where the windows are alike, and otherwise a product with
// a constant matrix along each axis.
func (n *net) AdaptiveAveragePool(out int64) {
	if n.err != nil || n.info.Shape[2].N == out {
		return
	}
	h := n.info.Shape[2].N
	const name = "avgpool"
	stride := h / out
	kernel := h - (out-1)*stride
	if h > out && h%out <= 1 {
		n.add(name, "AveragePool", nil, onnx.IntsAttr("kernel_shape", kernel, kernel), onnx.IntsAttr("strides", stride, stride))
		return
	}
	rows := make([]float32, out*h)
	columns := make([]float32, h*out)
	for i := range out {
		lo, hi := i*h/out, ((i+1)*h+out-1)/out
		for k := lo; k < hi; k++ {
			rows[i*h+k] = 1 / float32(hi-lo)
			columns[k*out+i] = 1 / float32(hi-lo)
		}
	}
	n.fixedProduct(name+".width", "columns", []int64{h, out}, columns)
	n.fixedProduct(name, "rows", []int64{out, h}, rows)
}

// fixedProduct multiplies the last value with a constant matrix, from the right for
// columns and from the left for rows. The matrix is a Constant node, because
// initializers of a MatMul are learned.
func (n *net) fixedProduct(name, side string, dims []int64, data []float32) {
	if n.err != nil {
		return
	}
	t, err := onnx.FromFloat32s("", dims, data)
	if err != nil {
		n.err = err
		return
	}
	x, info := n.value, n.info
	matrix := name + "." + side
	n.apply(matrix, "Constant", nil, onnx.TensorAttr("value", t))
	if n.err != nil {
		return
	}
	m := n.info
	inputs := []string{x, matrix}
	infos := []*op.Info{info, m}
	if side == "rows" {
		inputs = []string{matrix, x}
		infos = []*op.Info{m, info}
	}
	n.applyTo(name, "MatMul", inputs, infos)
}
