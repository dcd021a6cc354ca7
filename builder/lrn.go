package builder

import "alexctl/onnx"

// LRN adds local response normalization, x / (k + alpha/size * sum x^2)^beta, over
// size channels (odd). alpha is divided by size as in ONNX, PyTorch and Caffe.
func (n *net) LRN(size int64, alpha, beta, k float32) {
	name := n.number("norm")
	if n.options.LRN == "op" {
		n.add(name, "LRN", nil, onnx.IntAttr("size", size), onnx.FloatAttr("alpha", alpha),
			onnx.FloatAttr("beta", beta), onnx.FloatAttr("bias", k))
		return
	}
	x := n.value
	n.apply(name+".square", "Mul", []string{x, x})
	half := (size - 1) / 2
	if n.options.LRNWithinChannel {
		n.averagePool(name+".average", []int64{size, size}, []int64{half, half})
	} else {
		// Across channels: give the channels a spatial axis of their own.
		axis := n.axes("norm.axis", 1)
		n.add(name+".unsqueeze", "Unsqueeze", []string{axis})
		n.averagePool(name+".average", []int64{size, 1, 1}, []int64{half, 0, 0})
		n.add(name+".squeeze", "Squeeze", []string{axis})
	}
	n.add(name+".scaled", "Mul", []string{n.constant(name+".alpha", alpha)})
	n.add(name+".shifted", "Add", []string{n.constant(name+".k", k)})
	n.add(name+".divisor", "Pow", []string{n.constant(name+".beta", beta)})
	n.apply(name, "Div", []string{x, n.value})
}

// averagePool adds average pooling with stride 1 that counts the pads, as PyTorch's
// AvgPool2d and AvgPool3d do by default.
func (n *net) averagePool(name string, kernel, half []int64) {
	strides := make([]int64, len(kernel))
	for i := range strides {
		strides[i] = 1
	}
	n.add(name, "AveragePool", nil, onnx.IntsAttr("kernel_shape", kernel...), onnx.IntsAttr("strides", strides...),
		onnx.IntsAttr("pads", append(append([]int64{}, half...), half...)...), onnx.IntAttr("count_include_pad", 1))
}
