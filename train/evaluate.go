package train

import (
	"context"

	"alexctl/data"
	"alexctl/kernel"
)

// Evaluation is how a model does on labelled images.
type Evaluation struct {
	Images    int
	Loss      float64 // mean cross entropy
	Confusion [][]int // by true class, then by predicted class
}

// Correct returns how many images are put in their class.
func (e *Evaluation) Correct() int {
	n := 0
	for c := range e.Confusion {
		n += e.Confusion[c][c]
	}
	return n
}

// Accuracy returns the part of the images that are put in their class.
func (e *Evaluation) Accuracy() float64 { return float64(e.Correct()) / float64(max(1, e.Images)) }

// Logits computes the logits (N, classes) of a batch of images.
type Logits func(ctx context.Context, images []float32) ([]float32, error)

// Evaluate runs a model over all images of a loader. progress, where not nil, is
// told how many were just done.
func Evaluate(ctx context.Context, l *data.Loader, classes int, run Logits, progress func(n int)) (*Evaluation, error) {
	e := &Evaluation{Images: l.Data.Len(), Confusion: make([][]int, classes)}
	for c := range e.Confusion {
		e.Confusion[c] = make([]int, classes)
	}
	sum := 0.0
	for b, err := range l.Ordered(ctx) {
		if err != nil {
			return nil, &DataError{err}
		}
		logits, err := run(ctx, b.Images)
		if err != nil {
			return nil, err
		}
		for i, label := range b.Labels[:b.Count] {
			row := logits[i*classes : (i+1)*classes]
			largest, log := kernel.LogSum(row)
			sum += largest + log - float64(row[label])
			e.Confusion[label][argmax(row)]++
		}
		if progress != nil {
			progress(b.Count)
		}
	}
	e.Loss = sum / float64(max(1, e.Images))
	return e, nil
}

// argmax returns the index of the largest element, the first among equals.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}
