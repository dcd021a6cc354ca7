package vector

import "math"

// binary runs a loop over two operands in vectors, as far as there are whole ones, and returns
// how far that is.
func binary[T number](loop func(y, a, b []float32), y, a, b []T) int {
	n := whole[T](len(y))
	if n > 0 {
		loop(as32(y[:n]), as32(a[:n]), as32(b[:n]))
	}
	return n
}

// Sum sets y to a + b. Here and below y may be one of the operands.
func Sum[T number](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := binary(sumOf, y, a, b); i < len(y); i++ {
		y[i] = a[i] + b[i]
	}
}

// Difference sets y to a - b.
func Difference[T number](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := binary(differenceOf, y, a, b); i < len(y); i++ {
		y[i] = a[i] - b[i]
	}
}

// Times sets y to a b.
func Times[T number](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := binary(timesOf, y, a, b); i < len(y); i++ {
		y[i] = a[i] * b[i]
	}
}

// AddTimes adds a b to y.
func AddTimes[T number](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := binary(addTimes, y, a, b); i < len(y); i++ {
		y[i] += a[i] * b[i]
	}
}

// Quotient sets y to a / b.
func Quotient[T number](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := binary(quotientOf, y, a, b); i < len(y); i++ {
		y[i] = a[i] / b[i]
	}
}

// Affine sets y to x p + q.
func Affine[T number](y, x []T, p, q T) {
	n := whole[T](len(y))
	x = x[:len(y)]
	if n > 0 {
		affine(as32(y[:n]), as32(x[:n]), float32(p), float32(q))
	}
	for i := n; i < len(y); i++ {
		y[i] = x[i]*p + q
	}
}

// Clamp sets y to x, at least lo and at most hi; NaN stays.
func Clamp[T number](y, x []T, lo, hi T) {
	n := whole[T](len(y))
	x = x[:len(y)]
	if n > 0 {
		clamp(as32(y[:n]), as32(x[:n]), float32(lo), float32(hi))
	}
	for i := n; i < len(y); i++ {
		v := x[i]
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		y[i] = v
	}
}

// Between makes its first argument dy where y is between lo and hi and neither, otherwise to 0.
func Between[T number](to, dy, y []T, lo, hi T) {
	n := whole[T](len(to))
	dy, y = dy[:len(to)], y[:len(to)]
	if n > 0 {
		between(as32(to[:n]), as32(dy[:n]), as32(y[:n]), float32(lo), float32(hi))
	}
	for i := n; i < len(to); i++ {
		v := T(0)
		if y[i] > lo && y[i] < hi {
			v = dy[i]
		}
		to[i] = v
	}
}

// unary is binary for one operand.
func unary[T number](loop func(y, x []float32), y, x []T) int {
	n := whole[T](len(y))
	if n > 0 {
		loop(as32(y[:n]), as32(x[:n]))
	}
	return n
}

// function runs a function over what loop leaves: of float32 by single, which does what the loop
// does, otherwise by double.
func function[T number](loop func(y, x []float32), single func(float32) float32, double func(float64) float64, y, x []T) {
	x = x[:len(y)]
	i := unary(loop, y, x)
	if _, ok := any(y).([]float32); ok {
		for ; i < len(y); i++ {
			y[i] = T(single(float32(x[i])))
		}
		return
	}
	for ; i < len(y); i++ {
		y[i] = T(double(float64(x[i])))
	}
}

// Root sets y to the square root of x.
func Root[T number](y, x []T) {
	function(root, func(x float32) float32 { return float32(math.Sqrt(float64(x))) }, math.Sqrt, y, x)
}

// RoundEven sets y to the whole number next to x, of two the even one.
func RoundEven[T number](y, x []T) {
	function(roundEven, func(x float32) float32 { return float32(math.RoundToEven(float64(x))) }, math.RoundToEven, y, x)
}

// Exp sets y to e to the power of x: of float32 within two units in the last place.
func Exp[T number](y, x []T) { function(expOf, exp32, math.Exp, y, x) }

// Sigmoid sets y to 1 / (1 + exp(-x)): of float32 within three units in the last place.
func Sigmoid[T number](y, x []T) {
	function(sigmoid, sigmoid32, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, y, x)
}

// Erf sets y to the error function of x: of float32 within two units in the last place.
func Erf[T number](y, x []T) { function(erfOf, erf32, math.Erf, y, x) }

// exp32 is e to the power of x: 2^n times a polynomial in what is left (Cephes' expf). Every
// product is rounded by itself.
func exp32(x float32) float32 {
	const lowest, highest = -104, 89
	if x < lowest {
		x = lowest
	}
	if x > highest {
		x = highest
	}
	n := float32(math.RoundToEven(float64(float32(x * 1.44269504))))
	x -= float32(n * 0.693359375)
	x -= float32(n * -2.12194440e-4)
	y := polynomial(x, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	y = float32(float32(y*x)*x) + x + 1
	half := int32(n) >> 1
	for _, k := range []int32{half, int32(n) - half} {
		y *= math.Float32frombits(uint32(k+127) << 23)
	}
	return y
}

// polynomial returns the one in x with these coefficients, the highest first.
func polynomial(x float32, coefficients ...float32) float32 {
	y := coefficients[0]
	for _, c := range coefficients[1:] {
		y = float32(y*x) + c
	}
	return y
}

func sigmoid32(x float32) float32 { return 1 / (exp32(-x) + 1) }

// erf32 is the error function: for small x, x and x times a polynomial in its square, otherwise
// 1 - exp of a polynomial in its magnitude, both minimax.
func erf32(x float32) float32 {
	t, s := float32(math.Abs(float64(x))), x*x
	if !(t > 0.927734375) {
		near := polynomial(s, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1)
		return float32(near*x) + x
	}
	far := polynomial(t, -1.72853470e-5, 3.83197126e-4)
	far = float32(far*s) + polynomial(t, -3.88396438e-3, 2.42546219e-2)
	for _, c := range []float32{-1.06777877e-1, -6.34846687e-1, -1.28717512e-1} {
		far = float32(far*t) + c
	}
	far = float32(far*t) - t
	return float32(math.Copysign(float64(1-exp32(far)), float64(x)))
}
