package kernel

import "alexctl/kernel/vector"

// upstream is the gradient that reaches the sums of a layer, before a rectifier that it
// may have. It is the same for all Backwards after one Forward, and made once.
type upstream[T Float] struct {
	workers workers
	relu    bool
	masked  []T
	known   bool
}

// forget is what Forward does.
func (u *upstream[T]) forget() { u.known = false }

// of returns dy where the rectifier passed y, otherwise 0.
func (u *upstream[T]) of(dy, y []T) []T {
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

// columnSums sets sums to the sums of the columns of x, taken in float64: there are many
// rows.
func columnSums[T Float](k workers, sums, x []T) {
	c := len(sums)
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
