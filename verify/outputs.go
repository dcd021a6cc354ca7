package verify

import (
	"context"
	"math"

	"alexctl/runtime"
	"alexctl/runtime/reference"
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
			allowed := within(want)
			if tolerance != nil && want.F != nil {
				allowed = tolerance.bounds(want)
			}
			j, err := judge(got[i][v.Name], want, allowed, false)
			if err != nil {
				r.fail("output %q: %v", v.Name, err)
				a := apart(i)
				out.MaxAbs, out.Scaled, out.RMS, out.Margin, out.Input = a.Error, a.Error, a.Error, a.Margin, i
				worst = math.Inf(1)
				continue
			}
			if !allNaN(want) {
				said += j.length - j.open
			}
			out.MaxAbs = max(out.MaxAbs, Number(j.maxAbs))
			out.Scaled = max(out.Scaled, Number(j.scaled()))
			out.RMS = max(out.RMS, Number(math.Sqrt(j.squares/float64(max(1, j.length)))))
			if j.margin > worst {
				worst = j.margin
				out.Margin, out.Bound, out.Input = Number(j.margin), Number(j.bound), i
				out.Index, out.Got, out.Want = indexOf(j.worst, want.Shape), Number(j.got), Number(j.want)
			}
			if j.open > 0 {
				c.unchecked("%d elements of output %q: they may leave the range of their type, or rounding may lead out of a function's domain", j.open, v.Name)
			}
			if s := sensitivity(want); s > illConditioned {
				c.unchecked("output %q means little in this arithmetic: rounding alone may move it by %.2g times its largest value, because large numbers cancel", v.Name, s)
				if c.Conditioned {
					r.fail("output %q means little: rounding alone may move it by %.2g times its largest value", v.Name, s)
				}
			}
			if allNaN(want) {
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

// illConditioned is how far rounding may move an output, by its largest value, before
// agreement says nothing any more. Networks of the family are below 1e-4.
const illConditioned = 0.5

// sensitivity is the largest bound by the largest value.
func sensitivity(v reference.Value) float64 {
	bound, scale := 0.0, 0.0
	for i, b := range v.Bound {
		bound = max(bound, b)
		if x := math.Abs(v.F[i]); !math.IsInf(x, 0) && !math.IsNaN(x) {
			scale = max(scale, x)
		}
	}
	if bound == 0 || math.IsNaN(bound) || scale == 0 {
		return 0
	}
	return bound / scale
}

func explanation(t *Tolerance) string {
	if t != nil {
		return "the tolerance"
	}
	return "rounding"
}

func allNaN(v reference.Value) bool {
	for _, x := range v.F {
		if !math.IsNaN(x) {
			return false
		}
	}
	return len(v.F) > 0
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
