package pass

import (
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Expose makes values outputs of the graph too, after the present ones: how intermediate
// results become visible to any engine.
type Expose struct {
	Values []string
	// Types are the types of values, as op.Infer finds them; nil lets Apply infer them.
	Types map[string]*op.Info
}

// Name returns "expose".
func (Expose) Name() string { return "expose" }

// Apply refuses a name that no node makes.
func (p Expose) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	if p.Types == nil {
		p.Types = op.Infer(m, nil).Values
	}
	e := newEdit(m)
	listed := map[string]bool{}
	for _, name := range p.Values {
		if e.was.Maker(name) == nil {
			return nil, nil, fmt.Errorf("no node of the graph makes a value called %q", name)
		}
		if listed[name] || e.was.Output(name) != nil {
			continue
		}
		listed[name] = true
		v := &onnx.Value{Name: name}
		if info := p.Types[name]; info != nil {
			v.Type = info.Declared()
		}
		e.Outputs = append(e.Outputs, v)
		e.note(name, "is an output too")
	}
	return m.WithGraph(e.Graph), e.changes, nil
}
