// Package verify compares engines: the float64 reference with others, on the same
// model and inputs. A mismatch is a report that is not OK; an error means that the
// comparison could not be made.
package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// ScaledTolerance is the largest scaled error, max|a-b| / max|reference| of an
// output, that passes. ONNX Runtime's float32 logits were measured within 6e-7 of
// float64, its softmax within 2e-6, straightforward float32 sums within 2e-6; the
// smallest realistic fault, a window of LRN off by one, gives 5e-5.
const ScaledTolerance = 1e-5

// Tolerances for models that compute in half precision, whose numbers are rounded to
// 2^-11 (FLOAT16) or 2^-8 (BFLOAT16) of their size after every layer: about twenty
// such roundings.
const (
	Float16Tolerance  = 1e-2
	BFloat16Tolerance = 8e-2
)

// toleranceOf returns the tolerance for the least precise type in the model.
func toleranceOf(m *onnx.Model) float64 {
	tolerance := ScaledTolerance
	for _, v := range op.Infer(m, nil).Values {
		switch v.Type {
		case onnx.Float16:
			tolerance = max(tolerance, Float16Tolerance)
		case onnx.BFloat16:
			tolerance = max(tolerance, BFloat16Tolerance)
		}
	}
	return tolerance
}

// Statuses of a Result.
const (
	Pass    = "pass"
	Fail    = "fail"
	Skipped = "skipped"
)

// Report is the outcome of a comparison.
type Report struct {
	OK        bool     `json:"ok"`
	Model     Model    `json:"model"`
	Reference string   `json:"reference"`
	Inputs    string   `json:"inputs"` // what the engines were fed
	Results   []Result `json:"results"`
}

// Model identifies the file that was compared.
type Model struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Result is one engine against the reference.
type Result struct {
	Engine   string   `json:"engine"`
	Provider string   `json:"provider"`
	Settings string   `json:"settings"`
	Status   string   `json:"status"`
	Reason   string   `json:"reason"` // why it failed or was skipped, otherwise empty
	Outputs  []Output `json:"outputs"`
}

// Output is the difference of one output, over all inputs that were run.
type Output struct {
	Name   string `json:"name"`
	MaxAbs Number `json:"max_abs"`
	Scaled Number `json:"scaled"`
	RMS    Number `json:"rms"`
	Bound  Number `json:"bound"`
	Margin Number `json:"margin"` // Scaled / Bound: above 1 is a mismatch
}

// Skipped reports whether an engine could not be used.
func (r *Report) Skipped() bool {
	for _, x := range r.Results {
		if x.Status == Skipped {
			return true
		}
	}
	return false
}

// Failed reports whether an engine disagreed with the reference.
func (r *Report) Failed() bool {
	for _, x := range r.Results {
		if x.Status == Fail {
			return true
		}
	}
	return false
}

// Described is an engine that can name its provider and settings.
type Described interface {
	Provider() string
	Settings() string
}

// Compare runs the model on the reference and then on each engine, one at a time so
// that only one holds the weights, over all inputs. progress, where not nil, is
// called with what begins.
func Compare(ctx context.Context, m *onnx.Model, reference runtime.Engine, engines []runtime.Engine, inputs []runtime.Tensors, progress func(string)) (*Report, error) {
	if len(inputs) == 0 {
		return nil, errors.New("no inputs to compare on")
	}
	say := func(s string) {
		if progress != nil {
			progress(s)
		}
	}
	say(reference.Name())
	want, err := runAll(ctx, m, reference, inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reference.Name(), err)
	}
	report := &Report{OK: true, Reference: reference.Name()}
	tolerance := toleranceOf(m)
	for _, e := range engines {
		say(e.Name())
		r := describe(e)
		err := e.Check(ctx)
		var got []runtime.Tensors
		if err == nil {
			got, err = runAll(ctx, m, e, inputs)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil: // it cannot be used, or not with this model: nothing was compared
			r.Status, r.Reason = Skipped, err.Error()
		default:
			r.compare(m.Graph, got, want, tolerance)
		}
		report.OK = report.OK && r.Status == Pass
		report.Results = append(report.Results, r)
	}
	return report, nil
}

func describe(e runtime.Engine) Result {
	name, _, _ := strings.Cut(e.Name(), ":")
	r := Result{Engine: name, Outputs: []Output{}}
	if d, ok := e.(Described); ok {
		r.Provider, r.Settings = d.Provider(), d.Settings()
	}
	return r
}

// runAll runs the model on each input and frees the session.
func runAll(ctx context.Context, m *onnx.Model, e runtime.Engine, inputs []runtime.Tensors) (outputs []runtime.Tensors, err error) {
	s, err := e.Prepare(ctx, m)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.Close())
		// The next engine loads the weights again: give back what this one held.
		debug.FreeOSMemory()
	}()
	for _, in := range inputs {
		out, err := s.Run(ctx, in)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

// compare fills in the outputs and the status.
func (r *Result) compare(g *onnx.Graph, got, want []runtime.Tensors, tolerance float64) {
	r.Status = Pass
	for _, v := range g.Outputs {
		var worst runtime.Difference
		for i := range want {
			d, err := difference(got[i][v.Name], want[i][v.Name])
			if err != nil {
				r.Status, r.Reason = Fail, fmt.Sprintf("output %q: %v", v.Name, err)
			}
			worst.MaxAbs = max(worst.MaxAbs, d.MaxAbs)
			worst.Scaled = max(worst.Scaled, d.Scaled)
			worst.RMS = max(worst.RMS, d.RMS)
		}
		margin := worst.Scaled / tolerance
		if margin > 1 && r.Status == Pass {
			r.Status = Fail
			r.Reason = fmt.Sprintf("output %q differs by scaled %.3g, at most %g is allowed", v.Name, worst.Scaled, tolerance)
		}
		r.Outputs = append(r.Outputs, Output{v.Name, Number(worst.MaxAbs), Number(worst.Scaled), Number(worst.RMS),
			Number(tolerance), Number(margin)})
	}
}

func difference(got, want *runtime.Tensor) (runtime.Difference, error) {
	apart := runtime.Compare(nil, []float64{1})
	if got == nil || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return apart, fmt.Errorf("shape is %v, the reference's %v", got, want)
	}
	a, err := got.Float64s()
	if err != nil {
		return apart, err
	}
	b, err := want.Float64s()
	if err != nil {
		return apart, err
	}
	return runtime.Compare(a, b), nil
}
