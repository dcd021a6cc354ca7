package pass

import (
	"slices"

	"alexctl/onnx"
)

// Prune removes what nobody reads: nodes, initializers and declarations.
type Prune struct{}

// Name returns "prune".
func (Prune) Name() string { return "prune" }

// Apply removes the nodes from the last to the first, so that what only they read goes too.
func (Prune) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	x := onnx.NewIndex(g)
	var changes []Change
	gone := make([]bool, len(g.Nodes)+1) // by node; the last stands for the graph's outputs
	read := func(name string) bool {
		return slices.ContainsFunc(x.Uses(name), func(u onnx.Use) bool { return !gone[u.At] })
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if gone[i] = !slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && read(o) }); gone[i] {
			changes = append(changes, Change{n.Label(), "nobody reads what this " + n.OpType + " makes"})
		}
	}
	var nodes []*onnx.Node
	made := map[string]bool{}
	for i, n := range g.Nodes {
		if gone[i] {
			continue
		}
		nodes = append(nodes, n)
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	g.Nodes = nodes
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t *onnx.Tensor) bool {
		if read(t.Name) {
			return false
		}
		changes = append(changes, Change{t.Name, "nobody reads this initializer"})
		return true
	})
	undeclared(g, func(name string) bool { return !read(name) && !made[name] })
	return m.WithGraph(g), changes, nil
}
