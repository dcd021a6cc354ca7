package verify_test

import (
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

// TestOfficial reads ONNX's node tests as --inputs does, and compares ONNX Runtime and the
// recorded outputs with the reference.
func TestOfficial(t *testing.T) {
	if slow {
		t.Skip("the operators are tested without the race detector")
	}
	var engines []runtime.Engine
	for _, level := range []string{"off", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		engines = append(engines, e)
	}
	ran := runtimetest.EachOfficial(t, "ort", func(t *testing.T, m *onnx.Model, dir string) {
		sets, err := verify.ReadInputs(dir, m.Graph)
		if err != nil {
			t.Fatal(err)
		}
		var o verify.Options
		var inputs []runtime.Tensors
		for _, s := range sets {
			inputs, o.Recorded = append(inputs, s.Inputs), append(o.Recorded, s.Outputs)
		}
		r, err := verify.Compare(t.Context(), m, engines, inputs, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Results) != 3 {
			t.Errorf("%d results, want the recorded outputs and two engines", len(r.Results))
		}
		for _, x := range r.Results {
			if x.Status == verify.Skipped && strings.HasPrefix(x.Reason, "nothing could be compared") {
				continue // values without elements
			}
			if x.Status != verify.Pass {
				t.Errorf("%s %s: %s", x.Engine, x.Status, x.Reason)
			}
		}
	})
	t.Logf("%d official node tests", ran)
}
