package op

import "alexctl/onnx"

// multiply is Mul-7, -13, -14: A * B with broadcasting.
func multiply() *Spec {
	return arithmetic("Mul", func(a, b float64) float64 { return a * b },
		func(a, b int64, _ onnx.DataType) (int64, error) { return a * b, nil })
}
