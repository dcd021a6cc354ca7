package op

import (
	"math"

	"alexctl/onnx"
)

// pow is Pow-7, -12, -13, -15: X to the power Y with broadcasting; the result has
// the type of X. An integer power of an integer is exact, modulo its width.
func pow() *Spec {
	return &Spec{
		Type: "Pow", Since: []int64{1, 7, 12, 13, 15},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: inferBroadcast,
		Bound: boundPow, NonNegative: true,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			a, b := in[0], in[1]
			y, err := broadcast(a, b)
			if err != nil {
				return nil, err
			}
			return []*Array{y}, pairs(a, b, func(i, p, q int) {
				switch {
				case a.float():
					y.F[i] = math.Pow(a.F[p], b.number(q))
				case !b.float() && compareInt(b.I[q], 0, b.Type) >= 0:
					y.I[i] = intPow(a.I[p], uint64(b.I[q]), a.Type)
				default:
					y.I[i] = floatToInt(math.Pow(intToFloat(a.I[p], a.Type), b.number(q)), a.Type)
				}
			})
		},
	}
}

// boundPow allows for exp(b*ln a) in the type itself, whose argument is rounded too.
func boundPow(_ *Node, in, out []*Array, r Rounding) []float64 {
	exponents := make([]float64, out[0].Len())
	// The shapes were broadcast before.
	_ = pairs(in[0], in[1], func(i, p, q int) {
		if a := math.Abs(in[0].number(p)); a > 0 {
			exponents[i] = math.Abs(in[1].number(q) * math.Log(a))
		}
	})
	return r.single(out[0].F, func(i int) float64 { return 4 + 2*exponents[i] })
}

// number returns element i in float64.
func (a *Array) number(i int) float64 {
	if a.float() {
		return a.F[i]
	}
	return intToFloat(a.I[i], a.Type)
}

// intPow returns base^exponent modulo the width of t, by repeated squaring.
func intPow(base int64, exponent uint64, t onnx.DataType) int64 {
	result := int64(1)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = wrap(result*base, t)
		}
		base = wrap(base*base, t)
	}
	return result
}
