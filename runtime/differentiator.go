package runtime

import "context"

// Differentiator computes the loss of a model of images and its gradients by the weights:
// the mean softmax cross entropy of Logits over a batch.
type Differentiator interface {
	// Logits names the value that the loss is of.
	Logits() string
	// Gradients returns the loss of images (N, C, H, W) with their labels, and the gradient
	// by each trained initializer, in the initializer's shape.
	Gradients(ctx context.Context, images *Tensor, labels []int) (loss float64, gradients Tensors, err error)
}
