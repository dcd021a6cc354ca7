package cmd

import (
	"fmt"
	"time"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// What a long run is, by what a processor does at least: 0.5 billion operations a second in
// float64 without vectors, as the reference computes a pool, and many times that in a product.
const (
	longRun  = time.Minute
	rateEach = 5e8
)

// sayWork says so where runs will take long, before they begin.
func (a *app) sayWork(m *onnx.Model, inputs runtime.Tensors, runs int) {
	var shapes map[string]onnx.Shape
	if inputs != nil {
		shapes = inputs.Shapes()
	}
	if work := op.Work(m, shapes) * float64(max(1, runs)); work/(rateEach*float64(kernel.Processors())) > 10*longRun.Seconds() {
		a.say("note: this takes %s operations, which may be many minutes (Ctrl-C ends it)", large(work))
	}
}

// large writes a large number in words.
func large(n float64) string {
	for _, u := range []struct {
		name string
		of   float64
	}{{"trillion", 1e12}, {"billion", 1e9}, {"million", 1e6}} {
		if n >= u.of {
			return fmt.Sprintf("%.3g %s", n/u.of, u.name)
		}
	}
	return fmt.Sprintf("%.0f", n)
}
