package op

import "alexctl/onnx"

// Scores looks back from an output, through nodes that keep the order of elements, for the
// function that made scores of it. It returns the value that holds the logits, which is the
// output itself or what is behind it where there is no such function.
func Scores(x *onnx.Index, output string) (logits string, a Activation) {
	if n := activation(x, output); n != nil {
		return n.Inputs[0], SpecOf(n).Activation
	}
	return output, NoActivation
}

// activation returns the node that made scores of what the last layer computed, or nil.
func activation(x *onnx.Index, output string) *onnx.Node {
	inOrder := func(n *onnx.Node) int {
		if s := SpecOf(n); s != nil && s.InOrder {
			return 0
		}
		return -1
	}
	behind := x.Back(output, inOrder)
	if n := x.Maker(behind); n != nil {
		if s := SpecOf(n); s != nil && s.Activation != NoActivation && len(n.Inputs) > 0 {
			return n
		}
	}
	return nil
}

// OverClasses reports whether a softmax that made scores sums over all scores of an image, and
// over nothing else, as far as the shapes tell. It is true of other activations, and where
// there is none.
func OverClasses(x *onnx.Index, inferred *Inferred, output string) bool {
	n := activation(x, output)
	if n == nil || SpecOf(n).Activation == SigmoidActivation {
		return true
	}
	at := x.MadeAt(n.Outputs[0])
	if at < 0 || at >= len(inferred.Nodes) || inferred.Nodes[at].Node == nil || !inferred.Nodes[at].In[0].Ranked {
		return true
	}
	bound, shape := inferred.Nodes[at].Node, inferred.Nodes[at].In[0].Shape
	axis, err := axisOf(bound.Int("axis"), len(shape))
	if err != nil || axis == 0 {
		return false
	}
	for i, d := range shape[1:] {
		summed := i+1 == axis || bound.Opset < 13 && i+1 > axis
		if !summed && d.IsKnown() && d.N != 1 {
			return false
		}
	}
	return true
}
