package pass

import (
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
		if !slices.ContainsFunc(e.Nodes, func(n *onnx.Node) bool { return functionOf(next, n) != nil }) {
			next.Functions = nil
		}
		m = next
	}
	return m, all, nil
}

// functionOf returns the function that a node calls, where its body may take the node's place.
func functionOf(m *onnx.Model, n *onnx.Node) *onnx.Function {
	for _, f := range m.Functions {
		if f.Name != n.OpType || f.Domain != n.Domain || f.Overload != n.Overload {
			continue
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
	own := map[string]string{}
	for _, inner := range f.Nodes {
		for _, out := range inner.Outputs {
			if out != "" && slices.Contains(n.Inputs, out) {
				own[out] = free(out, taken.values)
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
