package kernel

import "alexctl/kernel/vector"

// Upstream makes the gradient that reaches the sums of a layer, before a rectifier that it
// may have. It is the same for all Backwards after one Forward, and made once.
type Upstream[T Float] struct {
	workers workers
	relu    bool
	masked  []T
	known   bool
}

// NewUpstream returns one for a layer with or without a rectifier.
func NewUpstream[T Float](relu bool, p Pool) *Upstream[T] {
	return &Upstream[T]{workers: workers{p}, relu: relu}
}

// Forget is for Forward to call.
func (u *Upstream[T]) Forget() { u.known = false }

// Of returns dy where the rectifier passed y, otherwise 0.
func (u *Upstream[T]) Of(dy, y []T) []T {
	if !u.relu {
		return dy
	}
	if !u.known {
		u.masked = grow(u.masked, len(dy))
		u.workers.elements(len(dy), func(lo, hi int) { vector.Mask(u.masked[lo:hi], dy[lo:hi], y[lo:hi]) })
		u.known = true
	}
	return u.masked
}

// grow returns a slice of n elements, p itself where it is long enough.
func grow[T any](p []T, n int) []T {
	if cap(p) < n {
		return make([]T, n)
	}
	return p[:n]
}

// ColumnSums sets sums to the sums of the columns of x, taken in float64: there are many
// rows.
func ColumnSums[T Float](p Pool, sums, x []T) {
	k, c := workers{p}, len(sums)
	parts := make([]float64, k.Size()*c)
	k.run(len(x)/c, func(worker, lo, hi int) {
		part := parts[worker*c:][:c]
		for r := lo; r < hi; r++ {
			vector.WidenAdd(part, x[r*c:][:c])
		}
	})
	for i := range sums {
		sum := 0.0
		for w := range k.Size() {
			sum += parts[w*c+i]
		}
		sums[i] = T(sum)
	}
}
