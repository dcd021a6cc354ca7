package verify

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"

	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify/judge"
)

// Reproduction is the smallest model found that an engine gets wrong, in the form of ONNX's
// own tests: model.onnx and test_data_set_0 with input_0.pb, ... and output_0.pb, ...,
// which hold what the outputs should be.
type Reproduction struct {
	Folder string   `json:"folder"`
	Engine string   `json:"engine"`
	Nodes  []string `json:"nodes"`
	Margin Number   `json:"margin"`
}

// Bisect looks for the fewest nodes that the engine computes wrongly by themselves on the
// first input, and writes them to folder. Values are handed to them as the reference has
// them, rounded to the model's types. It returns nil where the engine makes no mistake.
func Bisect(ctx context.Context, m *onnx.Model, e runtime.Engine, input runtime.Tensors, folder string, o Options) (_ *Reproduction, err error) {
	defer fault.Default(&err, fault.Invalid)
	c, err := newComparison(ctx, m, []runtime.Tensors{input}, o)
	if err != nil {
		return nil, err
	}
	defer c.discard()
	if err := e.Check(ctx); err != nil {
		return nil, err
	}
	values, err := c.rounded(ctx, 0)
	if err != nil {
		return nil, err
	}
	lo, hi, margin, err := c.smallest(ctx, e, values)
	if err != nil || hi == 0 {
		return nil, err
	}
	r := &Reproduction{Folder: folder, Engine: e.Name(), Margin: Number(margin)}
	for _, n := range c.analysis.Nodes()[lo:hi] {
		r.Nodes = append(r.Nodes, fmt.Sprintf("%s (%s)", n.Label(), n.OpType))
	}
	return r, c.writeCase(ctx, lo, hi, values, folder)
}

// smallest returns nodes lo to hi that fail together, as few as are found by shortening the
// model at its end and then at its beginning; hi is 0 where nothing fails.
func (c *comparison) smallest(ctx context.Context, e runtime.Engine, values runtime.Tensors) (lo, hi int, margin float64, err error) {
	nodes := c.analysis.Nodes()
	fails := func(lo, hi int) (float64, error) {
		c.Progress(fmt.Sprintf("nodes %s to %s", nodes[lo].Label(), nodes[hi-1].Label()))
		return c.marginOf(ctx, e, lo, hi, values)
	}
	for i := range nodes { // one node alone, as is usual
		if c.analysis.Constant(i) {
			continue
		}
		m, err := fails(i, i+1)
		if err != nil {
			if ctx.Err() != nil {
				return 0, 0, 0, err
			}
			continue // the engine does not run it alone
		}
		if m > 1 {
			return i, i + 1, m, nil
		}
	}
	// Nodes that fail together only, because they are fused: the shortest beginning of
	// the model that fails, and of that the shortest end.
	var failure error
	wrong := func(lo, hi int) bool {
		m, err := fails(lo, hi)
		if err != nil {
			failure = err
		}
		return err == nil && m > 1
	}
	if !wrong(0, len(nodes)) {
		return 0, 0, 0, failure
	}
	hi = 1 + sort.Search(len(nodes)-1, func(i int) bool { return wrong(0, i+1) })
	for lo = hi - 1; lo > 0 && !wrong(lo, hi); lo-- {
	}
	if margin, err = fails(lo, hi); err != nil || !(margin > 1) {
		return 0, 0, 0, errors.Join(err, failure) // what failed before does not fail again
	}
	return lo, hi, margin, nil
}

// together names the divergence of an engine whose outputs are wrong though no layer is by
// itself, as with a faulty fused kernel: the last of the fewest nodes that fail together.
func (c *comparison) together(ctx context.Context, e runtime.Engine, r *Result) error {
	input := 0
	for _, out := range r.Outputs {
		if out.Margin > 1 {
			input = out.Input
			break
		}
	}
	values, err := c.rounded(ctx, input)
	if err != nil {
		return err
	}
	lo, hi, margin, err := c.smallest(ctx, e, values)
	if err != nil || hi == 0 {
		return err
	}
	nodes := c.analysis.Nodes()
	n := nodes[hi-1]
	l := Layer{Node: n.Label(), Op: n.OpType, Output: n.Outputs[0], Shape: []int{}, Local: judge.Apart(input), node: hi - 1}
	l.Local.Margin = Number(margin)
	l.Problem = fmt.Sprintf("%s to %s are wrong together (margin %.3g), though none is by itself", nodes[lo].Label(), n.Label(), margin)
	r.First = &l
	r.Reason += "; " + l.describe()
	return nil
}

// marginOf runs the nodes lo to hi on the engine and returns the worst margin of what they
// hand on, within bounds on the rounding of all of them.
func (c *comparison) marginOf(ctx context.Context, e runtime.Engine, lo, hi int, values runtime.Tensors) (float64, error) {
	out, err := c.alone(ctx, e, lo, hi, values)
	if err != nil {
		return 0, err
	}
	want, err := c.results(ctx, e, lo, hi, values)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for name, v := range want {
		j, err := judge.Compare(out[name], v, judge.Within(v), false)
		if err != nil {
			return float64(judge.Apart(0).Margin), nil //nolint:nilerr // an output that cannot be compared is the finding
		}
		worst = max(worst, j.Margin)
	}
	return worst, nil
}

// results are what the nodes lo to hi should make of the values.
func (c *comparison) results(ctx context.Context, e runtime.Engine, lo, hi int, values runtime.Tensors) (map[string]reference.Value, error) {
	m, err := c.part(lo, hi, values)
	if err != nil {
		return nil, err
	}
	analysis, err := reference.Engine{Threads: c.Threads, Memory: c.Reference}.Analyze(ctx, m)
	if err != nil {
		return nil, err
	}
	in, outputs := runtime.Tensors{}, map[string]bool{}
	for _, v := range m.Graph.Inputs {
		in[v.Name] = values[v.Name]
	}
	for _, v := range m.Graph.Outputs {
		outputs[v.Name] = true
	}
	want := map[string]reference.Value{}
	a := reference.RoundingOf(c.arithmeticOf(e))
	if hi == lo+1 { // the sharper bound of one node
		list, err := analysis.Local(ctx, 0, func(name string) *runtime.Tensor { return in[name] }, a)
		for _, v := range list {
			if outputs[v.Name] {
				want[v.Name] = v
			}
		}
		return want, err
	}
	return analysis.Values(ctx, in, a, func(v reference.Value) bool { return outputs[v.Name] })
}

// writeCase writes the nodes lo to hi as a test folder. It appears when it is whole.
func (c *comparison) writeCase(ctx context.Context, lo, hi int, values runtime.Tensors, folder string) error {
	m, err := c.part(lo, hi, values)
	if err != nil {
		return err
	}
	want, err := c.results(ctx, reference.Engine{Memory: c.Reference}, lo, hi, values)
	if err != nil {
		return err
	}
	in, out := runtime.Tensors{}, runtime.Tensors{}
	for _, v := range m.Graph.Inputs {
		in[v.Name] = values[v.Name]
	}
	for _, v := range m.Graph.Outputs {
		if out[v.Name], err = want[v.Name].Tensor(); err != nil {
			return err
		}
	}
	return fault.As(fault.Environment, beside.Folder(folder, func(work string) error {
		if _, err := m.WriteFile(ctx, filepath.Join(work, "model.onnx"), onnx.WriteOptions{}); err != nil {
			return err
		}
		return WriteDataSet(filepath.Join(work, "test_data_set_0"), m.Graph, in, out)
	}))
}
