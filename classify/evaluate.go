package classify

import (
	"context"

	"alexctl/data"
	"alexctl/signature"
	"alexctl/train"
)

// Evaluate runs the classifier over labelled images of so many classes. progress, where not
// nil, is told how many were just done. An image that cannot be read is fault.Invalid.
func (c *Classifier) Evaluate(ctx context.Context, images data.Dataset, classes int, progress func(n int)) (*train.Evaluation, error) {
	loader := &data.Loader{Data: images, Batch: c.BatchSize(min(c.size, images.Len())), Workers: 2,
		Transform: &data.Transform{Spec: c.Spec, ChannelsLast: c.Signature.Input.Layout == signature.NHWC}}
	return train.Evaluate(ctx, loader, classes, func(ctx context.Context, x []float32) ([]float32, error) {
		n := len(x) / c.Spec.Len()
		out, err := c.Run(ctx, n, x)
		if err != nil {
			return nil, err
		}
		return c.LogScores(out, n, classes)
	}, progress)
}
