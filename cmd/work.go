package cmd

import (
	"time"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// longRun is what is said before it begins.
const longRun = time.Minute

// pace is how many operations are done a second, as op.Work counts them. Both were measured on
// two processors with AVX-512: pwc's 0.9 billion products, and a pool of 100x100.
type pace struct{ products, others float64 }

var (
	inferring = pace{5e10, 2e8} // the slower engine: Gorgonia's pools, ONNX Runtime's products
	verifying = pace{5e8, 3e7}  // the reference in float64, with its bounds
)

// takes estimates so many runs.
func (p pace) takes(m *onnx.Model, inputs runtime.Tensors, runs int) time.Duration {
	var shapes map[string]onnx.Shape
	if inputs != nil {
		shapes = inputs.Shapes()
	}
	const most = 1e9 // seconds
	products, others := op.Work(m, shapes)
	return time.Duration(min(most, float64(runs)*(products/p.products+others/p.others)) * float64(time.Second))
}

// sayLong says so where runs will take long, before they begin.
func (a *app) sayLong(d time.Duration) {
	if d > longRun {
		a.say("note: this may take %s (Ctrl-C ends it)", d.Round(time.Minute))
	}
}
