package onnx

import "slices"

// Clone returns a copy of the model that may be changed without changing m. Tensors, which
// are never written to, are shared, and with them the open files: the copy must not be used
// after m is closed.
func (m *Model) Clone() *Model {
	c := *m
	c.closers = nil
	c.OperatorSets = slices.Clone(m.OperatorSets)
	c.Metadata = slices.Clone(m.Metadata)
	c.Functions = slices.Clone(m.Functions)
	for i, f := range c.Functions {
		own := *f
		own.Inputs, own.Outputs = slices.Clone(f.Inputs), slices.Clone(f.Outputs)
		own.AttributeNames, own.OperatorSets = slices.Clone(f.AttributeNames), slices.Clone(f.OperatorSets)
		own.Metadata = slices.Clone(f.Metadata)
		own.Nodes = cloneNodes(f.Nodes)
		own.AttributeDefaults = cloneAttributes(f.AttributeDefaults)
		own.ValueInfo = cloneValues(f.ValueInfo)
		c.Functions[i] = &own
	}
	if m.Graph != nil {
		c.Graph = m.Graph.Clone()
	}
	return &c
}

// WithGraph returns a copy of the model around another graph. The copy reads its
// tensors from the same files and must not be used after m is closed.
func (m *Model) WithGraph(g *Graph) *Model {
	c := *m
	c.Graph = g
	c.closers = nil
	c.OperatorSets, c.Metadata = slices.Clone(m.OperatorSets), slices.Clone(m.Metadata)
	return &c
}

// Clone returns a copy of the graph, as Model.Clone does.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Nodes = cloneNodes(g.Nodes)
	c.Initializers = slices.Clone(g.Initializers)
	c.Inputs = cloneValues(g.Inputs)
	c.Outputs = cloneValues(g.Outputs)
	c.ValueInfo = cloneValues(g.ValueInfo)
	c.Metadata = slices.Clone(g.Metadata)
	return &c
}

// Clone returns a copy of the node, as Model.Clone does.
func (n *Node) Clone() *Node {
	c := *n
	c.Inputs, c.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
	c.Attributes = cloneAttributes(n.Attributes)
	c.Metadata = slices.Clone(n.Metadata)
	return &c
}

func cloneNodes(list []*Node) []*Node {
	out := slices.Clone(list)
	for i, n := range out {
		out[i] = n.Clone()
	}
	return out
}

func cloneAttributes(list []*Attribute) []*Attribute {
	out := slices.Clone(list)
	for i, a := range out {
		c := *a
		c.String, c.Floats, c.Ints = slices.Clone(a.String), slices.Clone(a.Floats), slices.Clone(a.Ints)
		c.Strings, c.Tensors, c.Graphs = slices.Clone(a.Strings), slices.Clone(a.Tensors), slices.Clone(a.Graphs)
		if a.Graph != nil {
			c.Graph = a.Graph.Clone()
		}
		for k, g := range c.Graphs {
			c.Graphs[k] = g.Clone()
		}
		out[i] = &c
	}
	return out
}

func cloneValues(list []*Value) []*Value {
	out := slices.Clone(list)
	for i, v := range out {
		c := *v
		c.Metadata = slices.Clone(v.Metadata)
		if v.Type != nil {
			t := *v.Type
			if t.Shape != nil {
				shape := slices.Clone(*t.Shape)
				t.Shape = &shape
			}
			c.Type = &t
		}
		out[i] = &c
	}
	return out
}
