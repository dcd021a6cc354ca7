package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify/judge"
)

// layers judges every node by the inputs that the engine gave it: the model is run again
// with its intermediate results as outputs. Where that changes the outputs' bits, the
// engine computes something else then, and each node is run alone.
func (c *comparison) layers(ctx context.Context, e runtime.Engine, r *Result, plain []runtime.Tensors) error {
	a := c.arithmeticOf(e)
	rows, same, err := c.observed(ctx, e, a, plain)
	if err != nil && (ctx.Err() != nil || fault.Lacks(err)) {
		return err
	}
	if err != nil || !same {
		why := "showing its intermediate results changes its outputs"
		if err != nil {
			why = fmt.Sprintf("it does not show its intermediate results (%v)", err)
		}
		c.unchecked("the layers of %s as they run within the model: %s, so each node was run alone, on the reference's values", r.Name(), why)
		if rows, err = c.isolated(ctx, e, a); err != nil {
			return err
		}
		r.Isolated = true
	}
	c.conclude(r, rows)
	return nil
}

// row is a layer under judgement.
type row struct {
	layer   Layer
	exact   bool
	margins []float64
	seen    bool
	open    int // elements without a finite bound
}

// rows are the layers by node and output, in the graph's order.
type rows struct {
	list  []*row
	index map[string]int
}

func (c *comparison) newRows() *rows {
	r := &rows{index: map[string]int{}}
	for i, n := range c.analysis.Nodes() {
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			r.index[name] = len(r.list)
			r.list = append(r.list, &row{layer: Layer{Node: n.Label(), Op: n.OpType, Output: name, node: i}, exact: true})
		}
	}
	return r
}

// elementOf judges a tensor and returns its worst element, which has no place where the
// tensor cannot be compared.
func elementOf(got *runtime.Tensor, want reference.Value, input int, pictures bool) (Element, judge.Judged, error) {
	j, err := judge.Compare(got, want, judge.Within(want), pictures)
	if err != nil {
		return judge.Apart(input), j, err
	}
	return j.Element(want.Shape, input), j, nil
}

// judge judges one output of a node and keeps the worst element.
func (r *rows) judge(got *runtime.Tensor, want reference.Value, input int, pictures bool) {
	x := r.list[r.index[want.Name]]
	x.exact = want.Bound == nil
	element, j, err := elementOf(got, want, input, pictures)
	x.open = max(x.open, j.Open)
	if !x.seen || element.Margin > x.layer.Local.Margin {
		x.layer.Local, x.layer.Shape, x.margins = element, want.Shape, j.Margins
		if err != nil {
			x.layer.Problem = err.Error()
		}
	}
	x.seen = true
}

// accumulate judges a value by the reference's own.
func (r *rows) accumulate(got *runtime.Tensor, want reference.Value, input int) {
	x := r.list[r.index[want.Name]]
	element, _, _ := elementOf(got, want, input, false)
	if x.layer.Cumulative == nil || element.Margin > x.layer.Cumulative.Margin {
		x.layer.Cumulative = &element
	}
}

// exposedValues is exposed, computed once.
func (c *comparison) exposedValues() [][]string {
	if c.shown == nil {
		c.shown = c.exposed()
	}
	return c.shown
}

// exposed returns the values to show of each node: all that are read or are the node's
// main result, but for those that follow from the model alone and are exact.
func (c *comparison) exposed() [][]string {
	out := make([][]string, len(c.analysis.Nodes()))
	for i, n := range c.analysis.Nodes() {
		if c.analysis.Constant(i) {
			continue
		}
		for k, name := range n.Outputs {
			if name != "" && (k == 0 || c.index.Used(name)) {
				out[i] = append(out[i], name)
			}
		}
	}
	return out
}

// segment is a run of nodes whose values are shown at once.
type segment struct {
	lo, hi int
	show   []string // what they make and what they read
}

// segments cuts the nodes so that what is shown at once fits the memory.
func (c *comparison) segments() []segment {
	sizes := map[string]int64{}
	for name, info := range c.shapes {
		n := int64(1)
		if shape, ok := info.Fixed(); ok {
			for _, d := range shape {
				n *= int64(d)
			}
		}
		sizes[name] = 4 * n
	}
	exposed := c.exposedValues()
	shown := map[string]bool{}
	for _, names := range exposed {
		for _, name := range names {
			shown[name] = true
		}
	}
	var list []segment
	in, total := map[string]bool{}, int64(0)
	current := segment{}
	for i, n := range c.analysis.Nodes() {
		var more []string
		for _, name := range append(append([]string{}, n.Inputs...), exposed[i]...) {
			if shown[name] && !in[name] {
				more = append(more, name)
				total += sizes[name]
			}
		}
		if total > c.Memory && i > current.lo {
			current.hi = i
			list = append(list, current)
			current, in, total, more = segment{lo: i}, map[string]bool{}, 0, nil
			for _, name := range append(append([]string{}, n.Inputs...), exposed[i]...) {
				if shown[name] && !in[name] {
					more = append(more, name)
					total += sizes[name]
				}
			}
		}
		for _, name := range more {
			if !in[name] {
				in[name] = true
				current.show = append(current.show, name)
			}
		}
	}
	current.hi = len(c.analysis.Nodes())
	return append(list, current)
}

// observed runs the model with its intermediate results as outputs. same says whether its
// own outputs kept their bits.
func (c *comparison) observed(ctx context.Context, e runtime.Engine, a runtime.Arithmetic, plain []runtime.Tensors) (result *rows, same bool, err error) {
	result, same = c.newRows(), true
	for _, part := range c.segments() {
		err := c.with(ctx, e, part.show, func(i int, out runtime.Tensors) error {
			for _, v := range c.model.Graph.Outputs {
				same = same && sameBits(out[v.Name], plain[i][v.Name])
			}
			return c.judgeSegment(ctx, a, result, part, i, out)
		})
		if err != nil || !same {
			return nil, same, err
		}
	}
	return result, true, nil
}

// judgeSegment judges the nodes of a segment on input i, from what the engine showed.
func (c *comparison) judgeSegment(ctx context.Context, a runtime.Arithmetic, result *rows, part segment, i int, out runtime.Tensors) error {
	start := time.Now()
	defer func() { c.report.Timing.Bounds += time.Since(start).Seconds() / float64(len(c.inputs)) }()
	get := func(name string) *runtime.Tensor {
		if t := c.inputs[i][name]; t != nil {
			return t
		}
		return out[name]
	}
	exposed := c.exposedValues()
	for node := part.lo; node < part.hi; node++ {
		if len(exposed[node]) == 0 {
			continue
		}
		want, err := c.analysis.Local(ctx, node, get, reference.RoundingOf(a))
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			// The engine's own values do not fit the node: it computes something else.
			want = []reference.Value{{Name: exposed[node][0], F: []float64{}, Shape: []int{0}}}
		}
		for _, v := range want {
			if out[v.Name] == nil {
				continue
			}
			result.judge(out[v.Name], v, i, c.Pictures)
			if err != nil {
				result.list[result.index[v.Name]].layer.Problem = err.Error()
			}
		}
		c.sensitive(node, get, want)
	}
	for node := part.lo; node < part.hi && c.Layers; node++ {
		for _, name := range exposed[node] { // those of the reference's own that were kept
			if want, ok := c.expected[a][i][name]; ok && out[name] != nil {
				result.accumulate(out[name], want, i)
			}
		}
	}
	return nil
}

// with runs the model with the named values as outputs too, on each input.
func (c *comparison) with(ctx context.Context, e runtime.Engine, names []string, f func(i int, out runtime.Tensors) error) (err error) {
	shown, _, err := pass.Expose{Values: names, Types: c.types}.Apply(c.model)
	if err != nil {
		return err
	}
	m, err := c.written(ctx, shown, "layers.onnx")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s, err := e.Prepare(ctx, m)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.Close())
		c.Released()
	}()
	for i, in := range c.inputs {
		out, err := s.Run(ctx, in)
		if err == nil {
			err = f(i, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// written writes a model once to the work folder, where every engine can read it.
func (c *comparison) written(ctx context.Context, m *onnx.Model, name string) (*onnx.Model, error) {
	path := filepath.Join(c.work.Path, name)
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	if _, err := m.WriteFile(ctx, path, onnx.WriteOptions{}); err != nil {
		return nil, err
	}
	return onnx.Open(path)
}

// sameBits reports whether two tensors hold the same.
func sameBits(a, b *runtime.Tensor) bool {
	if a == nil || b == nil || a.Type != b.Type {
		return false
	}
	if x, ok := a.Data.([]float32); ok { // NaN is not equal to itself
		y, _ := b.Data.([]float32)
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Data, b.Data)
}

// sensitive notes a layer whose parameters do not show on these inputs: a fault in them
// could not be seen.
func (c *comparison) sensitive(node int, get func(string) *runtime.Tensor, want []reference.Value) {
	n := c.analysis.Nodes()[node]
	if n.Spec.Without == nil || len(want) == 0 || want[0].Bound == nil {
		return
	}
	x := get(n.Inputs[0])
	if x == nil {
		return
	}
	v, err := x.Float64s()
	if err != nil || len(v) != len(want[0].F) {
		return
	}
	without, parameter := n.Spec.Without(n, v)
	for i, y := range want[0].F {
		if math.Abs(y-without[i]) > want[0].Bound[i] {
			return
		}
	}
	c.unchecked("the %s of %s: on these inputs it changes nothing that rounding would not hide; try values of another range, or pixels", parameter, n.Label())
}

// conclude fills in the layers, the first divergence and the operators' margins.
func (c *comparison) conclude(r *Result, result *rows) {
	kinds := map[string]int{}
	for _, x := range result.list {
		if !x.seen {
			continue
		}
		layer := x.layer
		if x.open > 0 {
			c.unchecked("%d elements of %q: they may leave the range of their type, or rounding may lead out of a function's domain", x.open, layer.Output)
		}
		if c.Layers {
			r.Layers = append(r.Layers, layer)
		}
		k, ok := kinds[layer.Op]
		if !ok {
			k = len(r.Kinds)
			kinds[layer.Op] = k
			r.Kinds = append(r.Kinds, Kind{Op: layer.Op, Exact: x.exact})
		}
		r.Kinds[k].Nodes++
		r.Kinds[k].Margin = max(r.Kinds[k].Margin, layer.Local.Margin)
		if layer.Local.Margin > 1 && r.First == nil {
			r.First = &layer
		}
		if x.margins != nil && (r.Worst == nil || layer.Local.Margin > r.Worst.Layer.Local.Margin) {
			r.Worst = &Tensor{layer, x.margins}
		}
	}
	constants := 0
	for i := range c.analysis.Nodes() {
		if c.analysis.Constant(i) {
			constants++
		}
	}
	if constants > 0 {
		c.unchecked("%d nodes that follow from the model alone and only move numbers: engines compute them in advance", constants)
	}
	if r.First != nil && len(c.Tolerances) == 0 {
		r.fail("%s", r.First.describe())
	}
}

// describe says what is wrong with a layer.
func (l *Layer) describe() string {
	switch {
	case l.Problem != "":
		return fmt.Sprintf("first divergence at %s: %s", l, l.Problem)
	case l.Local.Bound == 0 && !math.IsNaN(float64(l.Local.Got-l.Local.Want)):
		return fmt.Sprintf("first divergence at %s: element %v of %q is %.9g, and by the engine's own inputs exactly %.9g", l, l.Local.Index, l.Output, float64(l.Local.Got), float64(l.Local.Want))
	case math.IsNaN(float64(l.Local.Got)) != math.IsNaN(float64(l.Local.Want)):
		return fmt.Sprintf("first divergence at %s: element %v of %q is %.9g, by the engine's own inputs %.9g: NaN is treated differently", l, l.Local.Index, l.Output, float64(l.Local.Got), float64(l.Local.Want))
	}
	return fmt.Sprintf("first divergence at %s: element %v of %q is %.9g, by the engine's own inputs %.9g; rounding explains %.2g of the difference of %.2g (margin %.3g)",
		l, l.Local.Index, l.Output, float64(l.Local.Got), float64(l.Local.Want), float64(l.Local.Bound), float64(l.Local.Error), float64(l.Local.Margin))
}
