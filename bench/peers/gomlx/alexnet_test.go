package main

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// TestGradients holds gradients against central differences in float64. After one step
// from velocities of zero, a velocity is the gradient and the decay.
func TestGradients(t *testing.T) {
	const (
		batch     = 2
		h         = 1e-5
		tolerance = 1e-6 // of the largest gradient: the error of a central difference with this step
	)
	backend, err := simplego.New("parallelism=2")
	if err != nil {
		t.Fatal(err)
	}
	first := newTrainer[float64](backend, batch)
	weights, _, _ := initialise[float64](batch)
	first.step()
	for i := range weights { // every weight and bias
		w := tensors.MustCopyFlatData[float64](weights[i])
		v := tensors.MustCopyFlatData[float64](first.state[len(weights)+i])
		at, largest := 0, 0.0
		for k := range v {
			if g := math.Abs(v[k] - weightDecay*w[k]); g > largest {
				at, largest = k, g
			}
		}
		loss := func(x float64) float64 {
			tr := newTrainer[float64](backend, batch)
			changed := append([]float64{}, w...)
			changed[at] = x
			tr.state[i] = tensors.FromFlatDataAndDimensions(changed, weights[i].Shape().Dimensions...)
			return tr.step()
		}
		want := (loss(w[at]+h) - loss(w[at]-h)) / (2 * h)
		if got := v[at] - weightDecay*w[at]; !(math.Abs(got-want) <= tolerance*math.Max(largest, 1e-3)) {
			t.Errorf("parameter %d, element %d: gradient %g, differences say %g", i, at, got, want)
		}
	}
}
