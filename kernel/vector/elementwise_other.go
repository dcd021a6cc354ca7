//go:build !amd64

package vector

// Nothing calls these.

func sumOf(_ []float32, _ []float32, _ []float32)                                 {}
func differenceOf(_ []float32, _ []float32, _ []float32)                          {}
func timesOf(_ []float32, _ []float32, _ []float32)                               {}
func quotientOf(_ []float32, _ []float32, _ []float32)                            {}
func addTimes(_ []float32, _ []float32, _ []float32)                              {}
func affine(_ []float32, _ []float32, _ float32, _ float32)                       {}
func clamp(_ []float32, _ []float32, _ float32, _ float32)                        {}
func between(_ []float32, _ []float32, _ []float32, _ float32, _ float32)         {}
func root(_ []float32, _ []float32)                                               {}
func expOf(_ []float32, _ []float32)                                              {}
func sigmoid(_ []float32, _ []float32)                                            {}
func erfOf(_ []float32, _ []float32)                                              {}
func moments(_ []float32, _ []float64, _ []float64, _ []float64)                  {}
func comoments(_ []float32, _ []float32, _ []float64, _ []float64, _ []float64)   {}
func standardize(_ []float32, _ []float32, _ []float32, _ []float32, _ []float32) {}
func standardizeGradient(_ []float32, _ []float32, _ []float32, _ []float32, _ []float32, _ []float32, _ []float32) {
}
func addTaps(_ []float32, _ []float32, _ []float32, _ []int32, _ []int32)        {}
func addTapProducts(_ []float32, _ []float32, _ []float32, _ []int32, _ []int32) {}
func roundEven(_ []float32, _ []float32)                                         {}
