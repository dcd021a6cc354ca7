package kernel

import "alexctl/kernel/vector"

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
