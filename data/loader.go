package data

import (
	"context"
	"fmt"
	"iter"

	"alexctl/fault"
)

// Batch is images (N, C, H, W) with their labels. It is valid until the next one is
// taken, or the next iteration begun.
type Batch struct {
	Images []float32
	Labels []int
	// Count is how many images are the dataset's: the last batch of Ordered is filled
	// up with copies.
	Count int
}

// Loader makes batches of a dataset ahead of their use.
type Loader struct {
	Data      Dataset
	Transform *Transform
	Batch     int
	Seed      uint64
	// Workers is how many batches are made at once, beside the one in use; 0 means 1.
	Workers int

	spare []*Batch // of an iteration that has ended
}

// Steps returns how many whole batches an epoch has. What is left over is not used
// in that epoch; the order is another in the next.
func (l *Loader) Steps() int { return l.Data.Len() / l.Batch }

// Epoch yields the batches of an epoch from a step on: all images in random order,
// augmented. The same seed, epoch and step give the same batch, whatever came before.
func (l *Loader) Epoch(ctx context.Context, epoch, from int) iter.Seq2[*Batch, error] {
	order := permutation(l.Data.Len(), stream(l.Seed, "order", epoch))
	return l.batches(ctx, from, l.Steps(), func(b *Batch, step, slot int) error {
		i := order[step*l.Batch+slot]
		b.Count = l.Batch
		return l.load(b, slot, i, func(dst []float32) error {
			m, err := l.Data.Image(i)
			if err != nil {
				return err
			}
			return l.Transform.apply(m, stream(l.Seed, "augment", epoch, i), dst)
		})
	})
}

// Ordered yields all images in order, as inference sees them. The last batch is
// filled up with its first image.
func (l *Loader) Ordered(ctx context.Context) iter.Seq2[*Batch, error] {
	n := l.Data.Len()
	return l.batches(ctx, 0, (n+l.Batch-1)/l.Batch, func(b *Batch, step, slot int) error {
		b.Count = min(l.Batch, n-step*l.Batch)
		i := step*l.Batch + slot
		if i >= n {
			i = step * l.Batch
		}
		return l.load(b, slot, i, func(dst []float32) error {
			m, err := l.Data.Image(i)
			if err != nil {
				return err
			}
			return l.Transform.Plain(m, dst)
		})
	})
}

func (l *Loader) load(b *Batch, slot, i int, fill func(dst []float32) error) error {
	size := l.Transform.Spec.Len()
	b.Labels[slot] = l.Data.Label(i)
	if err := fill(b.Images[slot*size : (slot+1)*size]); err != nil {
		return fmt.Errorf("image %d: %w", i, err)
	}
	return nil
}

// fill makes a batch. A panic of a decoder must not end the program.
func (l *Loader) fill(b *Batch, step int, one func(b *Batch, step, slot int) error) (err error) {
	defer fault.Recover(&err)
	for slot := range l.Batch {
		if err := one(b, step, slot); err != nil {
			return err
		}
	}
	return nil
}

// batches makes batches on goroutines of their own and yields them in order.
func (l *Loader) batches(ctx context.Context, from, to int, fill func(b *Batch, step, slot int) error) iter.Seq2[*Batch, error] {
	type made struct {
		batch *Batch
		err   error
	}
	return func(yield func(*Batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		workers := max(1, l.Workers)
		free := make(chan *Batch, workers+1)
		spare := l.spare
		l.spare = nil
		for range workers + 1 {
			if len(spare) > 0 {
				free <- spare[0]
				spare = spare[1:]
				continue
			}
			free <- &Batch{Images: make([]float32, l.Batch*l.Transform.Spec.Len()), Labels: make([]int, l.Batch)}
		}
		queue := make(chan chan made, workers)
		done := make(chan struct{}) // the goroutine that hands out work has ended
		defer func() {
			cancel()
			for result := range queue {
				if m := <-result; m.batch != nil {
					free <- m.batch
				}
			}
			<-done
			for len(free) > 0 {
				l.spare = append(l.spare, <-free)
			}
		}()
		go func() {
			defer close(done)
			defer close(queue)
			for step := from; step < to; step++ {
				var b *Batch
				select {
				case b = <-free:
				case <-ctx.Done():
					return
				}
				result := make(chan made, 1)
				go func() { result <- made{b, l.fill(b, step, fill)} }()
				select {
				case queue <- result:
				case <-ctx.Done():
					return
				}
			}
		}()
		for result := range queue {
			m := <-result
			if m.err == nil {
				m.err = ctx.Err()
			}
			if !yield(m.batch, m.err) || m.err != nil {
				l.spare = append(l.spare, m.batch) // nobody may fill it while the caller looks at it
				return
			}
			free <- m.batch
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}
