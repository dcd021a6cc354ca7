package pass

import (
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Inference makes nodes that were exported for training (Dropout and BatchNormalization with
// training_mode) those of inference, and drops outputs at the end of a node's that nobody
// reads.
type Inference struct{}

// Name returns "inference".
func (Inference) Name() string { return "inference" }

// Apply never fails.
func (Inference) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	x := onnx.NewIndex(m.Graph)
	var changes []Change
	for i, n := range g.Nodes {
		c := *n
		if s := op.SpecOf(n); s != nil && s.Random {
			c.Inputs = n.Inputs[:min(len(n.Inputs), 2)] // without training_mode
		} else if s != nil && s.Statistics != nil {
			c.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a *onnx.Attribute) bool { return a.Name == "training_mode" })
			c.Outputs = n.Outputs[:min(len(n.Outputs), 1)]
		}
		for onnx.IsStandardDomain(n.Domain) && len(c.Outputs) > 1 && !x.Used(c.Outputs[len(c.Outputs)-1]) {
			c.Outputs = c.Outputs[:len(c.Outputs)-1]
		}
		if len(c.Inputs) != len(n.Inputs) || len(c.Attributes) != len(n.Attributes) {
			changes = append(changes, Change{n.Label(), n.OpType + " is that of inference"})
		}
		g.Nodes[i] = &c
	}
	return m.WithGraph(g), changes, nil
}
