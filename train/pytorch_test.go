package train_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"alexctl/builder"
	"alexctl/internal/hashed"
	"alexctl/kernel"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/runtimetest"
	"alexctl/train"
)

const (
	// exactSteps is the largest scaled difference from PyTorch in float64 after all
	// steps: rounding, which optimizers amplify where gradients are tiny.
	exactSteps = 1e-9
	// singleLosses and singleGradients are the same in float32: the losses of all
	// steps, and each parameter's gradient of the first.
	singleLosses    = 1e-4
	singleGradients = 1e-4
	// decided is for kernels whose sums round so far that a rectifier or a pool decides
	// otherwise: oneDNN adds 3,456 products one after the other, and in this run one
	// activation of 450,000 that is 1e-6 became 0, and one of two inputs of a pool that are
	// as close won. Each moves gradients by up to 1e-3, and the losses of later steps. The
	// first loss is not moved, and neither are the kernels' own gradients, which
	// kernel/kerneltest holds to 1e-5.
	decidedGradients = 5e-3
	decidedLosses    = 1e-2
	firstLoss        = 1e-5
	// adamFactor is how much further than PyTorch's own float32 ours may be from
	// float64: Adam divides by roots of tiny numbers and amplifies every rounding.
	adamFactor = 4
)

type torchSample struct {
	Values  []float64 `json:"values"`
	Largest float64   `json:"largest"`
}

type torchSteps struct {
	Losses    []float64              `json:"losses"`
	Gradients map[string]torchSample `json:"gradients"`
	Final     map[string]torchSample `json:"final"`
}

type torchRun struct {
	Variant   string     `json:"variant"`
	Input     int        `json:"input"`
	Batch     int        `json:"batch"`
	Optimizer string     `json:"optimizer"`
	Float64   torchSteps `json:"float64"`
	Float32   torchSteps `json:"float32"`
}

// sampled returns the elements of v that make_training.py keeps.
func sampled[T kernel.Float](v []T, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(v[i*len(v)/n])
	}
	return out
}

// error returns the scaled difference of v from the sample.
func (s torchSample) error(v []float64) float64 {
	worst := 0.0
	for i, want := range s.Values {
		worst = math.Max(worst, math.Abs(v[i]-want))
	}
	return worst / s.Largest
}

// steps trains as make_training.py does.
func steps[T kernel.Float](t *testing.T, r torchRun, kernels string) torchSteps {
	t.Helper()
	m, err := hashed.Model(r.Variant, builder.Options{Input: r.Input, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := gorgonia.NewTrainer[T](m, gorgonia.TrainOptions{Batch: r.Batch, NoDropout: true, Kernels: gorgonia.Kernels{Set: kernels}})
	if err != nil {
		t.Fatal(err)
	}
	c := train.Default()
	c.Optimizer, c.Momentum, c.WeightDecay, c.Threads = "sgd", 0.9, 5e-4, 2
	rate := 2e-4
	if r.Optimizer == "adam" {
		c.Optimizer, c.WeightDecay, rate = "adam", 0, 1e-5
	}
	return follow(t, trainer, r, train.NewOptimizer(c, trainer.Parameters(), trainer.Pool()), rate)
}

// follow trains on the batches of the Python scripts, and keeps what they keep.
func follow[T kernel.Float](t *testing.T, trainer *gorgonia.Trainer[T], r torchRun, o *train.Optimizer[T], rate float64) torchSteps {
	t.Helper()
	out := torchSteps{Gradients: map[string]torchSample{}, Final: map[string]torchSample{}}
	for step := range r.Float64.Losses {
		images := make([]T, r.Batch*3*r.Input*r.Input)
		for i, v := range hashed.Numbers(fmt.Sprintf("batch.%d", step), len(images), 2) {
			images[i] = T(v)
		}
		labels := make([]int, r.Batch)
		for i, v := range hashed.Numbers(fmt.Sprintf("labels.%d", step), r.Batch, 1) {
			labels[i] = int((float64(v) + 1) * 5)
		}
		loss, err := trainer.Step(t.Context(), uint64(step), images, labels)
		if err != nil {
			t.Fatal(err)
		}
		out.Losses = append(out.Losses, loss)
		grads := trainer.Gradients()
		if step == 0 {
			for i, p := range trainer.Parameters() {
				out.Gradients[p.Name] = torchSample{Values: sampled(grads[i], len(r.Float64.Gradients[p.Name].Values))}
			}
		}
		o.Begin(rate)
		if _, err := o.End(grads); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range append(slices.Clone(trainer.Parameters()), trainer.State()...) {
		out.Final[p.Name] = torchSample{Values: sampled(p.Data, len(r.Float64.Final[p.Name].Values))}
	}
	return out
}

// worstLoss returns the largest scaled difference of two lists of losses.
func worstLoss(got, want []float64) float64 { return runtimetest.Compare(got, want).Scaled }

// distance returns the root of the mean square of the final parameters' differences,
// each scaled.
func distance(got, want map[string]torchSample) float64 {
	sum := 0.0
	for name, w := range want {
		e := w.error(got[name].Values)
		sum += e * e
	}
	return math.Sqrt(sum / float64(len(want)))
}

// TestEqualsPyTorch trains as PyTorch did, from the same weights and batches.
func TestEqualsPyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	text, err := os.ReadFile("testdata/training.json")
	if err != nil {
		t.Fatal(err)
	}
	var runs []torchRun
	if err := json.Unmarshal(text, &runs); err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		t.Run(r.Variant+" "+r.Optimizer, func(t *testing.T) {
			exact := steps[float64](t, r, "plain")
			if e := worstLoss(exact.Losses, r.Float64.Losses); !(e <= exactSteps) {
				t.Errorf("losses in float64: scaled error %.3g", e)
			}
			if e := distance(exact.Final, r.Float64.Final); !(e <= exactSteps) {
				t.Errorf("final parameters in float64: scaled error %.3g", e)
			}
			single := steps[float32](t, r, "plain")
			losses := worstLoss(single.Losses, r.Float64.Losses)
			if !(losses <= singleLosses) {
				t.Errorf("losses in float32: scaled error %.3g", losses)
			}
			if len(single.Gradients) != len(r.Float64.Gradients) {
				t.Errorf("%d parameters have a gradient, PyTorch has %d", len(single.Gradients), len(r.Float64.Gradients))
			}
			worst := 0.0
			for name, want := range r.Float64.Gradients {
				e := want.error(single.Gradients[name].Values)
				if worst = math.Max(worst, e); !(e <= singleGradients) {
					t.Errorf("gradient of %s in float32: scaled error %.3g", name, e)
				}
			}
			theirs, ours := distance(r.Float32.Final, r.Float64.Final), distance(single.Final, r.Float64.Final)
			if r.Optimizer == "adam" && !(ours <= adamFactor*theirs) {
				t.Errorf("final parameters in float32 are %.3g from PyTorch's float64, PyTorch's own float32 %.3g", ours, theirs)
			}
			t.Logf("float64: losses %.2g, parameters %.2g; float32: losses %.2g, gradients %.2g, parameters %.2g (PyTorch %.2g)",
				worstLoss(exact.Losses, r.Float64.Losses), distance(exact.Final, r.Float64.Final), losses, worst, ours, theirs)
			if gorgonia.FasterKernels() == "" {
				equalsWithOneDNN(t, r)
			}
		})
	}
}

// equalsWithOneDNN trains as PyTorch did, with the kernels over oneDNN.
func equalsWithOneDNN(t *testing.T, r torchRun) {
	t.Helper()
	got := steps[float32](t, r, "onednn")
	first, losses, worst := worstLoss(got.Losses[:1], r.Float64.Losses[:1]), worstLoss(got.Losses, r.Float64.Losses), 0.0
	for name, want := range r.Float64.Gradients {
		worst = math.Max(worst, want.error(got.Gradients[name].Values))
	}
	t.Logf("onednn: first loss %.2g, losses %.2g, gradients %.2g", first, losses, worst)
	if !(first <= firstLoss) || !(losses <= decidedLosses) || !(worst <= decidedGradients) {
		t.Errorf("onednn: too far from PyTorch")
	}
}
