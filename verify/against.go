package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"time"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// Verdicts of a Diff.
const (
	Identical  = "identical"  // the same nodes, attributes and weights, but perhaps for names
	Equivalent = "equivalent" // other nodes, and every output agrees within rounding
	Different  = "different"
	Uncompared = "not compared" // nothing differs that could be read, and the values could not be computed
)

// Diff is one model against another.
type Diff struct {
	OK       bool         `json:"ok"`
	Verdict  string       `json:"verdict"`
	Other    Model        `json:"other"`
	First    string       `json:"first_divergence"` // a node of the model, or "preprocessing"
	Findings []Difference `json:"findings"`
	Remarks  []string     `json:"remarks"` // differences that change nothing
	Outputs  []Output     `json:"outputs"` // other model's, within bounds on float32 rounding
	Layers   []DiffLayer  `json:"layers,omitempty"`

	weak   bool   // the outputs say little: some have no bound, or are not numbers
	failed string // why the values could not be compared
}

// Difference is something that the other model has otherwise.
type Difference struct {
	Where string `json:"where"` // a node of the model, "preprocessing", "labels", "inputs" or "outputs"
	Kind  string `json:"kind"`  // preprocessing, signature, structure, attribute, initializer or values
	What  string `json:"what"`

	at int // the node's index
}

// DiffLayer is a node and its counterpart.
type DiffLayer struct {
	Node   string `json:"node"`
	Op     string `json:"op"`
	Other  string `json:"other"`
	Margin Number `json:"margin"` // of the counterpart's result for the node's own inputs
	// Compared is false where those inputs are not known in the other model.
	Compared bool `json:"compared"`
}

// Where a Difference lies before the first node, and after the last.
const (
	beforeNodes = -2
	atInputs    = -1
)

func (d *Diff) find(at int, where, kind, format string, args ...any) {
	d.Findings = append(d.Findings, Difference{where, kind, fmt.Sprintf(format, args...), at})
}

func (d *Diff) remark(format string, args ...any) {
	d.Remarks = append(d.Remarks, fmt.Sprintf(format, args...))
}

// Against compares the model with another: preprocessing, structure, attributes and
// weights, and then layer by layer on the reference, each counterpart on the model's own
// values.
func Against(ctx context.Context, m, other *onnx.Model, inputs []runtime.Tensors, o Options) (*Report, error) {
	c, err := newComparison(ctx, m, inputs, o)
	if err != nil {
		return nil, err
	}
	defer c.discard()
	d := &Diff{OK: true, Findings: []Difference{}, Remarks: []string{}, Outputs: []Output{}}
	d.metadata(m, other)
	d.signature(m.Graph, other.Graph)
	pairs, err := d.structure(m, other)
	if err != nil {
		return nil, err
	}
	if err := d.values(ctx, c, other, pairs); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d.failed = err.Error()
		c.unchecked("the values of the two models: %v", err)
	}
	if o.Decisions {
		c.unchecked("decisions: --against compares values")
	}
	if a, b := m.Opset(), other.Opset(); a != b {
		d.remark("opset %d, in the other model %d", a, b)
	}
	d.conclude()
	c.report.Against, c.report.OK = d, d.OK
	c.report.Results = []Result{}
	c.summarize()
	return c.report, nil
}

// conclude orders the findings and gives the verdict.
func (d *Diff) conclude() {
	wrong := false
	for _, out := range d.Outputs {
		wrong = wrong || out.Margin > 1
	}
	// Nodes without a counterpart only matter where the outputs differ.
	var kept []Difference
	restructured := false
	for _, f := range d.Findings {
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

// Metadata keys that say what an input means.
const (
	specKey   = "alexctl.preprocess"
	labelsKey = "alexctl.labels"
)

// metadata compares how images become inputs, and what the classes mean.
func (d *Diff) metadata(m, other *onnx.Model) {
	a, hasA := m.Property(specKey)
	b, hasB := other.Property(specKey)
	switch {
	case hasA != hasB:
		d.remark("only one of the models says how images are preprocessed")
	case a != b:
		d.spec(a, b)
	}
	a, hasA = m.Property(labelsKey)
	b, hasB = other.Property(labelsKey)
	switch {
	case hasA != hasB:
		d.remark("only one of the models has labels")
	case a != b:
		d.find(beforeNodes, "labels", "preprocessing", "the labels of the classes differ")
	}
}

// spec names the fields of two preprocessings that differ.
func (d *Diff) spec(a, b string) {
	fields := func(text string) (map[string]any, error) {
		s, err := preprocess.ParseSpec(text)
		if err != nil {
			return nil, err
		}
		full, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		m := map[string]any{}
		return m, json.Unmarshal(full, &m)
	}
	x, errX := fields(a)
	y, errY := fields(b)
	if err := errors.Join(errX, errY); err != nil {
		d.find(beforeNodes, "preprocessing", "preprocessing", "%v", err)
		return
	}
	var names []string
	for name := range x {
		names = append(names, name)
	}
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

// values runs the other model too, and each counterpart on the model's own values.
func (d *Diff) values(ctx context.Context, c *comparison, other *onnx.Model, pairs []pair) error {
	theirs, err := reference.Engine{Threads: c.Threads}.Analyze(ctx, other)
	if err != nil {
		return err
	}
	c.Layers = true // every value is needed
	expected, err := c.expect(ctx, runtime.Arithmetic{})
	if err != nil {
		return err
	}
	start := time.Now()
	counterpart := d.layersOf(c, theirs, pairs)
	for i, in := range c.inputs {
		fed := runtime.Tensors{}
		ours := c.model.Graph.DataInputs()
		others := inOrder(ours, other.Graph.DataInputs())
		for k := range min(len(ours), len(others)) {
			fed[others[k].Name] = in[ours[k].Name]
		}
		results := expectation{}
		err := theirs.Propagate(ctx, fed, rounding(runtime.Arithmetic{}), func(_ int, values []reference.Value) error {
			for _, v := range values {
				for _, out := range other.Graph.Outputs {
					if out.Name == v.Name {
						results[v.Name] = v
					}
				}
			}
			return nil
		})
		if err == nil {
			err = passedThrough(other.Graph, fed, results)
		}
		if err != nil {
			return err
		}
		d.outputs(c.model.Graph, other.Graph, expected[i], results, i)
		if err := counterpart(ctx, in, expected[i]); err != nil {
			return err
		}
	}
	c.report.Timing.Bounds += time.Since(start).Seconds() / float64(len(c.inputs))
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

// layersOf returns a function that judges each counterpart by the model's values.
func (d *Diff) layersOf(c *comparison, theirs *reference.Analysis, pairs []pair) func(context.Context, runtime.Tensors, expectation) error {
	name := map[string]string{} // the model's name of the other's value
	ours := c.model.Graph.DataInputs()
	others := inOrder(ours, theirs.Graph().DataInputs())
	for k := range min(len(ours), len(others)) {
		name[others[k].Name] = ours[k].Name
	}
	for _, p := range pairs {
		a, b := c.analysis.Nodes()[p.a], theirs.Nodes()[p.b]
		for k := range min(len(a.Outputs), len(b.Outputs)) {
			name[b.Outputs[k]] = a.Outputs[k]
		}
		d.Layers = append(d.Layers, DiffLayer{Node: a.Label(), Op: a.OpType, Other: b.Label()})
	}
	initial := map[string]bool{}
	for _, t := range theirs.Graph().Initializers {
		initial[t.Name] = true
	}
	for _, n := range theirs.Nodes() { // what an Identity or Dropout hands on
		if passes(n.Node) && name[n.Outputs[0]] == "" {
			name[n.Outputs[0]] = name[n.Inputs[0]]
		}
	}
	return func(ctx context.Context, in runtime.Tensors, values expectation) error {
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
			t, err := tensorOf(v)
			if err != nil {
				return nil
			}
			return t
		}
		for i, p := range pairs {
			a, b := c.analysis.Nodes()[p.a], theirs.Nodes()[p.b]
			known := true
			for _, n := range b.Inputs {
				known = known && (n == "" || initial[n] || name[n] != "" && get(name[n]) != nil)
			}
			if !known || c.analysis.Constant(p.a) || theirs.Constant(p.b) || len(a.Outputs) == 0 {
				continue
			}
			mine, err := c.analysis.Local(ctx, p.a, get, rounding(runtime.Arithmetic{}))
			if err != nil {
				return err
			}
			yours, err := theirs.Local(ctx, p.b, func(n string) *runtime.Tensor {
				if initial[n] {
					return nil
				}
				return get(name[n])
			}, rounding(runtime.Arithmetic{}))
			margin := math.Inf(1)
			if err == nil && len(mine) > 0 && len(yours) > 0 {
				margin = marginBetween(yours[0], mine[0])
			} else if ctx.Err() != nil {
				return err
			}
			d.Layers[i].Margin, d.Layers[i].Compared = max(d.Layers[i].Margin, Number(margin)), true
		}
		return nil
	}
}

// marginBetween judges one float64 result by another, within the bound on what float32
// would make of it; results that move elements may differ in the last bit of float64 only.
func marginBetween(got, want reference.Value) float64 {
	t, err := tensorOf(reference.Value{Type: onnx.Double, Shape: got.Shape, F: got.F, I: got.I})
	if got.F == nil {
		t, err = tensorOf(got)
	}
	if err != nil {
		return math.Inf(1)
	}
	j, err := judge(t, want, within(want), false)
	if err != nil {
		return math.Inf(1)
	}
	return j.margin
}

// outputs judges the other model's outputs.
func (d *Diff) outputs(a, b *onnx.Graph, want, got expectation, input int) {
	theirs := inOrder(a.Outputs, b.Outputs)
	for k := range min(len(a.Outputs), len(theirs)) {
		w, okW := want[a.Outputs[k].Name]
		g, okG := got[theirs[k].Name]
		if !okW || !okG {
			continue
		}
		out := Output{Name: w.Name, Index: []int{}, Input: input}
		t := &runtime.Tensor{Type: onnx.Double, Shape: g.Shape, Data: g.F}
		var err error
		if g.F == nil {
			t, err = tensorOf(g)
		}
		var j judged
		if err == nil {
			j, err = judge(t, w, within(w), false)
		}
		d.weak = d.weak || j.open > 0 || allNaN(w) || sensitivity(w) > illConditioned
		if err != nil {
			e := apart(input)
			out.MaxAbs, out.Scaled, out.RMS, out.Margin = e.Error, e.Error, e.Error, e.Margin
		} else {
			out.MaxAbs, out.Scaled = Number(j.maxAbs), Number(j.scaled())
			out.RMS = Number(math.Sqrt(j.squares / float64(max(1, j.length))))
			out.Bound, out.Margin, out.Index = Number(j.bound), Number(j.margin), indexOf(j.worst, w.Shape)
			out.Got, out.Want = Number(j.got), Number(j.want)
		}
		i := slices.IndexFunc(d.Outputs, func(o Output) bool { return o.Name == out.Name })
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
