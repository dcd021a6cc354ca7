package pass

import (
	"fmt"

	"alexctl/onnx"
)

// Segment cuts out the nodes from Lo to Hi, in time that depends on their number alone. What
// they read of other nodes and of the graph's inputs becomes an input, what others read of
// them and the graph's outputs become outputs. Metadata is left behind.
type Segment struct {
	Lo, Hi int
	// Index is the index of the graph that is cut: many segments share it.
	Index *onnx.Index
	// TypeOf gives the types of the values that become inputs and outputs.
	TypeOf func(name string) *onnx.Type
}

// Name returns "segment".
func (Segment) Name() string { return "segment" }

// Apply refuses numbers that are not those of nodes.
func (p Segment) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	if p.Index.Graph() != m.Graph || p.Lo < 0 || p.Hi > len(m.Graph.Nodes) || p.Lo >= p.Hi {
		return nil, nil, fmt.Errorf("nodes %d to %d of a graph with %d", p.Lo, p.Hi, len(m.Graph.Nodes))
	}
	g := &onnx.Graph{Name: m.Graph.Name, Nodes: m.Graph.Nodes[p.Lo:p.Hi:p.Hi]}
	inside := func(i int) bool { return i >= p.Lo && i < p.Hi }
	listed := map[string]bool{}
	read := func(name string) {
		if name == "" || listed[name] || inside(p.Index.MadeAt(name)) {
			return
		}
		listed[name] = true
		if t := p.Index.Initializer(name); t != nil {
			g.Initializers = append(g.Initializers, t)
			return
		}
		g.Inputs = append(g.Inputs, &onnx.Value{Name: name, Type: p.TypeOf(name)})
	}
	for _, n := range g.Nodes {
		for _, name := range n.Reads() {
			read(name)
		}
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			for _, u := range p.Index.Uses(name) {
				if !inside(u.At) {
					g.Outputs = append(g.Outputs, &onnx.Value{Name: name, Type: p.TypeOf(name)})
					break
				}
			}
		}
	}
	c := m.WithGraph(g)
	c.Metadata = nil
	return c, []Change{{g.Nodes[0].Label(), fmt.Sprintf("%d of %d nodes are kept, from this one on", p.Hi-p.Lo, len(m.Graph.Nodes))}}, nil
}
