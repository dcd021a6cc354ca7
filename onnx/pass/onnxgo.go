package pass

import (
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// ForONNXGo brings a model into a form that onnx-go v0.5.0 takes, of the same meaning:
// outputs that other nodes read too stay empty there, so each is handed on by an Identity;
// the ratio of a Dropout is left out, which changes nothing at inference; and what value_info
// declares, for which it would allocate tensors, is dropped.
type ForONNXGo struct{}

// Name returns "onnx-go".
func (ForONNXGo) Name() string { return "onnx-go" }

// Apply never fails.
func (ForONNXGo) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	g.ValueInfo, g.Outputs = nil, nil
	for i, n := range g.Nodes {
		if s := op.SpecOf(n); s != nil && s.Random && len(n.Inputs) > 1 {
			c := *n
			c.Inputs = n.Inputs[:1]
			g.Nodes[i] = &c
		}
	}
	var changes []Change
	for i, v := range m.Graph.Outputs {
		name := fmt.Sprintf("alexctl.output.%d", i)
		g.Nodes = append(g.Nodes, &onnx.Node{Name: name, OpType: "Identity", Inputs: []string{v.Name}, Outputs: []string{name}})
		c := *v
		c.Name = name
		g.Outputs = append(g.Outputs, &c)
		changes = append(changes, Change{v.Name, "this output is handed on by an Identity"})
	}
	pruned, more, err := Prune{}.Apply(m.WithGraph(g)) // ratios
	return pruned, append(changes, more...), err
}
