package op

import (
	"math"

	"alexctl/onnx"
)

// Deviations is λ: a sum whose error is more than this many standard deviations away
// is not explained by rounding. Where errors are independent and have no bias, the
// probability of a false alarm is at most 2*exp(-λ²/2) = 2.6e-14 an element.
const Deviations = 8

// Rounding is the arithmetic whose errors a bound covers.
type Rounding struct {
	Unit    float64 // unit roundoff of an operation: 2^-24 in float32
	Store   float64 // unit roundoff of the type that results are kept in
	Operand float64 // unit roundoff of what operands of products are cut to; 0 if they are not
	Tiny    float64 // numbers below this may be taken for 0
	Largest float64 // numbers above this are infinite in the type
	// Spread is by how much an algorithm that computes convolutions in a transformed
	// domain, such as Winograd's, multiplies their errors; 0 and 1 for direct ones.
	Spread float64
}

// RoundingOf returns the arithmetic of a model's type: sums are kept in float32 or
// better, and results are rounded to the type.
func RoundingOf(t onnx.DataType) Rounding {
	r := Rounding{Unit: 0x1p-24, Store: 0x1p-24, Tiny: 0x1p-126, Largest: math.MaxFloat32}
	switch t {
	case onnx.Double:
		r.Unit, r.Store, r.Tiny, r.Largest = 0x1p-53, 0x1p-53, 0x1p-1022, math.MaxFloat64
	case onnx.Float16: // values between nodes may or may not have been rounded
		r.Store, r.Operand, r.Tiny, r.Largest = 0x1p-11, 0x1p-11, 0x1p-24, 65504
	case onnx.BFloat16:
		r.Store, r.Operand = 0x1p-8, 0x1p-8
	}
	return r
}

// Sum bounds the error of y, the sum of k products. peak is the largest partial sum in
// some order, norm2 the sum of the squared terms; irregular says that the terms take so
// few values that their errors cannot be thought of as independent.
//
// Each of k additions leaves an error of at most Unit of its partial sum, and each
// product one of Unit of itself. Independent and without bias they add up to more than
// λ*Unit*sqrt(k)*max|partial sum| with a probability of 2*exp(-λ²/2) (Azuma's
// inequality). The engine's order is not known: its partial sums are taken to be at most
// twice the peak, or the norm, which is what a random order reaches.
func (r Rounding) Sum(k int, y, peak, norm2 float64, irregular bool) float64 {
	norm, n := math.Sqrt(norm2), float64(k)
	if 2*max(peak, norm) > r.Largest { // a partial sum may be infinite
		return math.Inf(1)
	}
	b := (n + 1) * r.Unit / (1 - (n+1)*r.Unit) * math.Sqrt(n) * norm // whatever the errors are
	if !irregular {
		b = min(b, Deviations*r.Unit*math.Sqrt(n)*2*max(peak, norm))
	}
	if r.Spread > 1 {
		b *= r.Spread
	}
	// Both operands are cut, perhaps toward zero, which has a bias.
	return b + r.Operand*(Deviations*2*norm+2*math.Abs(y)) + r.Store*math.Abs(y) + n*r.Tiny
}

// fewValues is how many values weights must take for the errors of their products to
// be thought of as independent.
const fewValues = 16

// Irregular reports whether a row of weights takes fewer than 16 values.
func Irregular(w []float64) bool {
	var seen [fewValues]float64
	n := 0
next:
	for _, v := range w {
		for _, s := range seen[:n] {
			if s == v {
				continue next
			}
		}
		if n == fewValues-1 {
			return false
		}
		seen[n] = v
		n++
	}
	return true
}

// Overflow makes the bound infinite where a result may leave the range of its type, after
// which nothing can be said of it, and where the bound itself is not a number. Results that
// are not finite have no bound: an engine's must be the same.
func (r Rounding) Overflow(y, bound []float64) {
	for i, b := range bound {
		switch {
		case math.IsNaN(y[i]) || math.IsInf(y[i], 0):
			bound[i] = 0
		case math.IsNaN(b) || math.Abs(y[i])+b > r.Largest:
			bound[i] = math.Inf(1)
		}
	}
}

// single is the bound of operators that do a few operations an element: relative gives
// the error in units of the last place.
func (r Rounding) single(y []float64, ulps func(i int) float64) []float64 {
	unit := max(r.Unit, r.Store)
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = unit*math.Abs(v)*ulps(i) + r.Tiny
	}
	return out
}

// twoUlps is the bound of operations that IEEE 754 rounds correctly to one; the second
// is for values that were not rounded in between.
func twoUlps(_ *Node, _, out []*Array, r Rounding) []float64 {
	return r.single(out[0].F, func(int) float64 { return 2 })
}
