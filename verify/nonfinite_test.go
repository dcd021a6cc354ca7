package verify_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

// TestNonfiniteWeights plants numbers that are none, or hardly, in the weights of random
// networks: every engine and the reference's fast paths must live with them, and outputs that
// are not finite are a finding, with the layer where that begins.
func TestNonfiniteWeights(t *testing.T) {
	engines := []runtime.Engine{reference.Engine{}, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}, onnxgo.Engine{}}
	if gorgonia.FasterKernels() == "" {
		engines = append(engines, gorgonia.Engine{})
	}
	if e, err := ort.New(ort.Config{Threads: 1}); err == nil && e.Check(t.Context()) == nil {
		engines = append(engines, e)
	}
	runs := 60
	if slow || testing.Short() {
		runs = 5
	}
	found := 0
	for seed := range runs {
		m, in := randomNetwork(uint64(seed))
		planted := []float32{float32(math.NaN()), float32(math.Inf(1)), math.SmallestNonzeroFloat32, math.MaxFloat32}[seed%4]
		where := plant(t, m, uint64(seed), planted)
		for _, allowed := range []bool{false, true} {
			r, err := verify.Compare(t.Context(), m, engines, []runtime.Tensors{in}, verify.Options{Layers: true, AllowNonfinite: allowed})
			if err != nil {
				t.Fatalf("seed %d, %g in %s: %v", seed, planted, where, err)
			}
			if len(r.Nonfinite) > 0 && r.Failed() == allowed && !r.Disagrees() {
				t.Errorf("seed %d, %g in %s: allowed %v, and the report fails: %v", seed, planted, where, allowed, r.Failed())
			}
			if !math.IsNaN(float64(planted)) {
				continue
			}
			found += len(r.Nonfinite)
			for _, n := range r.Nonfinite {
				if !strings.Contains(n.String(), "proves nothing") || n.Op == "" {
					t.Errorf("seed %d: %+v", seed, n)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no NaN reached an output")
	}
}

// plant puts a number into a random weight of the model.
func plant(t *testing.T, m *onnx.Model, seed uint64, v float32) (name string) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	var at []int
	for i, w := range m.Graph.Initializers {
		if n, err := w.Len(); err == nil && w.Type == onnx.Float && n > 1 {
			at = append(at, i)
		}
	}
	w := m.Graph.Initializers[at[r.IntN(len(at))]]
	n, err := w.Len()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, n)
	if err := w.Float32s(values, 0); err != nil {
		t.Fatal(err)
	}
	values[r.IntN(len(values))] = v
	c, err := onnx.FromFloat32s(w.Name, w.Dims, values)
	if err != nil {
		t.Fatal(err)
	}
	*w = *c
	return w.Name
}
