package train

import (
	"context"
	"math/rand/v2"

	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

// Stepper does training steps on one batch of random images, to measure them.
type Stepper struct {
	trainer   *gorgonia.Trainer[float32]
	optimizer *Optimizer[float32]
	images    []float32
	labels    []int
	number    uint64
	rate      float64
}

// NewStepper prepares steps of a model that Prepare has prepared.
func NewStepper(m *onnx.Model, c Config, k gorgonia.Kernels, batch int) (*Stepper, error) {
	t, err := gorgonia.NewTrainer[float32](m, gorgonia.TrainOptions{Batch: batch, Kernels: k, Smoothing: c.Smoothing})
	if err != nil {
		return nil, err
	}
	s := &Stepper{trainer: t, optimizer: NewOptimizer(c, t.Parameters(), t.Pool()), rate: c.LR / 10}
	if s.optimizer.Streams() {
		t.StreamTo(s.optimizer.Take)
	}
	r := rand.New(rand.NewPCG(1, 1))
	s.images, s.labels = make([]float32, t.ImageElements()), make([]int, batch)
	for i := range s.images {
		s.images[i] = float32(r.NormFloat64())
	}
	for i := range s.labels {
		s.labels[i] = i % t.Classes()
	}
	return s, nil
}

// Step does one step: forward, backward and update.
func (s *Stepper) Step(ctx context.Context) error {
	s.optimizer.Begin(s.rate)
	if _, err := s.trainer.Step(ctx, s.number, s.images, s.labels); err != nil {
		return err
	}
	s.number++
	_, err := s.optimizer.End(s.trainer.Gradients())
	return err
}

// Layers returns what the last step computed, with the time that each took.
func (s *Stepper) Layers() []gorgonia.Layer { return s.trainer.Layers() }
