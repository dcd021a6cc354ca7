package pass

import (
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Strip removes Dropout nodes, which are the identity at inference. One that makes an output
// of the graph, or whose mask is read, stays.
type Strip struct{}

// Name returns "strip".
func (Strip) Name() string { return "strip" }

// Apply lets the readers of each Dropout read what it reads.
func (Strip) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	x := onnx.NewIndex(m.Graph)
	var changes []Change
	renamed := map[string]string{}
	g.Nodes = nil
	for _, n := range m.Graph.Nodes {
		n = n.Reading(renamed)
		if s := op.SpecOf(n); s != nil && s.Random && op.Passes(n) && x.Output(n.Outputs[0]) == nil && (len(n.Outputs) == 1 || !x.Used(n.Outputs[1])) {
			renamed[n.Outputs[0]] = n.Inputs[0]
			changes = append(changes, Change{n.Label(), n.OpType + " removed: it is the identity at inference"})
			continue
		}
		g.Nodes = append(g.Nodes, n)
	}
	undeclared(g, func(name string) bool { _, gone := renamed[name]; return gone })
	pruned, more, err := Prune{}.Apply(m.WithGraph(g)) // ratios that only they read
	return pruned, append(changes, more...), err
}
