package verify_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/verify"
)

// wrong changes the gradients of a differentiator.
type wrong struct {
	runtime.Differentiator
	change func(gradients runtime.Tensors)
}

func (d wrong) Gradients(ctx context.Context, x *runtime.Tensor, labels []int) (float64, runtime.Tensors, error) {
	l, g, err := d.Differentiator.Gradients(ctx, x, labels)
	if err == nil {
		d.change(g)
	}
	return l, g, err
}

// TestGradients audits the gradients of networks with every kind of layer that is trained
// through, and wants planted mistakes found.
func TestGradients(t *testing.T) {
	if slow || testing.Short() {
		t.Skip("it runs each model some hundred times")
	}
	for _, variant := range []string{"pwc", "zhihu"} {
		m := sources{}.of(t, mistake{variant: variant, options: small6})
		x, labels := batch(t, m)
		d, err := gorgonia.NewDifferentiator(m, "", len(labels), gorgonia.Kernels{Set: "plain"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := verify.Gradients(t.Context(), m, d, x, labels, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !a.OK || len(a.Parameters) != 16 {
			t.Errorf("%s: %d parameters, %s", variant, len(a.Parameters), a.Reason)
		}
		for _, p := range a.Parameters {
			t.Logf("%s %s: error %.2g", variant, p.Name, float64(p.Error))
		}
		if variant != "pwc" {
			continue
		}
		for name, change := range map[string]func(v []float32){
			"a hundredth too large": func(v []float32) {
				for i := range v {
					v[i] *= 1.01
				}
			},
			"one half missing": func(v []float32) { clear(v[:len(v)/2]) },
			"in another order": func(v []float32) { v[0], v[len(v)-1] = v[len(v)-1], v[0]; copy(v, append(v[1:len(v):len(v)], v[0])) },
		} {
			e := wrong{d, func(g runtime.Tensors) { change(g["net.4.weight"].Data.([]float32)) }}
			a, err := verify.Gradients(t.Context(), m, e, x, labels, verify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if a.OK || !strings.Contains(a.Reason, "net.4.weight") {
				t.Errorf("%s: %+v", name, a)
			}
		}
	}
}

func batch(t *testing.T, m *onnx.Model) (*runtime.Tensor, []int) {
	t.Helper()
	in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 5, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	return in["input"], []int{r.IntN(10), r.IntN(10)}
}
