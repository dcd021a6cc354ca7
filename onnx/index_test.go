package onnx_test

import (
	"os"
	"slices"
	"testing"

	"alexctl/onnx"
)

// branching is a graph whose If reads a value of the graph outside in one branch.
func branching() *onnx.Graph {
	inner := func(reads string) *onnx.Graph {
		return &onnx.Graph{Name: "branch", Nodes: []*onnx.Node{{OpType: "Relu", Inputs: []string{reads}, Outputs: []string{"o"}}}, Outputs: []*onnx.Value{{Name: "o"}}}
	}
	return &onnx.Graph{
		Name: "g",
		Nodes: []*onnx.Node{
			{Name: "a", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"h"}},
			{Name: "if", OpType: "If", Inputs: []string{"c"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{
				{Name: "then_branch", Type: onnx.AttrGraph, Graph: inner("h")}, {Name: "else_branch", Type: onnx.AttrGraph, Graph: inner("x")}}},
		},
		Inputs:  []*onnx.Value{{Name: "x"}, {Name: "c"}},
		Outputs: []*onnx.Value{{Name: "y"}},
	}
}

func TestIndexSeesSubgraphs(t *testing.T) {
	g := branching()
	x := onnx.NewIndex(g)
	if u := x.Uses("h"); len(u) != 1 || u[0].At != 1 || u[0].Node.OpType != "Relu" || u[0].Node == g.Nodes[0] {
		t.Errorf("h is read at %+v, want once, in the If", u)
	}
	if u := x.Uses("x"); len(u) != 2 || u[0].Node != g.Nodes[0] {
		t.Errorf("x is read at %+v", u)
	}
	if x.Used("o") || x.Maker("y") != g.Nodes[1] || x.Maker("x") != nil || x.Output("y") == nil || x.Input("c") == nil {
		t.Error("makers, inputs or outputs are wrong")
	}
	if reads := g.Nodes[1].Reads(); !slices.Equal(reads, []string{"c", "h", "x"}) {
		t.Errorf("the If reads %v", reads)
	}
}

// TestReadingRenames wants a rename to reach subgraphs, but not names that they define.
func TestReadingRenames(t *testing.T) {
	g := branching()
	n := g.Nodes[1].Reading(map[string]string{"h": "new", "o": "wrong"})
	then := n.Attribute("then_branch").Graph
	if then.Nodes[0].Inputs[0] != "new" || then.Outputs[0].Name != "o" {
		t.Errorf("the branch reads %v and gives %s", then.Nodes[0].Inputs, then.Outputs[0].Name)
	}
	if g.Nodes[1].Attribute("then_branch").Graph.Nodes[0].Inputs[0] != "h" {
		t.Error("the original was changed")
	}
}

// TestCloneIsApart changes everything of a clone.
func TestCloneIsApart(t *testing.T) {
	m := tiny(t)
	before, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c := m.Clone()
	c.Graph.Nodes[0].Inputs[0], c.Graph.Nodes[0].OpType = "other", "Relu"
	c.Graph.Nodes[0].Attributes[0].Int = 7
	(*c.Graph.Inputs[0].Type.Shape)[0] = onnx.Known(9)
	c.Graph.Initializers = nil
	c.SetProperty("k", "v")
	after, err := m.Bytes()
	if err != nil || !slices.Equal(before, after) {
		t.Error("changing a clone changed the model")
	}
}

// TestPathIsOfUnchangedModels changes an opened model in a field, and its file.
func TestPathIsOfUnchangedModels(t *testing.T) {
	path := write(t, tiny(t), onnx.WriteOptions{})
	open := func() *onnx.Model {
		m, err := onnx.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if m.Path() != path {
			t.Errorf("an opened model has the path %q", m.Path())
		}
		return m
	}
	for name, change := range map[string]func(*onnx.Model){
		"operator":    func(m *onnx.Model) { m.Graph.Nodes[0].OpType = "MatMul" },
		"attribute":   func(m *onnx.Model) { m.Graph.Nodes[0].Attributes[0].Int++ },
		"metadata":    func(m *onnx.Model) { m.SetProperty("k", "v") },
		"opset":       func(m *onnx.Model) { m.OperatorSets[0].Version++ },
		"initializer": func(m *onnx.Model) { m.Graph.Initializers[0] = tiny(t).Graph.Initializers[0] },
		"shape":       func(m *onnx.Model) { (*m.Graph.Inputs[0].Type.Shape)[0] = onnx.Known(3) },
	} {
		m := open()
		if change(m); m.Path() != "" {
			t.Errorf("after a change of its %s the model has the path %q", name, m.Path())
		}
	}
	m := open()
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m.Path() != "" {
		t.Error("a model whose file was written to has its path")
	}
	path = write(t, tiny(t), onnx.WriteOptions{ExternalData: true})
	m = open()
	data := path + ".data"
	b, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if m.Path() != "" {
		t.Error("a model whose external data were replaced has its path")
	}
}

// TestAttributeChangesKind gives an attribute that was read from a file a value of another kind.
func TestAttributeChangesKind(t *testing.T) {
	b, err := tiny(t).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	a := m.Graph.Nodes[0].Attributes[0]
	a.Type, a.Float = onnx.AttrFloat, 2.5
	if b, err = m.Bytes(); err != nil {
		t.Fatal(err)
	}
	if m, err = onnx.Parse(b); err != nil {
		t.Fatal(err)
	}
	if a := m.Graph.Nodes[0].Attributes[0]; a.Type != onnx.AttrFloat || a.Float != 2.5 || a.Int != 0 {
		t.Errorf("read back as %+v", a)
	}
}

// TestRetyped gives an initializer that is an input too another type and shape.
func TestRetyped(t *testing.T) {
	m := tiny(t)
	w := m.Graph.Initializers[0]
	m.Graph.Inputs = append(m.Graph.Inputs, &onnx.Value{Name: w.Name, Type: onnx.TensorType(w.Type, onnx.FixedShape(w.Dims...))})
	half, err := onnx.FromBytes(w.Name, onnx.Float16, []int64{2, 2}, make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Graph.WithInitializers(map[string]*onnx.Tensor{w.Name: half}); err == nil {
		t.Error("the gate for weights let another type through")
	}
	g, err := m.Graph.WithRetyped(map[string]*onnx.Tensor{w.Name: half})
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Inputs[len(g.Inputs)-1].Type.String(); s != "FLOAT16[2 2]" || g.Initializers[0].String() != "FLOAT16[2 2]" {
		t.Errorf("declared %s, the data is %s", s, g.Initializers[0])
	}
}
