package train_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
)

// trainSteps trains a model on the same random batches and returns the losses and the weights.
func trainSteps(t *testing.T, m *onnx.Model, k gorgonia.Kernels, c train.Config, n int, stream bool) ([]float64, [][]float32) {
	t.Helper()
	const batch = 16
	trainer, err := gorgonia.NewTrainer[float32](m, gorgonia.TrainOptions{Batch: batch, Kernels: k, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	o := train.NewOptimizer(c, trainer.Parameters(), trainer.Pool())
	if stream {
		trainer.StreamTo(o.Take)
	}
	r := rand.New(rand.NewPCG(8, 1))
	images, labels := make([]float32, trainer.ImageElements()), make([]int, batch)
	var losses []float64
	for step := range n {
		for i := range images {
			images[i] = float32(r.NormFloat64())
		}
		for i := range labels {
			labels[i] = r.IntN(trainer.Classes())
			images[i*len(images)/batch] = float32(4 * labels[i]) // something to learn
		}
		o.Begin(c.LR)
		loss, err := trainer.Step(t.Context(), uint64(step), images, labels)
		if err != nil {
			t.Fatal(err)
		}
		if stream != slices.ContainsFunc(trainer.Gradients(), func(g []float32) bool { return g == nil }) {
			t.Fatalf("gradients are given out in parts: want %t", stream)
		}
		if _, err := o.End(trainer.Gradients()); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	var weights [][]float32
	for _, p := range trainer.Parameters() {
		weights = append(weights, p.Data)
	}
	return losses, weights
}

func cifarModel(t *testing.T) *onnx.Model {
	t.Helper()
	v, err := builder.Find("cifar")
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(builder.Options{Seed: 2, Init: "he"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStreamedUpdates updates dense layers while their gradients are made: the weights must
// have the same bits as when the gradients are stored first.
func TestStreamedUpdates(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 24 steps")
	}
	for _, optimizer := range []string{"sgd", "nesterov", "adam", "adamw"} {
		c := train.Default()
		c.For(optimizer)
		k := gorgonia.Kernels{Threads: 2, Set: "plain"}
		_, want := trainSteps(t, cifarModel(t), k, c, 3, false)
		_, got := trainSteps(t, cifarModel(t), k, c, 3, true)
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: parameter %d differs", optimizer, i)
			}
		}
	}
}

// TestKernelSetsAgree trains 50 steps with either set of kernels: rounding apart, the losses
// are the same.
func TestKernelSetsAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 100 steps")
	}
	if reason := gorgonia.FasterKernels(); reason != "" {
		t.Skip(reason)
	}
	const tolerance = 1e-3 // what rounding grows to in 50 steps, scaled
	c := train.Default()
	c.For("sgd")
	want, _ := trainSteps(t, cifarModel(t), gorgonia.Kernels{Threads: 2, Set: "plain"}, c, 50, true)
	got, _ := trainSteps(t, cifarModel(t), gorgonia.Kernels{Threads: 2, Set: "onednn"}, c, 50, true)
	worst := 0.0
	for i := range want {
		worst = max(worst, math.Abs(got[i]-want[i])/slices.Max(want))
	}
	t.Logf("losses from %.4f to %.4f, largest scaled difference %.2g", want[0], want[len(want)-1], worst)
	if !(worst <= tolerance) || want[len(want)-1] >= want[0] {
		t.Errorf("losses differ by %g, or did not fall: %v and %v", worst, want, got)
	}
}
