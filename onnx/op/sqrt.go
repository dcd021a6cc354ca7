package op

import "math"

// sqrt is Sqrt-6, -13.
func sqrt() *Spec {
	s := function("Sqrt", []int64{1, 6, 13}, math.Sqrt, twoUlps)
	s.NonNegative = true
	return s
}
