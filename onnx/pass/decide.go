package pass

import (
	"fmt"
	"maps"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Decide returns the pass that puts the branch of an If in its place where the condition follows
// from constants and shapes alone, as it does where a framework asks for ranks and sizes while it
// exports.
func Decide() Pass { return decide{} }

// DecideFor is Decide for inputs of the given shapes, and for conditions whose values are known: what
// comes of it is the model for such inputs only.
func DecideFor(shapes map[string]onnx.Shape, conditions map[string]bool) Pass {
	return decide{shapes, conditions}
}

type decide struct {
	shapes     map[string]onnx.Shape
	conditions map[string]bool
}

func (decide) Name() string { return "decide" }

// maxRounds bounds how deep branches are decided that depend on each other.
const maxRounds = 64

func (d decide) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	var all []Change
	for range maxRounds {
		if !slices.ContainsFunc(m.Graph.Nodes, isIf) {
			break
		}
		e := newEdit(m)
		known := op.Infer(m, d.shapes).Values
		taken := names{m.Graph.Defined(), map[string]bool{"": true}}
		for _, n := range m.Graph.Nodes {
			taken.nodes[n.Name] = true
		}
		nodes := e.Nodes
		e.Nodes = nil
		for _, n := range nodes {
			branch := ""
			if isIf(n) && len(n.Inputs) == 1 && known[n.Inputs[0]] != nil {
				branch = branchOf(known[n.Inputs[0]])
			}
			if c, ok := d.conditions[first(n.Inputs)]; ok && isIf(n) {
				branch = branchName(c)
			}
			a := n.Attribute(branch)
			if branch == "" || a == nil || a.Graph == nil || len(a.Graph.Outputs) != len(n.Outputs) {
				e.Nodes = append(e.Nodes, n)
				continue
			}
			e.inline(n, a.Graph, taken)
			e.note(n.Label(), "If: its condition is known, and the %s takes its place", branch)
		}
		if len(e.changes) == 0 {
			break
		}
		all = append(all, e.changes...)
		m = m.WithGraph(e.Graph)
		m.IRVersion = max(m.IRVersion, oldest)
	}
	return m, all, nil
}

func isIf(n *onnx.Node) bool { return n.OpType == "If" && onnx.IsStandardDomain(n.Domain) }

// branchOf returns the attribute with the branch that a condition chooses, "" where it is not known.
func branchOf(condition *op.Info) string {
	a := condition.Known()
	if a == nil || a.Type != onnx.Bool || len(a.I) != 1 {
		return ""
	}
	return branchName(a.I[0] != 0)
}

func branchName(condition bool) string {
	if condition {
		return "then_branch"
	}
	return "else_branch"
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// names are those that a graph has.
type names struct{ values, nodes map[string]bool }

// free returns a name that is not in the set, and puts it there.
func free(name string, set map[string]bool) string {
	fresh := name
	for i := 1; set[fresh]; i++ {
		fresh = fmt.Sprintf("%s_%d", name, i)
	}
	set[fresh] = true
	return fresh
}

// inline puts a branch in the place of its node. What it makes for the node's outputs has their
// names; other values that the graph has too get new ones.
func (e *edit) inline(n *onnx.Node, g *onnx.Graph, taken names) {
	renamed := map[string]string{}
	own := g.Defined()
	for i, v := range g.Outputs {
		if own[v.Name] && renamed[v.Name] == "" && n.Outputs[i] != "" {
			renamed[v.Name] = n.Outputs[i]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if name == "" || renamed[name] != "" {
			continue
		}
		if fresh := free(name, taken.values); fresh != name {
			renamed[name] = fresh
		}
	}
	for _, t := range g.Initializers {
		c := *t
		if to := renamed[t.Name]; to != "" {
			c.Name = to
		}
		e.Initializers = append(e.Initializers, &c)
	}
	for _, inner := range g.Nodes {
		c := *inner.Reading(renamed)
		if c.Outputs = slices.Clone(c.Outputs); c.Name != "" {
			c.Name = free(c.Name, taken.nodes)
		}
		for i, out := range c.Outputs {
			if to := renamed[out]; to != "" {
				c.Outputs[i] = to
			}
		}
		e.Nodes = append(e.Nodes, &c)
	}
	for i, v := range g.Outputs { // a value from outside, or one that is handed on twice
		if to := n.Outputs[i]; to != "" && renamed[v.Name] != to {
			from := v.Name
			if renamed[from] != "" {
				from = renamed[from]
			}
			e.Nodes = append(e.Nodes, &onnx.Node{Name: free(n.Name+"/"+to, taken.nodes), OpType: "Identity", Inputs: []string{from}, Outputs: []string{to}})
		}
	}
}
