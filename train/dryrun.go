package train

import (
	"context"
	"time"

	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

// Estimate is what a run would take, from one step and one evaluation.
type Estimate struct {
	Layers         []gorgonia.Layer // of a training step, in order
	Loss           float64          // of the first step
	GraphBytes     int64            // values, gradients and weights of the training graph
	OptimizerBytes int64
	StepsPerEpoch  int
	StepSeconds    float64
	EvalSeconds    float64 // of one batch
	TotalSeconds   float64 // of all epochs with their evaluations
}

// DryRun does one step and one evaluation of a run and estimates the rest. It writes
// nothing.
func DryRun(ctx context.Context, m *onnx.Model, in Inputs, c Config) (*Estimate, error) {
	f, err := New(m, in, c, Memory{}, func(Event) {})
	if err != nil {
		return nil, err
	}
	e := &Estimate{GraphBytes: f.trainer.Bytes(), StepsPerEpoch: f.loader.Steps(), Layers: f.trainer.Layers()}
	for _, p := range f.trainer.Parameters() {
		e.OptimizerBytes += 4 * int64(len(p.Data))
	}
	if f.optimizer.kind.moments {
		e.OptimizerBytes *= 2
	}
	var images []float32
	var labels []int
	for b, err := range f.loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return nil, &DataError{err}
		}
		images, labels = b.Images, b.Labels
		// The first step touches every page of memory for the first time: the second
		// is timed.
		if err := f.step(ctx, b, time.Now(), 0); err != nil {
			return nil, err
		}
		break
	}
	loss := f.position.LossSum
	began := time.Now()
	f.optimizer.Begin(0)
	if _, err := f.trainer.Step(ctx, 1, images, labels); err != nil {
		return nil, err
	}
	if _, err := f.optimizer.End(f.trainer.Gradients()); err != nil {
		return nil, err
	}
	e.Loss, e.StepSeconds = loss, time.Since(began).Seconds()
	if _, err := f.evaluator.Run(ctx, images); err != nil {
		return nil, err
	}
	began = time.Now()
	if _, err := f.evaluator.Run(ctx, images); err != nil {
		return nil, err
	}
	e.EvalSeconds = time.Since(began).Seconds()
	evaluations := 0
	if in.Val != nil {
		evaluations = c.Epochs * ((in.Val.Len() + c.Batch - 1) / c.Batch)
	}
	if in.Test != nil {
		evaluations += (in.Test.Len() + c.Batch - 1) / c.Batch
	}
	e.TotalSeconds = float64(c.Epochs*e.StepsPerEpoch)*e.StepSeconds + float64(evaluations)*e.EvalSeconds
	return e, nil
}
