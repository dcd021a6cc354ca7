package cmd

import (
	"strings"
	"testing"
	"time"

	"alexctl/builder"
	"alexctl/onnx"
)

// TestLongRuns estimates what was measured: 1,000 images on pwc, which took 12 s, and a pool of
// 1,000 x 1,000, which nobody waits for.
func TestLongRuns(t *testing.T) {
	v, err := builder.Find("pwc")
	if err != nil {
		t.Fatal(err)
	}
	pwc, err := v.Build(builder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pool := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "g",
		Nodes: []*onnx.Node{{Name: "pool", OpType: "MaxPool", Inputs: []string{"x"}, Outputs: []string{"y"},
			Attributes: []*onnx.Attribute{{Name: "kernel_shape", Type: onnx.AttrInts, Ints: []int64{1000, 1000}}}}},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 1, 2000, 2000))}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 1, 1001, 1001))}},
	}}
	for name, c := range map[string]struct {
		takes, least, most time.Duration
	}{
		"1,000 images":   {inferring.takes(pwc, nil, 1000), 5 * time.Second, longRun},
		"verifying one":  {verifying.takes(pwc, nil, 1), 500 * time.Millisecond, 20 * time.Second},
		"a large pool":   {verifying.takes(pool, nil, 1), time.Hour, 1000 * time.Hour},
		"more than ever": {verifying.takes(pool, nil, 1<<40), 1000 * time.Hour, 1 << 62},
	} {
		if c.takes < c.least || c.takes > c.most {
			t.Errorf("%s: %s, want %s to %s", name, c.takes, c.least, c.most)
		}
		var said strings.Builder
		(&app{stderr: &said}).sayLong(c.takes)
		if (said.Len() > 0) != (c.takes > longRun) {
			t.Errorf("%s: says %q", name, said.String())
		}
	}
}
