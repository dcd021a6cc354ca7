package op

import "math"

// sigmoid is Sigmoid-6, -13: 1 / (1 + exp(-x)). Equals torch.nn.Sigmoid.
func sigmoid() *Spec {
	return function("Sigmoid", []int64{1, 6, 13}, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		func(_ *Node, in, out []*Array, r Rounding) []float64 { return r.saturating(out[0].F) })
}

// saturating is the bound of Sigmoid and Tanh. Engines compute them by rational
// functions and stop where the result is 0 or 1 but for a part of a unit.
func (r Rounding) saturating(y []float64) []float64 {
	unit := max(r.Unit, r.Store)
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = unit * (8*math.Abs(v) + 1)
	}
	return out
}
