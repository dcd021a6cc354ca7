package op

import "alexctl/onnx"

// sub is Sub-7, -13, -14: A - B with broadcasting.
func sub() *Spec {
	return arithmetic("Sub", func(a, b float64) float64 { return a - b },
		func(a, b int64, _ onnx.DataType) (int64, error) { return a - b, nil })
}
