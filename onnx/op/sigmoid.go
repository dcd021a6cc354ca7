package op

import "math"

// sigmoid is Sigmoid-6, -13: 1 / (1 + exp(-x)). Equals torch.nn.Sigmoid.
func sigmoid() *Spec {
	return function("Sigmoid", []int64{1, 6, 13}, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
}
