package op_test

import (
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// TestPeak counts a chain, whose values are freed one by one, a fork, whose values stay, and
// sizes beyond all numbers.
func TestPeak(t *testing.T) {
	relu := func(in, out string) *onnx.Node {
		return &onnx.Node{Name: "make " + out, OpType: "Relu", Inputs: []string{in}, Outputs: []string{out}}
	}
	model := func(nodes []*onnx.Node, outputs ...string) *onnx.Model {
		g := &onnx.Graph{Name: "g", Nodes: nodes, Inputs: []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N")})}}}
		for _, name := range outputs {
			g.Outputs = append(g.Outputs, &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N")})})
		}
		return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
	}
	chain := []*onnx.Node{relu("x", "a"), relu("a", "b"), relu("b", "c"), relu("c", "y")}
	fork := []*onnx.Node{relu("x", "a"), relu("x", "b"), relu("x", "c")}
	for name, c := range map[string]struct {
		m    *onnx.Model
		n    int64
		want int64
		at   string
	}{
		"a chain":       {model(chain, "y"), 10, 2 * 40, "make a"},
		"a fork":        {model(fork, "a", "b", "c"), 10, 4 * 40, "make c"},
		"more than all": {model(fork, "a", "b", "c"), 1 << 62, 1 << 60, "make a"},
	} {
		got, at := op.Peak(c.m, map[string]onnx.Shape{"x": onnx.FixedShape(c.n)})
		if got != c.want || at != c.at {
			t.Errorf("%s: %d at %q, want %d at %q", name, got, at, c.want, c.at)
		}
	}
}
