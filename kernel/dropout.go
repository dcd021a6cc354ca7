package kernel

import (
	"fmt"

	"alexctl/internal/splitmix"
)

// Dropout sets each of N elements to zero with probability Ratio and scales the
// others by 1/(1-Ratio). Which ones follows from Key, *Step and the element's index
// alone: nothing is stored between Forward and Backward, and a run that goes on
// where it stopped drops the same ones. Equals torch.nn.Dropout in training.
type Dropout struct {
	N     int
	Ratio float64
	Key   uint64  // tells apart the dropouts of a network
	Step  *uint64 // the number of the training step, which the caller counts up
}

// Sizes returns the elements of x and y.
func (s Dropout) Sizes() (in []int, out int) { return []int{s.N}, s.N }

// Differentiable is true.
func (s Dropout) Differentiable(int) bool { return true }

// Reads returns nothing: what was dropped is drawn again.
func (s Dropout) Reads(int) Reads { return Reads{} }

// Check reports a ratio that is not in [0, 1).
func (s Dropout) Check() error {
	if !(s.Ratio >= 0 && s.Ratio < 1) {
		return fmt.Errorf("a dropout ratio of %g, want at least 0 and less than 1", s.Ratio)
	}
	if s.Step == nil {
		return fmt.Errorf("dropout without a step to draw by")
	}
	return nil
}

type dropout[T Float] struct {
	Dropout
	workers workers
}

func (d *dropout[T]) Forward(y []T, in ...[]T) { d.apply(y, in[0]) }

func (d *dropout[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) { d.apply(dx, dy) }

func (d *dropout[T]) apply(y, x []T) {
	scale := T(1 / (1 - d.Ratio))
	limit := uint64(d.Ratio * (1 << 32)) // of 32 random bits
	base := splitmix.Mix(d.Key + splitmix.Mix(*d.Step+splitmix.Golden))
	d.workers.elements(d.N, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			// An index is quicker than a branch that nobody can foresee.
			drawn := [2]T{x[i] * scale, 0}
			y[i] = drawn[(splitmix.Mix(base+uint64(i)*splitmix.Golden)>>32-limit)>>63]
		}
	})
}
