package diff_test

import (
	"testing"

	"alexctl/diff"
	"alexctl/onnx"
	"alexctl/runtime"
)

// strange is a model with an operator that nobody here knows.
func strange(t testing.TB, gamma float32, extra bool) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{
		Name:    "strange",
		Nodes:   []*onnx.Node{{Name: "a", OpType: "RandomNormalLike", Inputs: []string{"x"}, Outputs: []string{"h"}, Attributes: []*onnx.Attribute{onnx.FloatAttr("scale", gamma)}}},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 4))}},
		Outputs: []*onnx.Value{{Name: "h", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 4))}},
	}
	if extra {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: "b", OpType: "Relu", Inputs: []string{"h"}, Outputs: []string{"y"}})
		g.Outputs[0].Name = "y"
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

// TestUnknownOperators wants differences in structure and attributes found although nobody can
// compute the values.
func TestUnknownOperators(t *testing.T) {
	in := []runtime.Tensors{{"x": {Type: onnx.Float, Shape: []int{1, 4}, Data: make([]float32, 4)}}}
	for name, c := range map[string]struct {
		other          *onnx.Model
		verdict, first string
	}{
		"the same":           {strange(t, 0.5, false), diff.Uncompared, ""},
		"another attribute":  {strange(t, 0.25, false), diff.Different, "a"},
		"another node":       {strange(t, 0.5, true), diff.Different, "outputs"},
		"an attribute given": {strange(t, 0.5, false), diff.Different, "a"},
	} {
		if name == "an attribute given" {
			c.other.Graph.Nodes[0].Attributes = append(c.other.Graph.Nodes[0].Attributes, onnx.FloatAttr("mean", 1))
		}
		d, err := diff.Models(t.Context(), strange(t, 0.5, false), c.other, in, diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Verdict != c.verdict || d.First != c.first || len(d.Unchecked) == 0 {
			t.Errorf("%s: %s, first %q, findings %+v, unchecked %v", name, d.Verdict, d.First, d.Findings, d.Unchecked)
		}
	}
}
