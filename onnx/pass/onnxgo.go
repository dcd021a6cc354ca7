package pass

import (
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// ForONNXGo returns the pass that brings a model into a form that onnx-go v0.5.0 takes, of the
// same meaning: outputs that other nodes read too stay empty there, so each is handed on by an
// Identity; the ratio of a Dropout is left out, which changes nothing at inference; and what
// value_info declares, for which it would allocate tensors, is dropped.
func ForONNXGo() Pass {
	return rewriting{"onnx-go", func(e *edit) error {
		for i, n := range e.Nodes {
			if s := op.SpecOf(n); s != nil && s.Random && len(n.Inputs) > 1 {
				c := *n
				c.Inputs = n.Inputs[:1]
				e.Nodes[i] = &c
			}
		}
		e.ValueInfo = nil
		for i, v := range e.Outputs {
			c := *v
			c.Name = fmt.Sprintf("alexctl.output.%d", i)
			e.Nodes = append(e.Nodes, &onnx.Node{Name: c.Name, OpType: "Identity", Inputs: []string{v.Name}, Outputs: []string{c.Name}})
			e.Outputs[i] = &c
			e.note(v.Name, "an Identity now makes this output")
		}
		return e.prune() // ratios
	}}
}
