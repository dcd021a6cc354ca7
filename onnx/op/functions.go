package op

import "math"

// fourUlps is the bound of a function that libraries compute within a few units of its result.
func fourUlps(_ *Node, _, out []*Array, r Rounding) []float64 {
	return r.single(out[0].F, func(int) float64 { return 4 })
}

// conditioned is the bound of a function whose libraries are right to a few units of the result,
// and which may round its argument, by so much for each unit of that: |x f'(x)|.
func conditioned(derivative func(x float64) float64) bound {
	return func(_ *Node, in, out []*Array, r Rounding) []float64 {
		unit := max(r.Unit, r.Store)
		b := fourUlps(nil, nil, out, r)
		for i, x := range in[0].F {
			if d := math.Abs(x * derivative(x)); !math.IsNaN(d) {
				b[i] += unit * d
			}
		}
		return b
	}
}

// inverse is conditioned for the inverses of circular functions, which some engines take from
// polynomials of few terms.
func inverse(derivative func(x float64) float64) bound {
	b := conditioned(derivative)
	return func(n *Node, in, out []*Array, r Rounding) []float64 {
		list := b(n, in, out, r)
		for i, y := range out[0].F {
			if y == y {
				list[i] += 4 * max(r.Unit, r.Store) * math.Abs(y)
			}
		}
		return list
	}
}

// exponential is Exp-6, -13.
func exponential() *Spec {
	s := function("Exp", []int64{1, 6, 13}, math.Exp, conditioned(math.Exp))
	s.NonNegative = true
	return s
}

// logarithm is Log-6, -13: the natural logarithm.
func logarithm() *Spec {
	return function("Log", []int64{1, 6, 13}, math.Log, conditioned(func(x float64) float64 { return 1 / x }))
}

// reciprocal is Reciprocal-6, -13: 1 / x.
func reciprocal() *Spec {
	return function("Reciprocal", []int64{1, 6, 13}, func(x float64) float64 { return 1 / x }, twoUlps)
}

// sine is Sin-7, -22, of radians.
func sine() *Spec { return function("Sin", []int64{7, 22}, math.Sin, conditioned(math.Cos)) }

// cosine is Cos-7, -22, of radians.
func cosine() *Spec { return function("Cos", []int64{7, 22}, math.Cos, conditioned(math.Sin)) }

// tangent is Tan-7, -22, of radians.
func tangent() *Spec {
	return function("Tan", []int64{7, 22}, math.Tan, conditioned(func(x float64) float64 { return 1 + math.Tan(x)*math.Tan(x) }))
}

// arcsine is Asin-7, -22.
func arcsine() *Spec {
	return function("Asin", []int64{7, 22}, math.Asin, inverse(func(x float64) float64 { return 1 / math.Sqrt(1-x*x) }))
}

// arccosine is Acos-7, -22.
func arccosine() *Spec {
	return function("Acos", []int64{7, 22}, math.Acos, inverse(func(x float64) float64 { return 1 / math.Sqrt(1-x*x) }))
}

// arctangent is Atan-7, -22.
func arctangent() *Spec {
	return function("Atan", []int64{7, 22}, math.Atan, inverse(func(x float64) float64 { return 1 / (1 + x*x) }))
}

// sineh is Sinh-9, -22: the hyperbolic sine.
func sineh() *Spec { return function("Sinh", []int64{9, 22}, math.Sinh, conditioned(math.Cosh)) }

// cosineh is Cosh-9, -22: the hyperbolic cosine.
func cosineh() *Spec { return function("Cosh", []int64{9, 22}, math.Cosh, conditioned(math.Sinh)) }

// arcsineh is Asinh-9, -22: the inverse of the hyperbolic sine.
func arcsineh() *Spec {
	return function("Asinh", []int64{9, 22}, math.Asinh, conditioned(func(x float64) float64 { return 1 / math.Sqrt(1+x*x) }))
}

// arccosineh is Acosh-9, -22: the inverse of the hyperbolic cosine.
func arccosineh() *Spec {
	return function("Acosh", []int64{9, 22}, math.Acosh, conditioned(func(x float64) float64 { return 1 / math.Sqrt(x*x-1) }))
}

// arctangenth is Atanh-9, -22: the inverse of the hyperbolic tangent.
func arctangenth() *Spec {
	return function("Atanh", []int64{9, 22}, math.Atanh, conditioned(func(x float64) float64 { return 1 / (1 - x*x) }))
}

// errorFunction is Erf-9, -13: the error function, which engines take from rational functions.
func errorFunction() *Spec {
	return function("Erf", []int64{9, 13}, math.Erf, func(_ *Node, _, out []*Array, r Rounding) []float64 { return r.saturating(out[0].F, 4) })
}

// softplus is Softplus-1, -22: log(1 + exp(x)). Equals torch.nn.Softplus.
func softplus() *Spec {
	f := func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	s := function("Softplus", []int64{1, 22}, f, func(_ *Node, _, out []*Array, r Rounding) []float64 { return r.saturating(out[0].F, 4) })
	s.NonNegative = true
	return s
}

// softsign is Softsign-1, -22: x / (1 + |x|). Equals torch.nn.Softsign.
func softsign() *Spec {
	return function("Softsign", []int64{1, 22}, func(x float64) float64 {
		if math.IsInf(x, 0) {
			return math.NaN()
		}
		return x / (1 + math.Abs(x))
	}, fourUlps)
}
