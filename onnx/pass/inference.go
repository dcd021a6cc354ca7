package pass

import (
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Inference returns the pass that makes nodes that were exported for training (Dropout and
// BatchNormalization with training_mode) those of inference, puts the mean of noise in its place, and
// drops optional outputs at the end of a node's that nobody reads.
func Inference() Pass { return inference{} }

type inference struct{}

func (inference) Name() string { return "inference" }

func (inference) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	quiet := rewriting{"inference", func(e *edit) error {
		if slices.ContainsFunc(m.Graph.Nodes, draws) {
			return e.settle(m)
		}
		return nil
	}}
	settled, noted, err := quiet.Apply(m)
	if err != nil {
		return nil, nil, err
	}
	made, changes, err := modes().Apply(settled)
	return made, append(noted, changes...), err
}

// draws reports whether a node makes nothing but random numbers.
func draws(n *onnx.Node) bool {
	s := op.SpecOf(n)
	return s != nil && s.Random && s.Inputs.Max == 1
}

// modes makes the nodes that have a mode for training those of inference.
func modes() Pass {
	return rewriting{"inference", func(e *edit) error {
		for i, n := range e.Nodes {
			c := *n
			s := op.SpecOf(n)
			if s != nil && s.Random && s.Inputs.Max > 1 {
				c.Inputs = n.Inputs[:min(len(n.Inputs), 2)] // without training_mode
			} else if s != nil && s.Statistics != nil {
				c.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a *onnx.Attribute) bool { return a.Name == "training_mode" })
				c.Outputs = n.Outputs[:min(len(n.Outputs), 1)]
			}
			for s != nil && !s.Outputs.AnyNumber() && len(c.Outputs) > max(1, s.Outputs.Min) && !e.was.Used(c.Outputs[len(c.Outputs)-1]) {
				c.Outputs = c.Outputs[:len(c.Outputs)-1]
			}
			if len(c.Inputs) != len(n.Inputs) || len(c.Attributes) != len(n.Attributes) || len(c.Outputs) != len(n.Outputs) {
				e.note(n.Label(), "%s is that of inference", n.OpType)
			}
			e.Nodes[i] = &c
		}
		return nil
	}}
}
