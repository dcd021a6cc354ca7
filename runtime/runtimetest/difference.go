package runtimetest

import "math"

// Difference is how far a result is from a reference, over all elements.
type Difference struct {
	MaxAbs float64 // max |a-b|
	Scaled float64 // max |a-b| / max |b|: 0 if both are zero, Inf if only b is
	RMS    float64 // root of the mean of (a-b)^2
}

// Compare returns the difference of got from want. Equal infinities and two NaN are
// equal; where only one side is NaN or infinite, or the lengths differ, every
// measure is Inf.
func Compare(got, want []float64) Difference {
	inf := math.Inf(1)
	apart := Difference{inf, inf, inf}
	if len(got) != len(want) {
		return apart
	}
	var d Difference
	scale := 0.0
	for i, b := range want {
		a := got[i]
		if a == b || math.IsNaN(a) && math.IsNaN(b) {
			if !math.IsInf(b, 0) && !math.IsNaN(b) {
				scale = math.Max(scale, math.Abs(b))
			}
			continue
		}
		e := math.Abs(a - b)
		if math.IsNaN(e) || math.IsInf(e, 0) {
			return apart
		}
		scale = math.Max(scale, math.Abs(b))
		d.MaxAbs = math.Max(d.MaxAbs, e)
		d.RMS += e * e
	}
	if d.MaxAbs > 0 {
		d.Scaled = d.MaxAbs / scale
		d.RMS = math.Sqrt(d.RMS / float64(len(want)))
	}
	return d
}
