package op

import "alexctl/onnx"

// Scores looks back from an output, through nodes that keep the order of elements, for the
// function that made scores of it. It returns the value that holds the logits, which is the
// output itself or what is behind it where there is no such function.
func Scores(x *onnx.Index, output string) (logits string, a Activation) {
	inOrder := func(n *onnx.Node) int {
		if s := SpecOf(n); s != nil && s.InOrder {
			return 0
		}
		return -1
	}
	behind := x.Back(output, inOrder)
	if n := x.Maker(behind); n != nil {
		if s := SpecOf(n); s != nil && s.Activation != NoActivation && len(n.Inputs) > 0 {
			return n.Inputs[0], s.Activation
		}
	}
	return output, NoActivation
}
