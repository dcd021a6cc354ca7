// Package verify compares engines with the float64 reference, on one model and inputs:
// every output, and every layer on its own, within bounds on what rounding explains. A
// mismatch is a report that is not OK; an error means that the comparison could not be
// made.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"alexctl/fault"
	"alexctl/internal/scratch"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// Options says what is compared, and how.
type Options struct {
	// Threads is how many goroutines the reference uses; 0 means one a processor.
	Threads int
	// Layers keeps a row for every layer in the report, and judges each value by the
	// reference's too.
	Layers bool
	// Decisions compares the classes that the first output decides for: for real images.
	Decisions bool
	// Images is how many of each input's images are real, the others filling its batch; nil
	// where all are.
	Images []int
	// Tolerances replace the derived bounds of outputs; layers are then no findings.
	Tolerances []Tolerance
	// Conditioned wants outputs that rounding alone cannot change beyond recognition: one
	// that it can is a finding, and not only a remark.
	Conditioned bool
	// AllowNonfinite lets outputs be NaN or infinite in the reference; otherwise that is a
	// finding.
	AllowNonfinite bool
	// Pictures keeps the margins of the worst tensor.
	Pictures bool
	// Recorded are outputs that came with the inputs, by input; nil where there are none.
	// They are judged like an engine's.
	Recorded []runtime.Tensors
	// Outputs, where not nil, is given what each engine made of each input.
	Outputs func(engine string, input int, out runtime.Tensors) error
	// Without is what the caller knows that is not compared; the report says it.
	Without []string
	// Progress, where not nil, is called with what begins.
	Progress func(string)
	// Advance, where not nil, is told of each value that the reference has computed with its bound,
	// of how many: for every engine that rounds in its own way.
	Advance func(done, of int)
	// Memory bounds the bytes of intermediate results that are held; 0 is 1 GiB.
	Memory int64
	// Reference bounds the bytes of the reference's values; 0 is reference.DefaultMemory.
	Reference int64
	// Released, where not nil, is called when a session that held the weights is closed: a
	// program may give the memory back before the next loads them again.
	Released func()
}

// comparison is a model with what its values should be.
type comparison struct {
	Options
	model    *onnx.Model
	index    *onnx.Index
	inputs   []runtime.Tensors
	analysis *reference.Analysis
	types    map[string]*op.Info // of the model's values, whatever the inputs are
	shapes   map[string]*op.Info // for the first input
	expected map[runtime.Arithmetic][]expectation
	report   *Report
	work     *scratch.Folder // of models that are made on the way
	batch    int
	partial  bool // outputs that are not there are not compared
	shown    [][]string
	broken   string // the first value that is not finite
}

// expectation is what the values of a model should be on one input: its outputs and, with
// Layers, all others.
type expectation = map[string]reference.Value

// Compare runs the model on the reference and then on each engine, one at a time so that
// only one holds the weights, over all inputs. A model or inputs that cannot be compared on are
// fault.Invalid, operators without a definition fault.Unsupported.
func Compare(ctx context.Context, m *onnx.Model, engines []runtime.Engine, inputs []runtime.Tensors, o Options) (_ *Report, err error) {
	defer fault.Default(&err, fault.Invalid)
	c, err := newComparison(ctx, m, inputs, o)
	if err != nil {
		return nil, err
	}
	defer c.discard()
	if err := c.recorded(ctx); err != nil {
		return nil, err
	}
	for _, e := range engines {
		r, err := c.engine(ctx, e)
		if err != nil {
			return nil, err
		}
		c.report.OK = c.report.OK && r.Status == Pass
		c.report.Results = append(c.report.Results, r)
	}
	c.summarize()
	return c.report, c.nonfiniteOutputs()
}

// newComparison prepares the reference and times it. Its caller removes the work folder.
func newComparison(ctx context.Context, m *onnx.Model, inputs []runtime.Tensors, o Options) (*comparison, error) {
	if len(inputs) == 0 {
		return nil, errors.New("no inputs to compare on")
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Released == nil {
		o.Released = func() {}
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	e := reference.Engine{Threads: o.Threads, Memory: o.Reference}
	c := &comparison{Options: o, model: m, index: onnx.NewIndex(m.Graph), inputs: inputs, expected: map[runtime.Arithmetic][]expectation{},
		report: &Report{OK: true, Reference: e.Name(), Unchecked: append([]string{}, o.Without...), Bound: BoundNote{Kind: "derived", Deviations: op.Deviations}}}
	if len(o.Tolerances) > 0 {
		c.report.Bound.Kind = "tolerance"
	}
	c.batch = 1 // the largest
	for _, in := range inputs {
		for name, t := range in {
			if c.index.Initializer(name) != nil {
				return nil, fmt.Errorf("input %q has a default in the model, and the comparison uses it: leave this input out", name)
			}
			if len(t.Shape) > 0 {
				c.batch = max(c.batch, t.Shape[0])
			}
		}
	}
	c.Progress(e.Name())
	var err error
	if c.analysis, err = e.Analyze(ctx, m); err == nil { // the model is checked here, once
		start := time.Now()
		_, err = c.analysis.Run(ctx, inputs[0])
		c.report.Timing.Reference = time.Since(start).Seconds()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name(), err)
	}
	c.types, c.shapes = op.Infer(m, nil).Values, op.Infer(m, inputs[0].Shapes()).Values
	if c.work, err = scratch.New(); err != nil {
		return nil, fault.As(fault.Environment, err)
	}
	return c, nil
}

// discard removes the models made on the way. What cannot be removed is left to the system,
// in its folder of temporary files.
func (c *comparison) discard() { _ = c.work.Remove() }

func engineName(e runtime.Engine) string {
	name, _, _ := strings.Cut(e.Name(), ":")
	return name
}

// arithmeticOf returns how an engine computes batches like the inputs.
func (c *comparison) arithmeticOf(e runtime.Engine) runtime.Arithmetic {
	if a, ok := e.(runtime.Approximate); ok {
		return a.Arithmetic(c.batch)
	}
	return runtime.Arithmetic{}
}

// maxHeld bounds what the reference keeps of the layers for the cumulative errors.
const maxHeld = 2 << 30

// values is how many values the nodes of the model make.
func (c *comparison) values() int {
	n := 0
	for _, node := range c.model.Graph.Nodes {
		for _, name := range node.Outputs {
			if name != "" {
				n++
			}
		}
	}
	return n
}

// expect returns what the values should be, computed once for each arithmetic.
func (c *comparison) expect(ctx context.Context, a runtime.Arithmetic) ([]expectation, error) {
	if e, ok := c.expected[a]; ok {
		return e, nil
	}
	start, held, done := time.Now(), 0, 0
	of := len(c.inputs) * c.values()
	var all []expectation
	for _, in := range c.inputs {
		e, err := c.analysis.Values(ctx, in, reference.RoundingOf(a), func(v reference.Value) bool {
			c.watch(v)
			if done++; c.Advance != nil {
				c.Advance(min(done, of), of)
			}
			if c.index.Output(v.Name) != nil || c.Layers && held < maxHeld {
				held += 16 * len(v.F)
				return true
			}
			return false
		})
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if held >= maxHeld {
		c.unchecked("the cumulative errors of some layers: holding them all would take too much memory; try a smaller batch or fewer inputs")
	}
	c.report.Timing.Bounds += time.Since(start).Seconds() / float64(len(c.inputs))
	c.expected[a] = all
	return all, nil
}

// unchecked notes once what the report says nothing about.
func (c *comparison) unchecked(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(c.report.Unchecked, s) {
		c.report.Unchecked = append(c.report.Unchecked, s)
	}
}

// engine compares one engine. An error ends the comparison; an engine that cannot be used
// is skipped.
func (c *comparison) engine(ctx context.Context, e runtime.Engine) (Result, error) {
	c.Progress(e.Name())
	r := describe(e)
	expected, err := c.expect(ctx, c.arithmeticOf(e))
	if err != nil {
		return r, err
	}
	if c.arithmeticOf(e).Searched {
		c.unchecked("sharp bounds for the convolutions of %s: which algorithm is chosen is not known, so their bounds are %d times as wide", r.Name(), reference.Searched)
	}
	var got []runtime.Tensors
	if err = e.Check(ctx); err == nil {
		got, err = c.run(ctx, e, &r)
	}
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case fault.Lacks(err): // what this machine lacks is no property of the engine
		return r, err
	case err != nil: // it cannot be used, or not with this model: nothing was compared
		r.Status, r.Reason, r.Help = Skipped, err.Error(), fault.Hints(err)
		return r, nil //nolint:nilerr // the result says it
	}
	if r.Status == "" {
		r.Status = Pass
	}
	for i, out := range got {
		if c.Outputs != nil {
			if err := c.Outputs(r.Name(), i, out); err != nil {
				return r, err
			}
		}
	}
	if err := c.layers(ctx, e, &r, got); err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if fault.Lacks(err) { // it was asked for and could not be done
			return r, fmt.Errorf("the layers of %s: %w", r.Name(), err)
		}
		c.unchecked("the layers of %s: %v", r.Name(), err)
	}
	c.outputs(&r, got, expected)
	if r.Status == Fail && r.First == nil && len(r.Kinds) > 0 && len(c.Tolerances) == 0 && len(c.analysis.Nodes()) <= maxTogether {
		if err := c.together(ctx, e, &r); err != nil && ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
	if c.Decisions {
		c.decide(&r, got, expected)
	}
	return r, nil
}

// maxTogether bounds the search for nodes that are wrong together: each step loads a model.
const maxTogether = 200

// run runs the model on each input, as it is, and looks at where it ran.
func (c *comparison) run(ctx context.Context, e runtime.Engine, r *Result) (outputs []runtime.Tensors, err error) {
	start := time.Now()
	s, err := e.Prepare(ctx, c.model)
	if err != nil {
		return nil, err
	}
	r.Load = time.Since(start).Seconds()
	defer func() {
		err = errors.Join(err, s.Close())
		if err == nil {
			c.placement(s, r)
		}
		c.Released()
	}()
	start = time.Now()
	for _, in := range c.inputs {
		out, err := s.Run(ctx, in)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, out)
	}
	r.Run = time.Since(start).Seconds() / float64(len(c.inputs))
	return outputs, nil
}

// placement holds the engine to the provider that was asked for, by its own record.
func (c *comparison) placement(s runtime.Session, r *Result) {
	p, ok := s.(runtime.Placer)
	if !ok {
		return
	}
	placed, err := p.Placement()
	if err != nil {
		if r.Provider != "cpu" && r.Provider != "" {
			r.fail("where its nodes ran cannot be proved: %v", err)
		}
		c.unchecked("where the nodes of %s ran: %v", r.Name(), err)
		return
	}
	r.Placement = map[string]int{}
	for _, n := range placed.Nodes {
		r.Placement[n.Provider]++
	}
	if away := placed.Elsewhere(); len(away) > 0 {
		var names []string
		for _, n := range away[:min(len(away), 4)] {
			names = append(names, fmt.Sprintf("%s (%s)", n.Node, n.Op))
		}
		if more := len(away) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		r.fail("%d of %d nodes ran on %s, not on %s as asked for: %s", len(away), len(placed.Nodes), away[0].Provider, placed.Wanted, strings.Join(names, ", "))
	}
}

// summarize says what the whole comparison leaves open.
func (c *comparison) summarize() {
	if !c.Decisions {
		c.unchecked("decisions on real images: these inputs are not images")
	}
	for _, n := range c.analysis.Nodes() {
		if n.Spec.Random {
			c.unchecked("Dropout in training: at inference it is the identity, and that is what was compared")
			break
		}
	}
	for _, v := range c.model.Graph.DataInputs() {
		if v.Type.IsTensor() && v.Type.Shape != nil {
			for _, d := range *v.Type.Shape {
				if !d.IsKnown() {
					c.unchecked("other sizes of dimension %s of input %q than %v", d, v.Name, c.inputs[0][v.Name].Shape)
				}
			}
		}
	}
}
