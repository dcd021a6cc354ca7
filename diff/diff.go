// Package diff compares two models: what they say of themselves, their structure, attributes
// and weights, and, where the float64 reference knows all operators, every layer and output
// within bounds on rounding. What differs in structure is reported in any case.
package diff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sort"
	"time"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify"
	"alexctl/verify/judge"
)

// Verdicts of a Diff.
const (
	Identical  = "identical"  // the same nodes, attributes and weights, but perhaps for names
	Equivalent = "equivalent" // other nodes or attributes, and every output agrees within rounding
	Different  = "different"
	Uncompared = "not compared" // nothing differs that could be read, and the values could not be computed
)

// Diff is one model against another.
type Diff struct {
	OK       bool           `json:"ok"`
	Verdict  string         `json:"verdict"`
	Other    verify.Model   `json:"other"`
	First    string         `json:"first_divergence"` // a node of the model, or "preprocessing"
	Findings []Difference   `json:"findings"`
	Remarks  []string       `json:"remarks"` // differences that change nothing
	Outputs  []judge.Output `json:"outputs"` // other model's, within bounds on float32 rounding
	Layers   []Layer        `json:"layers,omitempty"`

	// Unchecked is what the comparison says nothing about.
	Unchecked []string `json:"-"`
	// Bounds is how long the results and their bounds took, in seconds an input.
	Bounds float64 `json:"-"`

	weak   bool   // the outputs say little: some have no bound, or are not numbers
	failed string // why the values could not be compared
}

// Difference is something that the other model has otherwise.
type Difference struct {
	Where string `json:"where"` // a node of the model, "preprocessing", "labels", "inputs" or "outputs"
	Kind  string `json:"kind"`  // preprocessing, signature, structure, attribute, initializer or values
	What  string `json:"what"`

	at int // the node's index
	// form says that it is an attribute that only says which elements meet, as pads and axes do:
	// what it does, random inputs show. A number that the results depend on may hide.
	form bool
}

// Layer is a node and its counterpart.
type Layer struct {
	Node   string       `json:"node"`
	Op     string       `json:"op"`
	Other  string       `json:"other"`
	Margin judge.Number `json:"margin"` // of the counterpart's result for the node's own inputs
	// Compared is false where those inputs are not known in the other model.
	Compared bool `json:"compared"`

	at int // the node's index
}

// Where a Difference lies before the first node, and after the last.
const (
	beforeNodes = -2
	atInputs    = -1
)

func (d *Diff) find(at int, where, kind, format string, args ...any) {
	d.Findings = append(d.Findings, Difference{Where: where, Kind: kind, What: fmt.Sprintf(format, args...), at: at})
}

func (d *Diff) remark(format string, args ...any) {
	d.Remarks = append(d.Remarks, fmt.Sprintf(format, args...))
}

// Options says how two models are compared.
type Options struct {
	Threads int // of the reference; 0 means one a processor
}

// Models compares a model with another: preprocessing, structure, attributes and
// weights, and then layer by layer on the reference, each counterpart on the model's own
// values of the inputs.
func Models(ctx context.Context, m, other *onnx.Model, inputs []runtime.Tensors, o Options) (_ *Diff, err error) {
	defer fault.Default(&err, fault.Invalid)
	d := &Diff{OK: true, Findings: []Difference{}, Remarks: []string{}, Outputs: []judge.Output{}, Unchecked: []string{}}
	if err := d.metadata(m, other); err != nil {
		return nil, err
	}
	d.signature(m.Graph, other.Graph)
	pairs, err := d.structure(m, other)
	if err != nil {
		return nil, err
	}
	if err := d.values(ctx, m, other, inputs, pairs, o); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d.failed = err.Error()
		d.Unchecked = append(d.Unchecked, "the values of the two models: "+d.failed)
	}
	if a, b := m.Opset(), other.Opset(); a != b {
		d.remark("opset %d, in the other model %d", a, b)
	}
	d.conclude()
	return d, nil
}

// conclude orders the findings and gives the verdict.
func (d *Diff) conclude() {
	wrong := false
	for _, out := range d.Outputs {
		wrong = wrong || out.Margin > 1
	}
	// Nodes without a counterpart only matter where the outputs differ, and an attribute of the
	// form where it changes a number: no pads are counted where there are none.
	var kept []Difference
	restructured := false
	for _, f := range d.Findings {
		if f.form && !wrong && !d.weak && d.unchanged(f.at) {
			restructured = true
			d.remark("%s: %s; no number changes on these inputs", f.Where, f.What)
			continue
		}
		if f.Kind == "structure" && !wrong && !d.weak && len(d.Outputs) > 0 {
			restructured = true
			d.remark("%s: %s; no output changes", f.Where, f.What)
			continue
		}
		kept = append(kept, f)
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].at < kept[j].at })
	d.Findings = append([]Difference{}, kept...)
	switch {
	case len(d.Findings) > 0:
		d.OK, d.Verdict, d.First = false, Different, d.Findings[0].Where
	case wrong:
		d.OK, d.Verdict, d.First = false, Different, "outputs"
	case d.failed != "":
		d.OK, d.Verdict = false, Uncompared
	case restructured:
		d.Verdict = Equivalent
	default:
		d.Verdict = Identical
	}
}

// unchanged reports whether a node and its counterpart make the same of the same inputs, to the
// last bit of float64.
func (d *Diff) unchanged(at int) bool {
	return slices.ContainsFunc(d.Layers, func(l Layer) bool { return l.at == at && l.Compared && l.Margin == 0 })
}

// metadata compares how images become inputs, and what the classes mean.
func (d *Diff) metadata(m, other *onnx.Model) error {
	a, errA := card.Read(m)
	b, errB := card.Read(other)
	if err := errors.Join(errA, errB); err != nil {
		d.find(beforeNodes, "preprocessing", "preprocessing", "%v", err)
		return nil //nolint:nilerr // a card that cannot be read is a finding
	}
	switch {
	case (a.Spec == nil) != (b.Spec == nil):
		d.remark("only one of the models says how images are preprocessed")
	case a.Spec != nil:
		if err := d.spec(a.Spec, b.Spec); err != nil {
			return err
		}
	}
	switch {
	case (a.Labels == nil) != (b.Labels == nil):
		d.remark("only one of the models has labels")
	case !slices.Equal(a.Labels, b.Labels):
		d.find(beforeNodes, "labels", "preprocessing", "the labels of the classes differ")
	}
	switch {
	case (a.Output == nil) != (b.Output == nil):
		d.remark("only one of the models says what its output holds")
	case a.Output != nil && (a.Output.Activation != b.Output.Activation || a.Output.Layout != b.Output.Layout):
		d.find(beforeNodes, "output", "preprocessing", "the output is %s of %s images, in the other model %s of %s",
			a.Output.Activation, a.Output.Layout, b.Output.Activation, b.Output.Layout)
	}
	return nil
}

// spec names the fields of two preprocessings that differ.
func (d *Diff) spec(a, b *preprocess.Spec) error {
	x, y := map[string]any{}, map[string]any{}
	err := errors.Join(json.Unmarshal([]byte(a.JSON()), &x), json.Unmarshal([]byte(b.JSON()), &y))
	names := slices.Collect(maps.Keys(x))
	for name := range y {
		if _, ok := x[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !reflect.DeepEqual(x[name], y[name]) {
			d.find(beforeNodes, "preprocessing", "preprocessing", "%s is %v, in the other model %v", name, x[name], y[name])
		}
	}
	return err
}

// inOrder returns the values of the other model in the order of ours, where both have the
// same names; otherwise they are paired by their order.
func inOrder(ours, theirs []*onnx.Value) []*onnx.Value {
	byName := map[string]*onnx.Value{}
	for _, v := range theirs {
		byName[v.Name] = v
	}
	var out []*onnx.Value
	for _, v := range ours {
		if t := byName[v.Name]; t != nil {
			out = append(out, t)
		}
	}
	if len(out) != len(theirs) || len(ours) != len(theirs) {
		return theirs
	}
	return out
}

// signature compares the inputs and outputs.
func (d *Diff) signature(a, b *onnx.Graph) {
	compare := func(what string, at int, x, y []*onnx.Value) {
		ordered := inOrder(x, y)
		if !slices.Equal(ordered, y) {
			d.remark("the %s are in another order in the other model", what)
		}
		y = ordered
		if len(x) != len(y) {
			d.find(at, what, "signature", "there are %d, in the other model %d", len(x), len(y))
			return
		}
		for i := range x {
			if x[i].Name != y[i].Name {
				d.remark("%s %q is called %q in the other model", what[:len(what)-1], x[i].Name, y[i].Name)
			}
			if x[i].Type.IsTensor() && y[i].Type.IsTensor() && conflict(x[i].Type, y[i].Type) {
				d.find(at, what, "signature", "%q is %s, in the other model %s", x[i].Name, x[i].Type, y[i].Type)
			}
		}
	}
	compare("inputs", atInputs, a.DataInputs(), b.DataInputs())
	compare("outputs", math.MaxInt, a.Outputs, b.Outputs)
}

func conflict(a, b *onnx.Type) bool {
	if a.Elem != b.Elem || a.Shape == nil || b.Shape == nil {
		return a.Elem != b.Elem
	}
	if len(*a.Shape) != len(*b.Shape) {
		return true
	}
	for i, d := range *a.Shape {
		if d.Conflicts((*b.Shape)[i]) {
			return true
		}
	}
	return false
}

// values runs both models, and each counterpart on the model's own values.
func (d *Diff) values(ctx context.Context, m, other *onnx.Model, inputs []runtime.Tensors, pairs []pair, o Options) error {
	engine := reference.Engine{Threads: o.Threads}
	ours, err := engine.Analyze(ctx, m)
	if err != nil {
		return err
	}
	theirs, err := engine.Analyze(ctx, other)
	if err != nil {
		return err
	}
	start := time.Now()
	counterpart := d.layersOf(ours, theirs, pairs)
	for i, in := range inputs {
		expected, err := ours.Values(ctx, in, direct, func(reference.Value) bool { return true })
		if err != nil {
			return err
		}
		fed := runtime.Tensors{}
		names := m.Graph.DataInputs()
		others := inOrder(names, other.Graph.DataInputs())
		for k := range min(len(names), len(others)) {
			fed[others[k].Name] = in[names[k].Name]
		}
		outputs := map[string]bool{}
		for _, v := range other.Graph.Outputs {
			outputs[v.Name] = true
		}
		results, err := theirs.Values(ctx, fed, direct, func(v reference.Value) bool { return outputs[v.Name] })
		if err != nil {
			return err
		}
		d.outputs(m.Graph, other.Graph, expected, results, i)
		if err := counterpart(ctx, in, expected); err != nil {
			return err
		}
	}
	d.Bounds = time.Since(start).Seconds() / float64(max(1, len(inputs)))
	for i, l := range d.Layers {
		if l.Margin > 1 {
			at := pairs[i].a
			said := slices.ContainsFunc(d.Findings, func(f Difference) bool { return f.at == at })
			if !said {
				d.find(at, l.Node, "values", "its result for the same inputs differs by %.3g of what rounding explains", float64(l.Margin))
			}
		}
	}
	return nil
}

// direct is the arithmetic in which the two models are compared: float32, as it is.
var direct = reference.RoundingOf(runtime.Arithmetic{})

// values of a model by name.
type values = map[string]reference.Value

// layersOf returns a function that judges each counterpart by the model's values.
func (d *Diff) layersOf(mine, theirs *reference.Analysis, pairs []pair) func(context.Context, runtime.Tensors, values) error {
	name := map[string]string{} // the model's name of the other's value
	ours := mine.Graph().DataInputs()
	others := inOrder(ours, theirs.Graph().DataInputs())
	for k := range min(len(ours), len(others)) {
		name[others[k].Name] = ours[k].Name
	}
	for _, p := range pairs {
		a, b := mine.Nodes()[p.a], theirs.Nodes()[p.b]
		for k := range min(len(a.Outputs), len(b.Outputs)) {
			name[b.Outputs[k]] = a.Outputs[k]
		}
		d.Layers = append(d.Layers, Layer{Node: a.Label(), Op: a.OpType, Other: b.Label(), at: p.a})
	}
	initial := map[string]bool{}
	for _, t := range theirs.Graph().Initializers {
		initial[t.Name] = true
	}
	for _, n := range theirs.Nodes() { // what an Identity or Dropout hands on
		if op.Passes(n.Node) && name[n.Outputs[0]] == "" {
			name[n.Outputs[0]] = name[n.Inputs[0]]
		}
	}
	return func(ctx context.Context, in runtime.Tensors, values values) error {
		get := func(ours string) *runtime.Tensor {
			if t := in[ours]; t != nil {
				return t
			}
			v, ok := values[ours]
			if !ok {
				return nil
			}
			if v.F != nil {
				return &runtime.Tensor{Type: onnx.Double, Shape: v.Shape, Data: v.F}
			}
			t, err := v.Tensor()
			if err != nil {
				return nil
			}
			return t
		}
		for i, p := range pairs {
			a, b := mine.Nodes()[p.a], theirs.Nodes()[p.b]
			known := true
			for _, n := range b.Inputs {
				known = known && (n == "" || initial[n] || name[n] != "" && get(name[n]) != nil)
			}
			if !known || mine.Constant(p.a) || theirs.Constant(p.b) || len(a.Outputs) == 0 {
				continue
			}
			own, err := mine.Local(ctx, p.a, get, direct)
			if err != nil {
				return err
			}
			yours, err := theirs.Local(ctx, p.b, func(n string) *runtime.Tensor {
				if initial[n] {
					return nil
				}
				return get(name[n])
			}, direct)
			margin := math.Inf(1)
			if err == nil && len(own) > 0 && len(yours) > 0 {
				margin = marginBetween(yours[0], own[0])
			} else if ctx.Err() != nil {
				return err
			}
			d.Layers[i].Margin, d.Layers[i].Compared = max(d.Layers[i].Margin, judge.Number(margin)), true
		}
		return nil
	}
}

// marginBetween judges one float64 result by another, within the bound on what float32
// would make of it; results that move elements may differ in the last bit of float64 only.
func marginBetween(got, want reference.Value) float64 {
	t, err := reference.Value{Type: onnx.Double, Shape: got.Shape, F: got.F, I: got.I}.Tensor()
	if got.F == nil {
		t, err = got.Tensor()
	}
	if err != nil {
		return math.Inf(1)
	}
	j, err := judge.Compare(t, want, judge.Within(want), false)
	if err != nil {
		return math.Inf(1)
	}
	return j.Margin
}

// outputs judges the other model's outputs.
func (d *Diff) outputs(a, b *onnx.Graph, want, got values, input int) {
	theirs := inOrder(a.Outputs, b.Outputs)
	for k := range min(len(a.Outputs), len(theirs)) {
		w, okW := want[a.Outputs[k].Name]
		g, okG := got[theirs[k].Name]
		if !okW || !okG {
			continue
		}
		out := judge.Output{Name: w.Name, Index: []int{}, Input: input}
		t := &runtime.Tensor{Type: onnx.Double, Shape: g.Shape, Data: g.F}
		var err error
		if g.F == nil {
			t, err = g.Tensor()
		}
		var j judge.Judged
		if err == nil {
			j, err = judge.Compare(t, w, judge.Within(w), false)
		}
		d.weak = d.weak || j.Open > 0 || judge.AllNaN(w) || judge.Sensitivity(w) > judge.IllConditioned
		if err != nil {
			e := judge.Apart(input)
			out.MaxAbs, out.Scaled, out.RMS, out.Margin = e.Error, e.Error, e.Error, e.Margin
		} else {
			out.MaxAbs, out.Scaled, out.RMS = judge.Number(j.MaxAbs), judge.Number(j.Scaled()), judge.Number(j.RMS())
			out.Bound, out.Margin, out.Index = judge.Number(j.Bound), judge.Number(j.Margin), judge.IndexOf(j.Worst, w.Shape)
			out.Got, out.Want = judge.Number(j.Got), judge.Number(j.Want)
		}
		i := slices.IndexFunc(d.Outputs, func(o judge.Output) bool { return o.Name == out.Name })
		switch {
		case i < 0:
			d.Outputs = append(d.Outputs, out)
		case out.Margin > d.Outputs[i].Margin:
			d.Outputs[i] = out
		}
	}
}

// bind returns a model's nodes as applications of their operators; a node that is not
// understood stays nil.
func bind(m *onnx.Model) []*op.Node {
	out := make([]*op.Node, len(m.Graph.Nodes))
	for i, n := range m.Graph.Nodes {
		if b, err := op.Bind(n, m.Opset()); err == nil {
			out[i] = b
		}
	}
	return out
}
