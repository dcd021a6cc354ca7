package pass

import (
	"slices"

	"alexctl/onnx"
)

// Prune returns the pass that removes what nobody reads: nodes, initializers and declarations.
func Prune() Pass { return rewriting{"prune", (*edit).prune} }

// prune goes from the last node to the first, so that what only they read goes too.
func (e *edit) prune() error {
	x := onnx.NewIndex(e.Graph)
	gone := make([]bool, len(e.Nodes)+1) // by node; the last stands for the graph's outputs
	read := func(name string) bool {
		return slices.ContainsFunc(x.Uses(name), func(u onnx.Use) bool { return !gone[u.At] })
	}
	for i, n := range slices.Backward(e.Nodes) {
		if gone[i] = !slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && read(o) }); gone[i] {
			e.note(n.Label(), "nothing reads the results of this %s", n.OpType)
		}
	}
	made := map[string]bool{}
	kept := e.Nodes[:0]
	for i, n := range e.Nodes {
		if gone[i] {
			continue
		}
		kept = append(kept, n)
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	e.Nodes = kept
	removed := map[string]bool{}
	e.Initializers = slices.DeleteFunc(e.Initializers, func(t *onnx.Tensor) bool {
		if !read(t.Name) {
			removed[t.Name] = true
			e.note(t.Name, "nothing reads this initializer")
		}
		return removed[t.Name]
	})
	// An input of the same name had its default there: without it, it would have to be fed.
	e.Inputs = slices.DeleteFunc(slices.Clone(e.Inputs), func(v *onnx.Value) bool { return removed[v.Name] })
	e.undeclare(func(name string) bool { return !read(name) && !made[name] })
	return nil
}
