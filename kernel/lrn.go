package kernel

import (
	"fmt"

	"alexctl/kernel/vector"
)

// LRN is ONNX's LRN on x of Rows positions with C channels each:
//
//	s[c] = Bias + Alpha/Size * sum x[i]^2,  y[c] = x[c] / s[c]^Beta
//
// with i from c - floor((Size-1)/2) to c + ceil((Size-1)/2). For an odd size equals
// torch.nn.LocalResponseNorm with k = Bias.
type LRN struct {
	Rows, C           int
	Size              int
	Alpha, Beta, Bias float64
}

// Sizes returns the elements of x and y.
func (s LRN) Sizes() (in []int, out int) { return []int{s.Rows * s.C}, s.Rows * s.C }

// Differentiable is true.
func (s LRN) Differentiable(int) bool { return true }

// Reads returns x and y.
func (s LRN) Reads(int) Reads { r := inputs(0); r.Output = true; return r }

// Check reports sizes that make no sense.
func (s LRN) Check() error {
	if s.Rows < 1 || s.C < 1 || s.Size < 1 {
		return fmt.Errorf("LRN over %d of %d channels at %d positions", s.Size, s.C, s.Rows)
	}
	return nil
}

type lrn[T Float] struct {
	LRN
	workers workers
	row     vector.Normalization
	scratch [][]T // by worker
}

func newLRN[T Float](s LRN, k workers) *lrn[T] {
	l := &lrn[T]{LRN: s, workers: k, scratch: make([][]T, k.Size()),
		row: vector.Normalization{Size: min(s.Size, 2*s.C), // a window this wide holds every channel
			Alpha: s.Alpha / float64(s.Size), Beta: s.Beta, Bias: s.Bias}}
	for i := range l.scratch {
		l.scratch[i] = make([]T, l.row.Scratch(s.C))
	}
	return l
}

func (l *lrn[T]) Forward(y []T, in ...[]T) {
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		for r := lo; r < hi; r++ {
			vector.Normalize(l.row, y[r*l.C:][:l.C], in[0][r*l.C:][:l.C], l.scratch[worker])
		}
	})
}

func (l *lrn[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	l.workers.run(l.Rows, func(worker, lo, hi int) {
		for r := lo; r < hi; r++ {
			at, end := r*l.C, (r+1)*l.C
			vector.NormalizeGradient(l.row, dx[at:end], dy[at:end], y[at:end], in[0][at:end], l.scratch[worker])
		}
	})
}
