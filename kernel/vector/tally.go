package vector

import "math"

// Columns is how many numbers each row of the right operand of Dots and Tallies has.
const Columns = 32

// Dots adds, for each column of x, its product with w to sum, in float64: x has a row of
// Columns numbers for each number of w, and sum has Columns numbers.
func Dots(sum, w, x []float64) {
	sum, x = sum[:Columns], x[:len(w)*Columns]
	if lanes > 0 {
		dots(sum, w, x)
		return
	}
	for c := 0; c < Columns; c += 4 {
		s0, s1, s2, s3 := sum[c], sum[c+1], sum[c+2], sum[c+3]
		for q, v := range w {
			row := x[q*Columns+c : q*Columns+c+4]
			s0 += v * row[0]
			s1 += v * row[1]
			s2 += v * row[2]
			s3 += v * row[3]
		}
		sum[c], sum[c+1], sum[c+2], sum[c+3] = s0, s1, s2, s3
	}
}

// Tallies is Dots that besides adds the squares of the products to square, and raises peak
// to the largest absolute value that the sums have after every 16 products and at the end.
func Tallies(sum, square, peak, w, x []float64) {
	sum, square, peak, x = sum[:Columns], square[:Columns], peak[:Columns], x[:len(w)*Columns]
	if lanes > 0 {
		tallies(sum, square, peak, w, x)
		return
	}
	for c := 0; c+1 < Columns; c += 2 {
		s0, s1, n0, n1, p0, p1 := sum[c], sum[c+1], square[c], square[c+1], peak[c], peak[c+1]
		for q, v := range w {
			row := x[q*Columns+c : q*Columns+c+2]
			t0, t1 := v*row[0], v*row[1]
			s0 += t0
			s1 += t1
			n0 += t0 * t0
			n1 += t1 * t1
			if q&15 == 15 {
				p0, p1 = max(p0, math.Abs(s0)), max(p1, math.Abs(s1))
			}
		}
		sum[c], sum[c+1], square[c], square[c+1] = s0, s1, n0, n1
		peak[c], peak[c+1] = max(p0, math.Abs(s0)), max(p1, math.Abs(s1))
	}
}
