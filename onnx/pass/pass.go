// Package pass rewrites models: one file a rewrite. A Pass makes a changed copy and says what
// it changed; Run applies several and checks the model after each.
package pass

import (
	"fmt"
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Pass is a rewrite of a model.
type Pass interface {
	// Name identifies the pass in reports: "strip".
	Name() string
	// Apply returns the rewritten model with what was changed. It leaves m as it is; what the
	// two have in common may be shared. An error says why the pass does not fit the model.
	Apply(m *onnx.Model) (*onnx.Model, []Change, error)
}

// Change is something that a pass did.
type Change struct {
	Where string `json:"where"` // a node, a value or an initializer
	What  string `json:"what"`
}

// Report is what one pass did.
type Report struct {
	Pass    string   `json:"pass"`
	Changes []Change `json:"changes"`
}

// Run applies passes one after the other and checks the model after each: a problem that was
// not there before ends it, with fault.Unsupported, because the pass does not fit the model.
func Run(m *onnx.Model, passes ...Pass) (*onnx.Model, []Report, error) {
	before := op.Check(m).Problems
	var reports []Report
	for _, p := range passes {
		next, changes, err := p.Apply(m)
		if err != nil {
			return nil, reports, fault.New(kindOf(err), "%s: %w", p.Name(), err)
		}
		reports = append(reports, Report{p.Name(), changes})
		for _, now := range op.Check(next).Problems {
			if !slices.Contains(before, now) {
				return nil, reports, fault.New(fault.Unsupported, "%s: after it the model would have a problem: %s", p.Name(), now)
			}
		}
		m = next
	}
	return m, reports, nil
}

// kindOf is the kind of a pass's error: a pass that says nothing else does not fit.
func kindOf(err error) fault.Kind {
	fault.Default(&err, fault.Unsupported)
	return fault.KindOf(err)
}

// edit is a rewrite under way: a copy of a graph whose lists, but not what is in them, may be
// changed, with the index of the graph as it was.
type edit struct {
	*onnx.Graph
	was     *onnx.Index
	changes []Change
}

func newEdit(m *onnx.Model) *edit {
	g := *m.Graph
	g.Nodes, g.Initializers = slices.Clone(g.Nodes), slices.Clone(g.Initializers)
	g.Inputs, g.Outputs, g.ValueInfo = slices.Clone(g.Inputs), slices.Clone(g.Outputs), slices.Clone(g.ValueInfo)
	return &edit{Graph: &g, was: onnx.NewIndex(m.Graph)}
}

func (e *edit) note(where, format string, args ...any) {
	e.changes = append(e.changes, Change{where, fmt.Sprintf(format, args...)})
}

// rewriting is a pass without options.
type rewriting struct {
	name string
	f    func(e *edit) error
}

func (r rewriting) Name() string { return r.name }

func (r rewriting) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	e := newEdit(m)
	err := r.f(e)
	c := m.WithGraph(e.Graph)
	c.IRVersion = max(m.IRVersion, oldest)
	return c, e.changes, err
}

// oldest is the IR version from which initializers need not be inputs of the graph too.
const oldest = 4

// undeclare removes the value_info of values of which gone is true.
func (e *edit) undeclare(gone func(name string) bool) {
	e.ValueInfo = slices.DeleteFunc(e.ValueInfo, func(v *onnx.Value) bool { return gone(v.Name) })
}
