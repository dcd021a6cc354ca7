package pass

import (
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Weights returns the pass that makes initializers of weights that are nodes, so that they can
// be learned and written back: a Constant of floats, or an Identity of an initializer, such as
// PyTorch writes where two parameters hold the same numbers. Nodes that make an output of the
// graph stay.
func Weights() Pass {
	return rewriting{"weights", func(e *edit) error {
		made := map[string]*onnx.Tensor{}
		initializer := func(name string) *onnx.Tensor {
			if t := made[name]; t != nil {
				return t
			}
			return e.was.Initializer(name)
		}
		nodes := e.Nodes
		e.Nodes = nil
		for _, n := range nodes {
			from := weightOf(n, initializer)
			if from == nil || e.was.Output(n.Outputs[0]) != nil {
				e.Nodes = append(e.Nodes, n)
				continue
			}
			t := *from
			t.Name = n.Outputs[0]
			made[t.Name] = &t
			e.Initializers = append(e.Initializers, &t)
			e.note(n.Label(), "the weight that this %s holds is an initializer", n.OpType)
		}
		return nil
	}}
}

// weightOf returns the tensor that a node stands for, or nil.
func weightOf(n *onnx.Node, initializer func(string) *onnx.Tensor) *onnx.Tensor {
	s := op.SpecOf(n)
	switch {
	case s == nil || len(n.Outputs) != 1:
	case n.OpType == "Constant":
		if a := n.Attribute("value"); a != nil && a.Tensor != nil && a.Tensor.Type == onnx.Float {
			return a.Tensor
		}
	case op.Passes(n) && !s.Random:
		return initializer(n.Inputs[0])
	}
	return nil
}
