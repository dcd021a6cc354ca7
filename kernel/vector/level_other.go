//go:build !amd64

package vector

// lanes is how many numbers of float32 a vector has here: none.
const lanes = 0

// Nothing calls these.

func rectify(y []float32)                                                        {}
func add(y, x []float32)                                                         {}
func addRectify(y, x []float32)                                                  {}
func square(y, x []float32)                                                      {}
func mask(to, dy, y []float32)                                                   {}
func widenAdd(x []float32, sum []float64)                                        {}
func squareSum(x []float32, sums []float64)                                      {}
func sgd(nesterov bool, w, g, u []float32, scale, decay, momentum, rate float32) {}
func adam(w, g, m, s []float32, scale, decay, keep, b1, rest1, b2, rest2, rate, root, epsilon float32) {
}
func maxPool(y, x []float32, at []int32)                                              {}
func maxPoolGradient(dy, y, dx, x []float32, at []int32)                              {}
func lrn(y, x, square []float32, size int, alpha, bias float32)                       {}
func lrnGradient(term, power, dy, y, square []float32, size int, alpha, bias float32) {}
func lrnFinish(dx, dy, power, x, term []float32, size int, factor float32)            {}
func dots(sum, w, x []float64)                                                        {}
func tallies(sum, square, peak, w, x []float64)                                       {}
func transform(t Transform, dst, src []float32, to, from []int, n int)                {}
