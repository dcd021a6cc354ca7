package pass

import (
	"maps"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Inline returns the pass that puts the bodies of the model's own functions in the places of their
// calls. A function whose body is of an opset in which an operator is another one than in the model's
// stays.
func Inline() Pass { return inline{} }

type inline struct{}

func (inline) Name() string { return "inline" }

// maxInlined bounds how many nodes the bodies may come to: functions that call each other can
// multiply without end.
const maxInlined = 1 << 20

func (inline) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	var all []Change
	for range maxRounds {
		e := newEdit(m)
		taken := names{m.Graph.Defined(), map[string]bool{"": true}}
		for _, n := range m.Graph.Nodes {
			taken.nodes[n.Name] = true
		}
		nodes := e.Nodes
		e.Nodes = nil
		for _, n := range nodes {
			f := functionOf(m, n)
			if f == nil || len(n.Outputs) > len(f.Outputs) || len(e.Nodes)+len(f.Nodes) > maxInlined {
				e.Nodes = append(e.Nodes, n)
				continue
			}
			e.call(n, f, taken)
			e.note(n.Label(), "%s: the function's body takes its place", n.OpType)
		}
		if len(e.changes) == 0 {
			break
		}
		all = append(all, e.changes...)
		next := m.WithGraph(e.Graph)
		next.OperatorSets = importing(m)
		if !calls(e.Nodes, m.Functions) {
			next.Functions = nil
		}
		m = next
	}
	return m, all, nil
}

// importing returns the operator sets of a model with those that only its functions import.
func importing(m *onnx.Model) []onnx.OperatorSet {
	sets := slices.Clone(m.OperatorSets)
	for _, f := range m.Functions {
		for _, s := range f.OperatorSets {
			if !slices.ContainsFunc(sets, func(o onnx.OperatorSet) bool {
				return o.Domain == s.Domain || onnx.IsStandardDomain(o.Domain) && onnx.IsStandardDomain(s.Domain)
			}) {
				sets = append(sets, s)
			}
		}
	}
	return sets
}

// calls reports whether nodes, or those of their subgraphs, call one of the functions.
func calls(nodes []*onnx.Node, functions []*onnx.Function) bool {
	for _, n := range nodes {
		for _, f := range functions {
			if named(n, f) {
				return true
			}
		}
		for _, a := range n.Attributes {
			for _, g := range a.Subgraphs() {
				if calls(g.Nodes, functions) {
					return true
				}
			}
		}
	}
	return false
}

func named(n *onnx.Node, f *onnx.Function) bool {
	return f.Name == n.OpType && f.Domain == n.Domain && f.Overload == n.Overload
}

// refers reports whether a subgraph of a node refers to an attribute of the function around it.
func refers(n *onnx.Node) bool {
	for _, a := range n.Attributes {
		for _, g := range a.Subgraphs() {
			for _, inner := range g.Nodes {
				if refers(inner) || slices.ContainsFunc(inner.Attributes, func(a *onnx.Attribute) bool { return a.RefName != "" }) {
					return true
				}
			}
		}
	}
	return false
}

// functionOf returns the function that a node calls, where its body may take the node's place.
func functionOf(m *onnx.Model, n *onnx.Node) *onnx.Function {
	for _, f := range m.Functions {
		if !named(n, f) {
			continue
		}
		if slices.ContainsFunc(f.Nodes, refers) {
			return nil
		}
		for _, s := range f.OperatorSets {
			if !onnx.IsStandardDomain(s.Domain) || s.Version == m.Opset() {
				continue
			}
			for _, inner := range f.Nodes {
				if onnx.IsStandardDomain(inner.Domain) && !op.Same(inner.OpType, s.Version, m.Opset()) {
					return nil
				}
			}
		}
		return f
	}
	return nil
}

// call puts the body of a function in the place of a node that calls it.
func (e *edit) call(n *onnx.Node, f *onnx.Function, taken names) {
	actual := map[string]string{}
	for i, name := range f.Inputs {
		actual[name] = ""
		if i < len(n.Inputs) {
			actual[name] = n.Inputs[i]
		}
	}
	body := &onnx.Graph{}
	for _, name := range f.Outputs[:len(n.Outputs)] {
		to := name
		if given, ok := actual[name]; ok { // an input that is handed on
			to = given
		}
		body.Outputs = append(body.Outputs, &onnx.Value{Name: to})
	}
	// Values of the body that are called like an input of the call get other names first.
	own, avoid := map[string]string{}, maps.Clone(taken.values)
	for _, inner := range f.Nodes {
		for _, name := range append(slices.Clone(inner.Inputs), inner.Outputs...) {
			avoid[name] = true
		}
	}
	for _, inner := range f.Nodes {
		for _, out := range inner.Outputs {
			if out != "" && slices.Contains(n.Inputs, out) {
				own[out] = free(out, avoid)
			}
		}
	}
	for i, v := range body.Outputs {
		if to := own[f.Outputs[i]]; to != "" {
			v.Name = to
		}
	}
	for _, inner := range f.Nodes {
		renamed := map[string]string{}
		for from, to := range own {
			renamed[from] = to
		}
		for from, to := range actual {
			renamed[from] = to
		}
		c := *inner.Reading(renamed)
		c.Outputs = slices.Clone(inner.Outputs)
		for i, out := range c.Outputs {
			if to := own[out]; to != "" {
				c.Outputs[i] = to
			}
		}
		c.Attributes = nil
		for _, a := range inner.Attributes {
			if a.RefName == "" {
				c.Attributes = append(c.Attributes, a)
				continue
			}
			given := n.Attribute(a.RefName)
			if i := slices.IndexFunc(f.AttributeDefaults, func(d *onnx.Attribute) bool { return d.Name == a.RefName }); given == nil && i >= 0 {
				given = f.AttributeDefaults[i]
			}
			if given != nil { // otherwise the operator's default holds
				value := *given
				value.Name = a.Name
				c.Attributes = append(c.Attributes, &value)
			}
		}
		body.Nodes = append(body.Nodes, &c)
	}
	e.inline(n, body, taken)
}
