package op

import "math"

// sqrt is Sqrt-6, -13.
func sqrt() *Spec { return function("Sqrt", []int64{1, 6, 13}, math.Sqrt, twoUlps) }
