package op

import "alexctl/onnx"

// add is Add-7, -13, -14: A + B with broadcasting. An initializer among its
// inputs is a learned bias.
func add() *Spec {
	s := arithmetic("Add", func(a, b float64) float64 { return a + b },
		func(a, b int64, _ onnx.DataType) (int64, error) { return a + b, nil })
	s.Params = []Param{{0, "bias"}, {1, "bias"}}
	return s
}
