package onnx_test

import (
	"slices"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// TestCheck breaks a small model in one way at a time and wants the problem named.
func TestCheck(t *testing.T) {
	relu := func(in, out string) *onnx.Node {
		return &onnx.Node{Name: "relu", OpType: "Relu", Inputs: []string{in}, Outputs: []string{out}}
	}
	tensor := func(name string, dims []int64) *onnx.Tensor {
		n, _ := onnx.ElementCount(dims)
		w, err := onnx.FromFloat32s(name, dims, make([]float32, n))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	conv := func(group int64, w []int64, more ...*onnx.Attribute) func(*onnx.Model) {
		return func(m *onnx.Model) {
			g := m.Graph
			g.Inputs[0].Type = onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(6), onnx.Known(8), onnx.Known(8)})
			g.Outputs[0].Type = onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.UnknownDim, onnx.UnknownDim, onnx.UnknownDim})
			g.Initializers = []*onnx.Tensor{tensor("w", w)}
			g.Nodes[0] = &onnx.Node{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"},
				Attributes: append([]*onnx.Attribute{onnx.IntAttr("group", group)}, more...)}
		}
	}
	for name, c := range map[string]struct {
		change func(m *onnx.Model)
		want   string
	}{
		"no ir version": {func(m *onnx.Model) { m.IRVersion = 0 }, "ir_version is missing"},
		"no opset":      {func(m *onnx.Model) { m.OperatorSets = nil }, "opset_import is missing"},
		"two opsets": {func(m *onnx.Model) {
			m.OperatorSets = append([]onnx.OperatorSet{{Domain: "ai.onnx", Version: 7}}, m.OperatorSets...)
		},
			"imported twice: engines take the last, version 13"},
		"new opset":        {func(m *onnx.Model) { m.OperatorSets[0].Version = 99 }, "opset 99"},
		"no graph name":    {func(m *onnx.Model) { m.Graph.Name = "" }, "no name"},
		"metadata twice":   {func(m *onnx.Model) { m.Metadata = []onnx.Property{{Key: "a"}, {Key: "a"}} }, "appears twice"},
		"input untyped":    {func(m *onnx.Model) { m.Graph.Inputs[0].Type = nil }, "no type"},
		"input unshaped":   {func(m *onnx.Model) { m.Graph.Inputs[0].Type = &onnx.Type{Elem: onnx.Float} }, "no shape"},
		"input of no type": {func(m *onnx.Model) { m.Graph.Inputs[0].Type.Elem = 77 }, "element type"},
		"undefined input":  {func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = "z" }, `"z" is neither`},
		"output not made":  {func(m *onnx.Model) { m.Graph.Outputs[0].Name = "z" }, "made by no node"},
		"defined twice":    {func(m *onnx.Model) { m.Graph.Nodes = append(m.Graph.Nodes, relu("x", "y")) }, "used twice"},
		"wrong order": {func(m *onnx.Model) {
			m.Graph.Nodes[0].Inputs[0] = "r"
			m.Graph.Nodes = append(m.Graph.Nodes, relu("x", "r"))
		}, "topological order"},
		"cycle": {func(m *onnx.Model) {
			m.Graph.Nodes[0].Inputs[0] = "r"
			m.Graph.Nodes = append(m.Graph.Nodes, relu("y", "r"))
		}, "cycle"},
		"unknown operator":     {func(m *onnx.Model) { m.Graph.Nodes[0].OpType = "Gem" }, "did you mean Gemm?"},
		"unknown attribute":    {func(m *onnx.Model) { m.Graph.Nodes[0].Attributes[0].Name = "transC" }, `no attribute called "transC"`},
		"attribute twice":      {func(m *onnx.Model) { n := m.Graph.Nodes[0]; n.Attributes = append(n.Attributes, n.Attributes[0]) }, "two attributes"},
		"attribute of a kind":  {func(m *onnx.Model) { m.Graph.Nodes[0].Attributes[0] = onnx.FloatAttr("transB", 1) }, "is FLOAT, want INT"},
		"too few inputs":       {func(m *onnx.Model) { m.Graph.Nodes[0].Inputs = m.Graph.Nodes[0].Inputs[:1] }, "1 inputs, want 2 to 3 in opset 13"},
		"initializer twice":    {func(m *onnx.Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) }, "two initializers"},
		"weights of old files": {func(m *onnx.Model) { m.IRVersion = 3 }, "not a graph input"},
		"inner dimensions":     {func(m *onnx.Model) { m.Graph.Initializers[0].Dims = []int64{100, 3} }, "inner dimensions"},
		"short data":           {func(m *onnx.Model) { m.Graph.Initializers[0].Dims = []int64{3, 101} }, "1200 bytes of data, FLOAT[3 101] needs 1212"},
		"output shape":         {func(m *onnx.Model) { (*m.Graph.Outputs[0].Type.Shape)[1] = onnx.Known(4) }, "declared FLOAT[N 4], the graph makes FLOAT[N 3]"},
		"output batch":         {func(m *onnx.Model) { (*m.Graph.Outputs[0].Type.Shape)[0] = onnx.Known(1) }, "declared FLOAT[1 3], the graph makes FLOAT[N 3]"},
		"node name twice":      {func(m *onnx.Model) { n := relu("y", "z"); n.Name = "fc"; m.Graph.Nodes = append(m.Graph.Nodes, n) }, "two nodes have this name"},
		"no output":            {func(m *onnx.Model) { m.Graph.Outputs = nil }, "no output"},
		"domain not imported":  {func(m *onnx.Model) { m.Graph.Nodes[0].Domain = "com.example" }, "is not imported"},
		"operator of later":    {func(m *onnx.Model) { m.OperatorSets[0].Version = 8; m.Graph.Nodes[0].OpType = "ConstantOfShape" }, "exists since opset 9"},
		"output type":          {func(m *onnx.Model) { m.Graph.Outputs[0].Type.Elem = onnx.Double }, "declared DOUBLE"},
		"channels":             {conv(1, []int64{4, 5, 3, 3}), "wants 5 input channels; the input [N 6 8 8] has 6"},
		"group weights":        {conv(2, []int64{4, 6, 3, 3}), "with group 2"},
		"group divides":        {conv(3, []int64{4, 2, 3, 3}), "group 3 does not divide"},
		"kernel too large":     {conv(1, []int64{4, 6, 9, 3}), "the window spans 9"},
		"pads and auto_pad":    {conv(1, []int64{4, 6, 3, 3}, onnx.StringAttr("auto_pad", "SAME_UPPER"), onnx.IntsAttr("pads", 1, 1, 1, 1)), "both auto_pad"},
		"pads":                 {conv(1, []int64{4, 6, 3, 3}, onnx.IntsAttr("pads", 1, 1)), "want 4 numbers"},
		"kernel_shape":         {conv(1, []int64{4, 6, 3, 3}, onnx.IntsAttr("kernel_shape", 5, 5)), "kernel_shape"},
		"strides":              {conv(1, []int64{4, 6, 3, 3}, onnx.IntsAttr("strides", 0, 1)), "strides"},
	} {
		m := tiny(t)
		if f := op.Check(m); len(f.Problems)+len(f.Warnings) > 0 {
			t.Fatalf("the sound model has problems: %v", f)
		}
		c.change(m)
		f := op.Check(m)
		problems := f.Problems
		switch name {
		case "output batch", "output shape", "node name twice", "two opsets": // which engines put up with
			problems = f.Warnings
		case "new opset": // which is beyond us, and not wrong
			problems = f.Unchecked
		}
		if !slices.ContainsFunc(problems, func(p onnx.Problem) bool { return strings.Contains(p.String(), c.want) }) {
			t.Errorf("%s: problems are %v, want one with %q", name, problems, c.want)
		}
	}
}

// TestCheckFindsOnlyTheCycle wants a node behind a cycle not to be blamed for it.
func TestCheckFindsOnlyTheCycle(t *testing.T) {
	m := tiny(t)
	add := func(name, in, out string) {
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: name, OpType: "Relu", Inputs: []string{in}, Outputs: []string{out}})
	}
	add("a", "c", "b")
	add("b", "b", "c")
	add("after", "c", "d")
	var cyclic []string
	problems, _ := onnx.Check(m)
	for _, p := range problems {
		if strings.Contains(p.Problem, "cycle") {
			cyclic = append(cyclic, p.Where)
		}
	}
	if len(cyclic) != 1 || !strings.Contains(cyclic[0], `"a"`) {
		t.Errorf("nodes blamed for the cycle: %v", cyclic)
	}
}

// TestUnchecked wants valid operators that are not supported to be named, not
// called wrong.
func TestUnchecked(t *testing.T) {
	m := tiny(t)
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "hard", OpType: "Hardmax", Inputs: []string{"y"}, Outputs: []string{"z"}},
		&onnx.Node{Name: "own", OpType: "Mine", Domain: "com.example", Inputs: []string{"z"}, Outputs: []string{"o"}})
	m.OperatorSets = append(m.OperatorSets, onnx.OperatorSet{Domain: "com.example", Version: 1})
	f := op.Check(m)
	if len(f.Problems) != 0 || len(f.Unchecked) != 2 {
		t.Errorf("problems %v, unchecked %v", f.Problems, f.Unchecked)
	}
}
