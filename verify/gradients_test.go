package verify_test

import (
	"context"
	"math/rand/v2"
	"slices"
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

// TestGradientsOfWhatIsLearned audits a model that is certain of its answers: its gradients are too
// small to tell, which is no mistake, and is said. A large gradient where there is none is found.
func TestGradientsOfWhatIsLearned(t *testing.T) {
	m := smallest(t)
	x, _ := batch(t, m)
	d, err := gorgonia.NewDifferentiator(m, "", 2, gorgonia.Kernels{Set: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	scores := run(t, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}, m, x)[0]
	labels := make([]int, 2)
	for i := range labels {
		row := scores[i*len(scores)/2 : (i+1)*len(scores)/2]
		labels[i] = slices.Index(row, slices.Max(row))
	}
	a, err := verify.Gradients(t.Context(), m, d, x, labels, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	unseen := 0
	for _, p := range a.Parameters {
		if p.Unseen {
			unseen++
		}
	}
	if !a.OK || unseen == 0 || float64(a.Loss) > 1e-6 {
		t.Errorf("loss %g, %d of %d unseen, %s", float64(a.Loss), unseen, len(a.Parameters), a.Reason)
	}
	e := wrong{d, func(g runtime.Tensors) {
		for _, v := range g {
			for i := range v.Data.([]float32) {
				v.Data.([]float32)[i] = 1e-3
			}
		}
	}}
	if a, err = verify.Gradients(t.Context(), m, e, x, labels, verify.Options{}); err != nil || a.OK {
		t.Errorf("gradients that are not there pass: %v", err)
	}
}

// smallest is a classifier of which one layer makes scores that are far apart.
func smallest(t *testing.T) *onnx.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	v := make([]float32, 10*48)
	for i := range v {
		v[i] = float32(r.NormFloat64() * 20)
	}
	w, err := onnx.FromFloat32s("w", []int64{10, 48}, v)
	if err != nil {
		t.Fatal(err)
	}
	n := onnx.Symbol("N")
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "smallest", Initializers: []*onnx.Tensor{w},
		Nodes: []*onnx.Node{
			{Name: "flat", OpType: "Flatten", Inputs: []string{"input"}, Outputs: []string{"f"}},
			{Name: "fc", OpType: "Gemm", Inputs: []string{"f", "w"}, Outputs: []string{"logits"}, Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}},
		},
		Inputs:  []*onnx.Value{{Name: "input", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(3), onnx.Known(4), onnx.Known(4)})}},
		Outputs: []*onnx.Value{{Name: "logits", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(10)})}},
	}}
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
