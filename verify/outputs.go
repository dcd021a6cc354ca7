package verify

import (
	"context"
	"math"

	"alexctl/runtime"
	"alexctl/verify/judge"
)

// outputs judges the model's outputs by the reference's.
func (c *comparison) outputs(r *Result, got []runtime.Tensors, expected []expectation) {
	said := 0 // elements of which something could be said
	for _, v := range c.model.Graph.Outputs {
		out := Output{Name: v.Name, Index: []int{}}
		tolerance := c.toleranceFor(v.Name)
		worst := -1.0
		for i := range expected {
			want := expected[i][v.Name]
			if c.partial && got[i][v.Name] == nil {
				c.unchecked("recorded values of output %q on input %d: there are none", v.Name, i)
				continue
			}
			if want.F == nil && len(want.I) == 0 || want.F != nil && len(want.F) == 0 {
				c.unchecked("output %q on input %d: it has no elements", v.Name, i)
			}
			allowed := judge.Within(want)
			if tolerance != nil && want.F != nil {
				allowed = tolerance.bounds(want)
			}
			j, err := judge.Compare(got[i][v.Name], want, allowed, false)
			if err != nil {
				r.fail("output %q: %v", v.Name, err)
				a := judge.Apart(i)
				out.MaxAbs, out.Scaled, out.RMS, out.Margin, out.Input = a.Error, a.Error, a.Error, a.Margin, i
				worst = math.Inf(1)
				continue
			}
			if !judge.AllNaN(want) {
				said += j.Length - j.Open
			}
			out.MaxAbs = max(out.MaxAbs, Number(j.MaxAbs))
			out.Scaled = max(out.Scaled, Number(j.Scaled()))
			out.RMS = max(out.RMS, Number(j.RMS()))
			if j.Margin > worst {
				worst = j.Margin
				out.Margin, out.Bound, out.Input = Number(j.Margin), Number(j.Bound), i
				out.Index, out.Got, out.Want = judge.IndexOf(j.Worst, want.Shape), Number(j.Got), Number(j.Want)
			}
			if j.Open > 0 {
				c.unchecked("%d elements of output %q: they may leave the range of their type, or rounding may lead out of a function's domain", j.Open, v.Name)
			}
			if s := judge.Sensitivity(want); s > judge.IllConditioned {
				c.report.IllConditioned = true
				c.unchecked("output %q means little in this arithmetic: rounding alone may move it by %.2g times its largest value, because large numbers cancel", v.Name, s)
				if c.Conditioned {
					r.fail("output %q means little: rounding alone may move it by %.2g times its largest value", v.Name, s)
				}
			}
			if judge.AllNaN(want) {
				c.unchecked("output %q is nothing but NaN in the reference on input %d: that says nothing about an engine", v.Name, i)
			}
		}
		if out.Margin > 1 {
			r.fail("output %q differs by %.3g at %v, where %s explains %.3g (margin %.3g)", v.Name, math.Abs(float64(out.Got-out.Want)), out.Index,
				explanation(tolerance), float64(out.Bound), float64(out.Margin))
		}
		r.Outputs = append(r.Outputs, out)
	}
	if said == 0 && r.Status == Pass {
		r.Status, r.Reason = Skipped, "nothing could be compared: every output is without elements, not a number, or without a finite bound"
	}
}

func explanation(t *Tolerance) string {
	if t != nil {
		return "the tolerance"
	}
	return "rounding"
}

// recordedTolerance is what ONNX's own test runner allows between an engine and the outputs
// of a test_data_set.
var recordedTolerance = Tolerance{Atol: 1e-7, Rtol: 1e-3}

// recorded judges the outputs that came with the inputs.
func (c *comparison) recorded(ctx context.Context) error {
	r := Result{Engine: "recorded", Status: Pass, Outputs: []Output{}}
	n := 0
	for _, out := range c.Recorded {
		n += len(out)
	}
	if n == 0 {
		return nil
	}
	e, err := c.expect(ctx, runtime.Arithmetic{})
	if err != nil {
		return err
	}
	of := *c
	if len(of.Tolerances) == 0 {
		of.Tolerances = []Tolerance{recordedTolerance}
	}
	of.partial = true
	of.outputs(&r, c.Recorded, e)
	c.report.OK = c.report.OK && r.Status == Pass
	c.report.Results = append(c.report.Results, r)
	return nil
}
