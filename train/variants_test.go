package train_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/train"
	"alexctl/verify"
)

// TestEveryVariantOverfits trains every variant, at the smallest sensible input size,
// on one batch until it knows it by heart, and verifies what it exports.
func TestEveryVariantOverfits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	engine, err := ort.New(ort.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, engine)
	sizes := map[string]int{"cifar": 32, "torchvision": 64}
	for _, v := range builder.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			side := sizes[v.Name]
			if side == 0 {
				side = 67
			}
			m, err := v.Build(builder.Options{Input: side, Classes: 10, Init: "he"})
			if err != nil {
				t.Fatal(err)
			}
			overfit(t, m, side, engine)
		})
	}
}

// overfit trains on one batch of synthetic images and verifies the result on it.
func overfit(t *testing.T, m *onnx.Model, side int, engine runtime.Engine) {
	const n = 10
	set, err := data.Open(t.Context(), "synthetic", data.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := data.SpecFor(set.Train, 3, side, side)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Normalize(data.Limit(set.Train, 100, 0), spec); err != nil {
		t.Fatal(err)
	}
	images, labels := make([]float32, n*spec.Len()), make([]int, n)
	for i := range n {
		image, err := set.Train.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		labels[i] = set.Train.Label(i)
		if err := spec.Apply(image, images[i*spec.Len():][:spec.Len()]); err != nil {
			t.Fatal(err)
		}
	}
	trainer, err := gorgonia.NewTrainer[float32](m, gorgonia.TrainOptions{Batch: n, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := trainer.Evaluator(n)
	if err != nil {
		t.Fatal(err)
	}
	c := train.Default()
	c.Threads = 2
	o := train.NewOptimizer(c, trainer.Parameters(), trainer.Pool())
	right := 0
	for step := 0; step < 80 && right < n; step++ {
		if _, err := trainer.Step(t.Context(), uint64(step), images, labels); err != nil {
			t.Fatal(err)
		}
		grads := trainer.Gradients()
		o.Begin(3e-4)
		if _, err := o.End(grads); err != nil {
			t.Fatal(err)
		}
		if step%5 < 4 {
			continue
		}
		logits, err := evaluator.Run(t.Context(), images)
		if err != nil {
			t.Fatal(err)
		}
		right = 0
		for i, label := range labels {
			best := 0
			for k, v := range logits[10*i : 10*i+10] {
				if v > logits[10*i+best] {
					best = k
				}
			}
			if best == label {
				right++
			}
		}
	}
	if right < n {
		t.Fatalf("%d of %d images are right", right, n)
	}
	exportVerifies(t, m, trainer, images, n, side, engine)
}

func exportVerifies(t *testing.T, m *onnx.Model, trainer *gorgonia.Trainer[float32], images []float32, n, side int, engine runtime.Engine) {
	weights, err := trainer.Weights()
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Graph.WithInitializers(weights)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trained.onnx")
	if _, err := m.WithGraph(g).WriteFile(context.Background(), path, onnx.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	exported, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = exported.Close() }()
	x := runtime.Tensors{"input": {Type: onnx.Float, Shape: []int{n, 3, side, side}, Data: images}}
	report, err := verify.Compare(t.Context(), exported, []runtime.Engine{gorgonia.Engine{}, engine}, []runtime.Tensors{x}, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Status != verify.Pass {
			t.Errorf("%s: %s %s", r.Engine, r.Status, r.Reason)
		} else {
			t.Logf("%s: scaled error %.2g", r.Engine, float64(r.Outputs[0].Scaled))
		}
	}
}

// TestMemoryStaysFlat trains 500 steps of a network in which a gradient is summed by
// Gorgonia itself, which allocates.
func TestMemoryStaysFlat(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector keeps memory of its own")
	}
	trainer, err := gorgonia.NewTrainer[float32](smallModel(t, 6), gorgonia.TrainOptions{Batch: 64})
	if err != nil {
		t.Fatal(err)
	}
	c := train.Default()
	c.Threads = 2
	o := train.NewOptimizer(c, trainer.Parameters(), trainer.Pool())
	r := rand.New(rand.NewPCG(1, 1))
	images, labels := make([]float32, 64*144), make([]int, 64)
	for i := range images {
		images[i] = float32(r.NormFloat64())
	}
	var at20 int64
	for step := range 500 {
		if _, err := trainer.Step(t.Context(), uint64(step), images, labels); err != nil {
			t.Fatal(err)
		}
		grads := trainer.Gradients()
		o.Begin(1e-4)
		if _, err := o.End(grads); err != nil {
			t.Fatal(err)
		}
		if step == 20 {
			if at20 = residentBytes(t); at20 == 0 {
				t.Skip("this system does not say how much memory is resident")
			}
		}
	}
	if end := residentBytes(t); float64(end) > 1.02*float64(at20)+4<<20 {
		t.Errorf("%d MiB are resident after 500 steps, %d after 20", end>>20, at20>>20)
	}
}
