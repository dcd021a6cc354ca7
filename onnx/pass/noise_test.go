package pass_test

import (
	"slices"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
)

// noisy is x times noise: whether uniform numbers are less than keep, divided by by.
func noisy(t *testing.T, keep, by float32) *onnx.Model {
	t.Helper()
	number := func(name string, v float32) *onnx.Tensor {
		c, err := onnx.FromFloat32s(name, []int64{}, []float32{v})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	float := func(name string) *onnx.Value {
		return &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 17}}, Graph: &onnx.Graph{
		Name: "noisy", Inputs: []*onnx.Value{float("x")}, Outputs: []*onnx.Value{float("z")}, Initializers: []*onnx.Tensor{number("keep", keep), number("by", by)},
		Nodes: []*onnx.Node{
			{Name: "draw", OpType: "RandomUniformLike", Inputs: []string{"x"}, Outputs: []string{"u"}},
			{Name: "less", OpType: "Less", Inputs: []string{"u", "keep"}, Outputs: []string{"b"}},
			{Name: "cast", OpType: "Cast", Inputs: []string{"b"}, Outputs: []string{"f"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}},
			{Name: "scale", OpType: "Div", Inputs: []string{"f", "by"}, Outputs: []string{"mask"}},
			{Name: "drop", OpType: "Mul", Inputs: []string{"mask", "x"}, Outputs: []string{"y"}},
			{Name: "add", OpType: "Add", Inputs: []string{"x", "y"}, Outputs: []string{"z"}},
		},
	}}
}

// TestNoise wants noise to give way to its mean, and what drew it to be gone.
func TestNoise(t *testing.T) {
	for _, c := range []struct {
		keep, by float32
		kinds    []string
		mean     float64 // of the noise
	}{
		{0.8, 0.8, []string{"Identity", "Add"}, 1},
		{0.8, 1, []string{"Mul", "Add"}, 0.8},
		{1.5, 2, []string{"Mul", "Add"}, 0.5},
	} {
		m, reports, err := pass.Run(noisy(t, c.keep, c.by), pass.Inference())
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, n := range m.Graph.Nodes {
			kinds = append(kinds, n.OpType)
		}
		if !slices.Equal(kinds, c.kinds) || len(reports[0].Changes) != 1 {
			t.Errorf("less than %g, by %g: %v with %v, want %v", c.keep, c.by, kinds, reports[0].Changes, c.kinds)
			continue
		}
		if n := m.Graph.Nodes[0]; len(n.Inputs) == 2 {
			a, err := op.FromTensor(m.Graph.Initializer(n.Inputs[1]))
			if err != nil || a.F[0] < c.mean-1e-6 || a.F[0] > c.mean+1e-6 {
				t.Errorf("less than %g, by %g: the mean is %v (%v), want %g", c.keep, c.by, a, err, c.mean)
			}
		}
	}
}
