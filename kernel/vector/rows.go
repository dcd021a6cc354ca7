package vector

import "math"

// MaxPool sets y to the largest of x[at[i]:] over all i, number by number; NaN counts as
// the largest.
func MaxPool[T number](y, x []T, at []int32) {
	n := whole[T](len(y))
	if n > 0 && len(at) > 0 {
		checkOffsets(x, at, n)
		maxPool(as32(y[:n]), as32(x), at)
	} else {
		n = 0
	}
	if n > 0 && n == len(y) {
		return
	}
	rest := y[n:]
	for c := range rest {
		rest[c] = T(math.Inf(-1))
	}
	for _, o := range at {
		for c, v := range x[int(o)+n:][:len(rest)] {
			if v > rest[c] || isNaN(v) {
				rest[c] = v
			}
		}
	}
}

// MaxPoolGradient adds dy, number by number, to the first of dx[at[i]:] whose x is y, or
// NaN. The offsets are len(y) apart at least; taken is scratch as long as y.
func MaxPoolGradient[T number](dx, x, y, dy []T, at []int32, taken []bool) {
	n := whole[T](len(y))
	dy = dy[:len(y)]
	if n > 0 && len(at) > 0 {
		checkOffsets(x, at, n)
		checkOffsets(dx, at, n)
		maxPoolGradient(as32(dy[:n]), as32(y[:n]), as32(dx), as32(x), at)
	} else {
		n = 0
	}
	if n == len(y) {
		return
	}
	rest, up, taken := y[n:], dy[n:], taken[:len(y)-n]
	clear(taken)
	for _, o := range at {
		to := dx[int(o)+n:][:len(rest)]
		for c, v := range x[int(o)+n:][:len(rest)] {
			if !taken[c] && (v == rest[c] || isNaN(v)) {
				taken[c] = true
				to[c] += up[c]
			}
		}
	}
}

// checkOffsets panics where n numbers from one of the offsets on are not all in x.
func checkOffsets[T number](x []T, at []int32, n int) {
	for _, o := range at {
		_ = x[o:][:n]
	}
}

// isNaN reports whether v is not a number: the only value that differs from itself.
func isNaN[T number](v T) bool { return v != v } //nolint:gocritic // that is the test

// Normalization is local response normalization along a row:
//
//	s[c] = Bias + Alpha * sum of Size squares around x[c],  y[c] = x[c] s[c]^-Beta
type Normalization struct {
	Size              int
	Alpha, Beta, Bias float64 // Alpha is already divided by Size
}

// Scratch returns how many numbers Forward and Backward need besides, for a row of c.
func (l Normalization) Scratch(c int) int { return 2*(c+l.Size-1) + c }

// Normalize computes y from x.
func Normalize[T number](l Normalization, y, x, scratch []T) {
	square := squares(l, x, scratch, (l.Size-1)/2)
	alpha, bias := T(l.Alpha), T(l.Bias)
	n := 0
	if l.Beta == 0.75 {
		if n = whole[T](len(x)); n > 0 {
			lrn(as32(y[:n]), as32(x[:n]), as32(square), l.Size, float32(alpha), float32(bias))
		}
	}
	for c := n; c < len(x); c++ {
		y[c] = x[c] * power(l, bias+alpha*sum(square[c:][:l.Size]))
	}
}

// NormalizeGradient computes dx from dy:
//
//	dx[i] = dy[i] s[i]^-Beta - 2 Beta Alpha x[i] sum dy[c] y[c] / s[c]
//
// over the c whose window holds i.
func NormalizeGradient[T number](l Normalization, dx, dy, y, x, scratch []T) {
	square := squares(l, x, scratch, (l.Size-1)/2)
	term := scratch[len(square):][:len(square)]
	powers := scratch[2*len(square):][:len(x)]
	alpha, bias, factor := T(l.Alpha), T(l.Bias), T(2*l.Beta*l.Alpha)
	before := l.Size / 2
	clear(term[:before])
	clear(term[before+len(x):])
	n := 0
	if l.Beta == 0.75 {
		if n = whole[T](len(x)); n > 0 {
			lrnGradient(as32(term[before:][:n]), as32(powers), as32(dy), as32(y), as32(square), l.Size, float32(alpha), float32(bias))
		}
	}
	for c := n; c < len(x); c++ {
		s := bias + alpha*sum(square[c:][:l.Size])
		powers[c] = power(l, s)
		term[before+c] = dy[c] * y[c] / s
	}
	if n = whole[T](len(x)); n > 0 {
		lrnFinish(as32(dx[:n]), as32(dy), as32(powers), as32(x), as32(term), l.Size, float32(factor))
	}
	for c := n; c < len(x); c++ {
		dx[c] = dy[c]*powers[c] - factor*x[c]*sum(term[c:][:l.Size])
	}
}

// squares writes the squares of x to scratch, with zeros around them: so many before.
func squares[T number](l Normalization, x, scratch []T, before int) []T {
	s := scratch[:len(x)+l.Size-1]
	clear(s[:before])
	clear(s[before+len(x):])
	n := whole[T](len(x))
	if n > 0 {
		square(as32(s[before:][:n]), as32(x[:n]))
	}
	for c, v := range x[n:] {
		s[before+n+c] = v * v
	}
	return s
}

// sum takes each window anew: a running sum would carry what a large neighbour left in its
// last digits.
func sum[T number](x []T) T {
	s := T(0)
	for _, v := range x {
		s += v
	}
	return s
}

// power returns s^-Beta.
func power[T number](l Normalization, s T) T {
	switch l.Beta {
	case 0.75: // everyone's: two square roots are quicker than a power
		root := T(math.Sqrt(float64(s)))
		return 1 / (root * T(math.Sqrt(float64(root))))
	case 0.5:
		return 1 / T(math.Sqrt(float64(s)))
	case 1:
		return 1 / s
	}
	return T(math.Pow(float64(s), -l.Beta))
}
