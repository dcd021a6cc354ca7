package op

import (
	"errors"

	"alexctl/onnx"
)

// div is Div-7, -13, -14: A / B with broadcasting; integers toward zero.
func div() *Spec {
	return arithmetic("Div", func(a, b float64) float64 { return a / b },
		func(a, b int64, t onnx.DataType) (int64, error) {
			switch {
			case b == 0:
				return 0, errors.New("integer division by zero")
			case t == onnx.Uint64:
				return int64(uint64(a) / uint64(b)), nil
			}
			return a / b, nil
		})
}
