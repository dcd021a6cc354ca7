// Package vector has the loops of training that are not matrix products, for numbers in
// a row. Where the processor has AVX2 or AVX-512 they run in assembly, which asm writes,
// for float32; everything else, and what is left over at the end of a row, runs in Go.
// Both do the same operations in the same order on each number, so the bits are the same,
// but for one thing: with vectors, UpdateSGD and UpdateAdam take numbers below the smallest
// normal one for 0. The moments of a weight that gets no gradient any more shrink to such
// numbers within a thousand steps, and processors take some hundred times as long over them.
package vector

//go:generate sh -c "cd asm && go run . -out ../vector_amd64.s -stubs ../stubs_amd64.go -pkg vector"

import (
	"math"
	"unsafe"
)

// number is what the loops are over.
type number interface{ float32 | float64 }

// as32 returns x where T is float32.
func as32[T number](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// vectors reports whether there are any for T.
func vectors[T number]() bool { return lanes > 0 && unsafe.Sizeof(T(0)) == 4 }

// whole returns how many of n numbers are done in vectors.
func whole[T number](n int) int {
	if !vectors[T]() {
		return 0
	}
	return n &^ (lanes - 1)
}

// Rectify sets the negative numbers of y to 0.
func Rectify[T number](y []T) {
	n := whole[T](len(y))
	if n > 0 {
		rectify(as32(y[:n]))
	}
	for i, v := range y[n:] {
		if v < 0 {
			y[n+i] = 0
		}
	}
}

// Add adds x to y.
func Add[T number](y, x []T) {
	n := whole[T](len(x))
	y = y[:len(x)]
	if n > 0 {
		add(as32(y[:n]), as32(x[:n]))
	}
	for i, v := range x[n:] {
		y[n+i] += v
	}
}

// AddRectify adds x to y and sets what is negative then to 0.
func AddRectify[T number](y, x []T) {
	n := whole[T](len(x))
	y = y[:len(x)]
	if n > 0 {
		addRectify(as32(y[:n]), as32(x[:n]))
	}
	for i, v := range x[n:] {
		s := y[n+i] + v
		if s < 0 {
			s = 0
		}
		y[n+i] = s
	}
}

// Mask makes its first argument dy where y is positive, otherwise 0.
func Mask[T number](to, dy, y []T) {
	n := whole[T](len(to))
	dy, y = dy[:len(to)], y[:len(to)]
	if n > 0 {
		mask(as32(to[:n]), as32(dy[:n]), as32(y[:n]))
	}
	for i := n; i < len(to); i++ {
		to[i] = 0
		if y[i] > 0 {
			to[i] = dy[i]
		}
	}
}

// WidenAdd adds x to sum in float64.
func WidenAdd[T number](sum []float64, x []T) {
	n := whole[T](len(x))
	sum = sum[:len(x)]
	if n > 0 {
		widenAdd(as32(x[:n]), sum)
	}
	for i, v := range x[n:] {
		sum[n+i] += float64(v)
	}
}

// SquareSum returns the sum of the squares of x, taken in float64. Its last bits depend on
// the width of the vectors.
func SquareSum[T number](x []T) float64 {
	n := whole[T](len(x))
	total := 0.0
	if n > 0 {
		var sums [8]float64
		squareSum(as32(x[:n]), sums[:])
		for _, s := range sums {
			total += s
		}
	}
	for _, v := range x[n:] {
		total += float64(v) * float64(v)
	}
	return total
}

// vector holds what an update has left over after whole ones, so that it is treated no
// otherwise: which numbers are left over depends on how a parameter is split.
type vector [16]float32

// take copies x, which is shorter than a vector and of float32.
func take[T number](v *vector, x []T) { copy(v[:], as32(x)) }

// row is one whole vector.
func (v *vector) row() []float32 { return v[:lanes] }

// SGD is what one step of torch.optim.SGD does with momentum: g is scaled, the velocity u
// is updated, and w moves by it, or, with nesterov, further.
type SGD struct {
	Scale, Decay, Momentum, Rate float64
	Nesterov                     bool
}

// UpdateSGD does the step on w, with its gradient g.
func UpdateSGD[T number](s SGD, w, g, u []T) {
	n := whole[T](len(w))
	g, u = g[:len(w)], u[:len(w)]
	scale, decay, momentum, rate := T(s.Scale), T(s.Decay), T(s.Momentum), T(s.Rate)
	if n > 0 {
		sgd(s.Nesterov, as32(w[:n]), as32(g[:n]), as32(u[:n]), float32(scale), float32(decay), float32(momentum), float32(rate))
	}
	if n < len(w) && vectors[T]() {
		var last [3]vector
		take(&last[0], w[n:])
		take(&last[1], g[n:])
		take(&last[2], u[n:])
		sgd(s.Nesterov, last[0].row(), last[1].row(), last[2].row(), float32(scale), float32(decay), float32(momentum), float32(rate))
		copy(as32(w[n:]), last[0][:])
		copy(as32(u[n:]), last[2][:])
		return
	}
	for i := n; i < len(w); i++ {
		v := g[i]*scale + decay*w[i]
		t := momentum*u[i] + v
		u[i] = t
		if s.Nesterov {
			t = v + momentum*t
		}
		w[i] -= rate * t
	}
}

// Adam is what one step of torch.optim.Adam and AdamW does, m and s being the moments:
// Keep is what decoupled weight decay leaves of w, Rate and Root have the corrections of
// the moments' biases in them.
type Adam struct {
	Scale, Decay, Keep, Beta1, Beta2, Rate, Root, Epsilon float64
}

// UpdateAdam does the step on w, with its gradient g.
func UpdateAdam[T number](a Adam, w, g, m, s []T) {
	n := whole[T](len(w))
	g, m, s = g[:len(w)], m[:len(w)], s[:len(w)]
	scale, decay, keep, rate, root, epsilon := T(a.Scale), T(a.Decay), T(a.Keep), T(a.Rate), T(a.Root), T(a.Epsilon)
	b1, rest1, b2, rest2 := T(a.Beta1), T(1-a.Beta1), T(a.Beta2), T(1-a.Beta2)
	if n > 0 {
		adam(as32(w[:n]), as32(g[:n]), as32(m[:n]), as32(s[:n]), float32(scale), float32(decay), float32(keep),
			float32(b1), float32(rest1), float32(b2), float32(rest2), float32(rate), float32(root), float32(epsilon))
	}
	if n < len(w) && vectors[T]() {
		var last [4]vector
		take(&last[0], w[n:])
		take(&last[1], g[n:])
		take(&last[2], m[n:])
		take(&last[3], s[n:])
		adam(last[0].row(), last[1].row(), last[2].row(), last[3].row(), float32(scale), float32(decay), float32(keep),
			float32(b1), float32(rest1), float32(b2), float32(rest2), float32(rate), float32(root), float32(epsilon))
		copy(as32(w[n:]), last[0][:])
		copy(as32(m[n:]), last[2][:])
		copy(as32(s[n:]), last[3][:])
		return
	}
	for i := n; i < len(w); i++ {
		x := g[i]*scale + decay*w[i]
		m[i] = b1*m[i] + rest1*x
		s[i] = b2*s[i] + rest2*x*x
		w[i] = w[i]*keep - rate*m[i]/(T(math.Sqrt(float64(s[i])))*root+epsilon)
	}
}
