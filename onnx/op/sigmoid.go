package op

import "math"

// sigmoid is Sigmoid-6, -13: 1 / (1 + exp(-x)). Equals torch.nn.Sigmoid.
func sigmoid() *Spec {
	s := function("Sigmoid", []int64{1, 6, 13}, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		func(_ *Node, in, out []*Array, r Rounding) []float64 { return r.saturating(out[0].F, 4) })
	s.Activation, s.NonNegative = SigmoidActivation, true
	return s
}

// saturating is the bound of Sigmoid and Tanh, with so many units whatever the result is:
// engines compute them by rational functions, Sigmoid as a half and a part that takes most
// of it away where x is negative.
func (r Rounding) saturating(y []float64, absolute float64) []float64 {
	unit := max(r.Unit, r.Store)
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = unit * (8*math.Abs(v) + absolute)
	}
	return out
}
