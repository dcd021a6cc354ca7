package builder

// caffenet is CaffeNet, models/bvlc_reference_caffenet of Caffe: BVLC AlexNet with
// pooling before LRN and biases that start at 1.
func caffenet() Variant {
	v := caffe()
	v.Name = "caffenet"
	v.Summary = "CaffeNet, 227x227, pooling before LRN, grouped convolutions, BGR input."
	v.Source = "github.com/BVLC/caffe, models/bvlc_reference_caffenet"
	v.init = caffeScheme(1)
	v.draw = func(n *net) { drawCaffe(n, true) }
	return v
}
