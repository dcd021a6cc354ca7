package op

import (
	"fmt"

	"alexctl/onnx"
)

// Check reports everything wrong with a model: its structure, unknown operators,
// malformed nodes, shapes that do not fit, and declarations that contradict the
// graph. unchecked lists nodes that are beyond this package.
func Check(m *onnx.Model) (problems, unchecked []onnx.Problem) {
	problems = onnx.Check(m)
	if v := m.Opset(); v > MaxOpset || v > 0 && v < MinOpset {
		return append(problems, onnx.Problem{Where: "model",
			Problem: fmt.Sprintf("opset %d is not supported, %d to %d are", v, MinOpset, MaxOpset)}), nil
	}
	if m.Opset() == 0 {
		return problems, nil
	}
	r := Infer(m, nil)
	return append(problems, r.Problems...), r.Unchecked
}
