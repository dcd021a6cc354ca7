package gorgonia

import (
	"context"
	"fmt"
	"slices"

	"alexctl/onnx"
	"alexctl/runtime"
)

// Differentiator gives out the gradients that training uses, with Dropout as the identity.
type Differentiator struct {
	trainer *Trainer[float32]
	logits  string
}

var _ runtime.Differentiator = (*Differentiator)(nil)

// NewDifferentiator makes the graph of a model for one batch size. The loss is of the value
// logits, "" for what the first output shows.
func NewDifferentiator(m *onnx.Model, logits string, batch int, k Kernels) (*Differentiator, error) {
	o := TrainOptions{Batch: batch, Logits: logits, Kernels: k, NoDropout: true}
	t, err := NewTrainer[float32](m, o)
	if err != nil {
		return nil, err
	}
	logits, err = o.logitsOf(m)
	return &Differentiator{t, logits}, err
}

// Logits names the value that the loss is of.
func (d *Differentiator) Logits() string { return d.logits }

// Classes returns the number of classes.
func (d *Differentiator) Classes() int { return d.trainer.Classes() }

// Gradients returns the loss of a batch and its gradients.
func (d *Differentiator) Gradients(ctx context.Context, images *runtime.Tensor, labels []int) (float64, runtime.Tensors, error) {
	x, ok := images.Data.([]float32)
	if !ok {
		return 0, nil, fmt.Errorf("images are %s, want FLOAT", images.Type)
	}
	loss, err := d.trainer.Step(ctx, 0, x, labels)
	if err != nil {
		return 0, nil, err
	}
	out := runtime.Tensors{}
	all := d.trainer.Gradients()
	for i, p := range d.trainer.Parameters() {
		shape := make([]int, len(p.Dims))
		for k, n := range p.Dims {
			shape[k] = int(n)
		}
		t, err := runtime.New(shape, slices.Clone(all[i]))
		if err != nil {
			return 0, nil, fmt.Errorf("gradient of %s: %w", p.Name, err)
		}
		out[p.Name] = t
	}
	return loss, out, nil
}
