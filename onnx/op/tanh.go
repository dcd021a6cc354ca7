package op

import "math"

// tanh is Tanh-6, -13. Equals torch.nn.Tanh.
func tanh() *Spec {
	return function("Tanh", []int64{1, 6, 13}, math.Tanh,
		func(_ *Node, in, out []*Array, r Rounding) []float64 { return r.saturating(out[0].F, 1) })
}
