package pass

import (
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Strip returns the pass that removes Dropout nodes, which are the identity at inference, by
// letting the readers of each read what it reads. One that makes an output of the graph, or
// whose mask is read, stays, and so does one whose input has the name of another value in a
// subgraph that reads it.
func Strip() Pass {
	return rewriting{"strip", func(e *edit) error {
		renamed := map[string]string{}
		nodes := e.Nodes
		e.Nodes = nil
		for _, n := range nodes {
			n = n.Reading(renamed)
			if s := op.SpecOf(n); s != nil && s.Random && op.Passes(n) && e.was.Output(n.Outputs[0]) == nil &&
				(len(n.Outputs) == 1 || !e.was.Used(n.Outputs[1])) && !captures(n.Inputs[0], e.was.Uses(n.Outputs[0])) {
				renamed[n.Outputs[0]] = n.Inputs[0]
				e.note(n.Label(), "%s removed: it is the identity at inference", n.OpType)
				continue
			}
			e.Nodes = append(e.Nodes, n)
		}
		e.undeclare(func(name string) bool { return renamed[name] != "" })
		return e.prune() // ratios that only they read
	}}
}

// captures reports whether name means something else in a subgraph of one that reads it.
func captures(name string, readers []onnx.Use) bool {
	return slices.ContainsFunc(readers, func(u onnx.Use) bool { return u.Top != nil && u.Top.Defines(name) })
}
