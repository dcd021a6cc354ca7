package pass_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
)

// model is a small network: two convolutions whose zero biases are one initializer, which the
// last layer reads too, Dropout, and a Sigmoid at the end.
func model(t testing.TB) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{Name: "g"}
	put := func(name string, dims []int64, f func(i int) float32) {
		n, err := onnx.ElementCount(dims)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = f(i)
		}
		w, err := onnx.FromFloat32s(name, dims, v)
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, w)
	}
	varied := func(i int) float32 { return float32(i%5-2) / 4 }
	put("w1", []int64{4, 1, 3, 3}, varied)
	put("w2", []int64{4, 4, 1, 1}, varied)
	put("fc", []int64{4, 4}, varied)
	put("zeros", []int64{4}, func(int) float32 { return 0 })
	put("ratio", nil, func(int) float32 { return 0.5 })
	add := func(name, opType string, in []string, attrs ...*onnx.Attribute) {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: name, OpType: opType, Inputs: in, Outputs: []string{name + "_y"}, Attributes: attrs})
	}
	add("conv1", "Conv", []string{"x", "w1", "zeros"})
	add("conv2", "Conv", []string{"conv1_y", "w2", "zeros"})
	add("spare", "Relu", []string{"conv1_y"})
	add("pool", "GlobalAveragePool", []string{"conv2_y"})
	add("flat", "Flatten", []string{"pool_y"})
	add("drop", "Dropout", []string{"flat_y", "ratio"})
	add("head", "Gemm", []string{"drop_y", "fc", "zeros"}, onnx.IntAttr("transB", 1))
	add("sig", "Sigmoid", []string{"head_y"})
	n := onnx.Symbol("N")
	g.Inputs = []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(1), onnx.Known(6), onnx.Known(6)})}}
	g.Outputs = []*onnx.Value{{Name: "sig_y", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(4)})}}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

// applied runs one pass, which must leave the model that it is given as it was.
func applied(t testing.TB, m *onnx.Model, p pass.Pass) (*onnx.Model, []pass.Change) {
	t.Helper()
	before, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c, reports, err := pass.Run(m, p)
	if err != nil {
		t.Fatal(err)
	}
	after, err := m.Bytes()
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("%s changed the model that it was given", p.Name())
	}
	return c, reports[0].Changes
}

func node(m *onnx.Model, name string) *onnx.Node {
	i := slices.IndexFunc(m.Graph.Nodes, func(n *onnx.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return m.Graph.Nodes[i]
}

func TestPrune(t *testing.T) {
	m, changes := applied(t, model(t), pass.Prune())
	if node(m, "spare") != nil || len(m.Graph.Nodes) != 7 || len(changes) != 1 {
		t.Errorf("%d nodes are left, changes %v", len(m.Graph.Nodes), changes)
	}
}

func TestStrip(t *testing.T) {
	m, _ := applied(t, model(t), pass.Strip())
	if node(m, "drop") != nil || node(m, "head").Inputs[0] != "flat_y" || m.Graph.Initializer("ratio") != nil {
		t.Errorf("head reads %v", node(m, "head").Inputs)
	}
}

// TestStripReachesSubgraphs has a branch of an If read what a Dropout makes.
func TestStripReachesSubgraphs(t *testing.T) {
	m := model(t)
	branch := func() *onnx.Graph {
		return &onnx.Graph{Name: "b", Nodes: []*onnx.Node{{OpType: "Relu", Inputs: []string{"drop_y"}, Outputs: []string{"inner"}}}, Outputs: []*onnx.Value{{Name: "inner"}}}
	}
	m.Graph.Inputs = append(m.Graph.Inputs, &onnx.Value{Name: "c", Type: onnx.TensorType(onnx.Bool, onnx.Shape{})})
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "if", OpType: "If", Inputs: []string{"c"}, Outputs: []string{"z"}, Attributes: []*onnx.Attribute{
		{Name: "then_branch", Type: onnx.AttrGraph, Graph: branch()}, {Name: "else_branch", Type: onnx.AttrGraph, Graph: branch()}}})
	m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: "z", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(4)})})
	s, _ := applied(t, m, pass.Strip())
	if in := node(s, "if").Attribute("else_branch").Graph.Nodes[0].Inputs[0]; in != "flat_y" {
		t.Errorf("the branch reads %q", in)
	}
}

// TestStripCapturesNothing has a branch that has its own value of the name that it would read.
func TestStripCapturesNothing(t *testing.T) {
	m := model(t)
	branch := func() *onnx.Graph {
		return &onnx.Graph{Name: "b", Nodes: []*onnx.Node{
			{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"flat_y"}},
			{OpType: "Add", Inputs: []string{"drop_y", "flat_y"}, Outputs: []string{"inner"}}}, Outputs: []*onnx.Value{{Name: "inner"}}}
	}
	m.Graph.Inputs = append(m.Graph.Inputs, &onnx.Value{Name: "c", Type: onnx.TensorType(onnx.Bool, onnx.Shape{})})
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "if", OpType: "If", Inputs: []string{"c"}, Outputs: []string{"z"}, Attributes: []*onnx.Attribute{
		{Name: "then_branch", Type: onnx.AttrGraph, Graph: branch()}, {Name: "else_branch", Type: onnx.AttrGraph, Graph: branch()}}})
	m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: "z"})
	s, _, err := pass.Run(m, pass.Strip())
	if err != nil {
		return // such a model is not sound
	}
	if in := node(s, "if").Attribute("then_branch").Graph.Nodes[1].Inputs[0]; in != "drop_y" || node(s, "drop") == nil {
		t.Errorf("the branch reads %q", in)
	}
}

// TestSeparate gives three biases that were merged initializers of their own, and leaves tied
// weights tied.
func TestSeparate(t *testing.T) {
	m, _ := applied(t, model(t), pass.Separate())
	biases := map[string]bool{}
	for _, name := range []string{"conv1", "conv2", "head"} {
		b := node(m, name).Inputs[2]
		biases[b] = true
		if m.Graph.Initializer(b) == nil {
			t.Errorf("%s reads %q, which is no initializer", name, b)
		}
	}
	if len(biases) != 3 || node(m, "conv1").Inputs[2] != "zeros" {
		t.Errorf("the biases are %v", biases)
	}
	tied := model(t)
	node(tied, "conv2").Inputs[1] = "w1"
	tied.Graph.Initializers[0].Dims = []int64{4, 1, 3, 3}
	node(tied, "conv2").Inputs[0] = "x"
	c, changes := applied(t, tied, pass.Separate())
	if node(c, "conv2").Inputs[1] != "w1" || !slices.ContainsFunc(changes, func(c pass.Change) bool { return c.Where == "w1" && strings.Contains(c.What, "conv1, conv2") }) {
		t.Errorf("conv2 reads %q, changes %v", node(c, "conv2").Inputs[1], changes)
	}
}

// TestReplaceHead replaces a layer whose bias others read, behind a Sigmoid.
func TestReplaceHead(t *testing.T) {
	m, _ := applied(t, model(t), pass.ReplaceHead{Classes: 7, Seed: 1})
	if m.Graph.Outputs[0].Type.String() != "FLOAT[N 7]" || node(m, "conv1").Inputs[2] != "zeros" || node(m, "head").Inputs[2] == "zeros" {
		t.Errorf("output %s, conv1 reads %q, the head %q", m.Graph.Outputs[0].Type, node(m, "conv1").Inputs[2], node(m, "head").Inputs[2])
	}
	if z := m.Graph.Initializer("zeros"); z.Dims[0] != 4 {
		t.Errorf("the bias of others is %s", z)
	}
	if _, a := op.Scores(onnx.NewIndex(m.Graph), "sig_y"); a != op.NoActivation {
		t.Error("the Sigmoid is still there")
	}
	tail := model(t)
	tail.Graph.Nodes = append(tail.Graph.Nodes, &onnx.Node{Name: "last", OpType: "Dropout", Inputs: []string{"sig_y"}, Outputs: []string{"dropped"}})
	tail.Graph.Outputs[0] = &onnx.Value{Name: "dropped", Type: tail.Graph.Outputs[0].Type}
	if m, _ := applied(t, tail, pass.ReplaceHead{Classes: 7}); m.Graph.Outputs[0].Type.String() != "FLOAT[N 7]" {
		t.Errorf("behind the head is a Dropout: output %s", m.Graph.Outputs[0].Type)
	}
	ends := model(t)
	ends.Graph.Nodes = ends.Graph.Nodes[:5]
	ends.Graph.Outputs = []*onnx.Value{{Name: "flat_y", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(4)})}}
	convolved, _ := applied(t, ends, pass.ReplaceHead{Classes: 7})
	if w := convolved.Graph.Initializer(node(convolved, "conv2").Inputs[1]); convolved.Graph.Outputs[0].Type.String() != "FLOAT[N 7]" || fmt.Sprint(w.Dims) != "[7 4 1 1]" ||
		node(convolved, "conv1").Inputs[2] != "zeros" || node(convolved, "conv2").Inputs[2] == "zeros" {
		t.Errorf("a head of a convolution and a pool: output %s, kernel %v, bias %s", convolved.Graph.Outputs[0].Type, w.Dims, node(convolved, "conv2").Inputs[2])
	}
	ends.Graph.Nodes[3].OpType, ends.Graph.Nodes[3].Attributes = "Transpose", []*onnx.Attribute{onnx.IntsAttr("perm", 0, 2, 3, 1)}
	ends.Graph.Outputs[0].Type = onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.UnknownDim})
	if _, _, err := pass.Run(ends, pass.ReplaceHead{Classes: 7}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a model without such a layer: %v", err)
	}
}

func TestExposeAndSegment(t *testing.T) {
	m := model(t)
	e, _ := applied(t, m, pass.Expose{Values: []string{"conv1_y", "sig_y", "conv1_y"}})
	if len(e.Graph.Outputs) != 2 || e.Graph.Outputs[1].Type.String() != "FLOAT[N 4 4 4]" {
		t.Errorf("outputs %v", e.Graph.Outputs)
	}
	if _, _, err := pass.Run(m, pass.Expose{Values: []string{"x"}}); err == nil {
		t.Error("an input was made an output")
	}
	types := op.Infer(m, nil).Values
	s, _ := applied(t, m, pass.Segment{Lo: 1, Hi: 4, Index: onnx.NewIndex(m.Graph), TypeOf: func(name string) *onnx.Type { return types[name].Declared() }})
	if len(s.Graph.Nodes) != 3 || len(s.Graph.Inputs) != 1 || s.Graph.Inputs[0].Name != "conv1_y" || len(s.Graph.Outputs) != 1 || s.Graph.Outputs[0].Name != "pool_y" {
		t.Errorf("nodes %d, inputs %v, outputs %v", len(s.Graph.Nodes), s.Graph.Inputs, s.Graph.Outputs)
	}
}

// broken is a pass that leaves a model with a problem.
type broken struct{}

func (broken) Name() string { return "broken" }
func (broken) Apply(m *onnx.Model) (*onnx.Model, []pass.Change, error) {
	c := m.Clone()
	c.Graph.Nodes[0].Inputs[0] = "nothing"
	return c, nil, nil
}

func TestRunChecksAfterEach(t *testing.T) {
	if _, _, err := pass.Run(model(t), broken{}); fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "broken: after it") {
		t.Errorf("error is %v", err)
	}
	m := model(t) // a problem from before is not the pass's
	m.IRVersion = 0
	if _, _, err := pass.Run(m, pass.Prune()); err != nil {
		t.Error(err)
	}
}

// TestDefaultsGoWithTheirInput strips a Dropout whose ratio is an input with a default: the
// input goes too, for it would have to be fed.
func TestDefaultsGoWithTheirInput(t *testing.T) {
	m := model(t)
	m.Graph.Inputs = append(m.Graph.Inputs, &onnx.Value{Name: "ratio", Type: onnx.TensorType(onnx.Float, onnx.Shape{})})
	s, _ := applied(t, m, pass.Strip())
	if len(s.Graph.Inputs) != 1 || s.Graph.Inputs[0].Name != "x" || len(m.Graph.Inputs) != 2 {
		t.Errorf("inputs %v, before %v", s.Graph.Inputs, m.Graph.Inputs)
	}
}

// TestInferenceKeepsRequiredOutputs has a Split of which nobody reads the last part: without it
// the others would be larger.
func TestInferenceKeepsRequiredOutputs(t *testing.T) {
	m := model(t)
	m.Graph.Nodes = append(m.Graph.Nodes,
		&onnx.Node{Name: "split", OpType: "Split", Inputs: []string{"sig_y"}, Outputs: []string{"a", "b"}},
		&onnx.Node{Name: "masked", OpType: "Dropout", Inputs: []string{"a"}, Outputs: []string{"kept", "mask"}})
	m.Graph.Outputs = []*onnx.Value{{Name: "kept", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.UnknownDim})}}
	i, changes := applied(t, m, pass.Inference())
	if n := node(i, "split"); len(n.Outputs) != 2 {
		t.Errorf("Split has the outputs %v", n.Outputs)
	}
	if n := node(i, "masked"); len(n.Outputs) != 1 || len(changes) == 0 {
		t.Errorf("Dropout has the outputs %v; changes %v", n.Outputs, changes)
	}
}

// TestReplaceHeadOfOneOutput leaves another output alone that is a Sigmoid of the same logits,
// and an output without a type is no trouble.
func TestReplaceHeadOfOneOutput(t *testing.T) {
	m := model(t)
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "aux", OpType: "Sigmoid", Inputs: []string{"head_y"}, Outputs: []string{"aux_y"}})
	m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: "aux_y"})
	r, _, err := pass.Run(m, pass.ReplaceHead{Output: "sig_y", Classes: 7, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if node(r, "aux").OpType != "Sigmoid" || node(r, "sig").OpType != "Identity" {
		t.Errorf("aux is %s, sig %s", node(r, "aux").OpType, node(r, "sig").OpType)
	}
}
