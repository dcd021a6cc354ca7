package pass

import (
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Weights makes initializers of weights that are nodes, so that they can be learned and
// written back: a Constant of floats, or an Identity of an initializer, such as PyTorch
// writes where two parameters hold the same numbers.
type Weights struct{}

// Name returns "weights".
func (Weights) Name() string { return "weights" }

// Apply leaves nodes that make an output of the graph.
func (Weights) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	x := onnx.NewIndex(m.Graph)
	var changes []Change
	made := map[string]*onnx.Tensor{}
	g.Nodes = nil
	for _, n := range m.Graph.Nodes {
		from := weightOf(n, func(name string) *onnx.Tensor {
			if t := made[name]; t != nil {
				return t
			}
			return x.Initializer(name)
		})
		if from == nil || x.Output(n.Outputs[0]) != nil {
			g.Nodes = append(g.Nodes, n)
			continue
		}
		t := *from
		t.Name = n.Outputs[0]
		made[t.Name] = &t
		g.Initializers = append(g.Initializers, &t)
		changes = append(changes, Change{n.Label(), "the weight that this " + n.OpType + " holds is an initializer"})
	}
	c := m.WithGraph(g)
	// Before IR version 4 every initializer had to be an input of the graph too.
	c.IRVersion = max(m.IRVersion, 4)
	return c, changes, nil
}

// weightOf returns the tensor that a node stands for, or nil.
func weightOf(n *onnx.Node, initializer func(string) *onnx.Tensor) *onnx.Tensor {
	if len(n.Outputs) != 1 || !onnx.IsStandardDomain(n.Domain) {
		return nil
	}
	if n.OpType == "Constant" {
		if a := n.Attribute("value"); a != nil && a.Tensor != nil && a.Tensor.Type == onnx.Float {
			return a.Tensor
		}
		return nil
	}
	if s := op.SpecOf(n); s != nil && op.Passes(n) && !s.Random {
		return initializer(n.Inputs[0])
	}
	return nil
}
