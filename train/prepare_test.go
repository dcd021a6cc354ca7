package train_test

import (
	"slices"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/train"
)

// exported is a model as PyTorch writes one for training: Dropout with a mask that
// nobody reads, BatchNormalization with training_mode and running statistics that are
// an Identity of its parameters, a weight in a Constant.
func exported(t *testing.T) *onnx.Model {
	t.Helper()
	m := smallModel(t, 6)
	g := m.Graph
	bias, err := onnx.FromFloat32s("", []int64{6}, make([]float32, 6))
	if err != nil {
		t.Fatal(err)
	}
	truth, err := onnx.FromBytes("training", onnx.Bool, nil, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	g.Initializers = append(g.Initializers, truth)
	g.Nodes = append([]*onnx.Node{
		{Name: "mean", OpType: "Identity", Inputs: []string{"bn.bias"}, Outputs: []string{"mean"}},
		{Name: "constant", OpType: "Constant", Outputs: []string{"bias"}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", bias)}},
	}, g.Nodes...)
	for _, n := range g.Nodes {
		switch n.OpType {
		case "BatchNormalization":
			n.Inputs[3] = "mean"
			n.Outputs = append(n.Outputs, "running_mean", "running_var")
			n.Attributes = append(n.Attributes, onnx.IntAttr("training_mode", 1))
		case "Dropout":
			n.Inputs = append(n.Inputs, "training")
			n.Outputs = append(n.Outputs, "mask")
		case "Gemm":
			n.Inputs[2] = "bias"
		}
	}
	m.OperatorSets[0].Version = 15
	g.ValueInfo = append(g.ValueInfo, &onnx.Value{Name: "fc.weight", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(6, 288))})
	return m
}

// TestPrepareSeparatesNorms has one initializer for a scale and a variance, as
// exporters write what is equal.
func TestPrepareSeparatesNorms(t *testing.T) {
	m := smallModel(t, 6)
	for _, n := range m.Graph.Nodes {
		if n.OpType == "BatchNormalization" {
			n.Inputs[4] = n.Inputs[1]
		}
	}
	p, _, err := train.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Graph.Nodes {
		if n.OpType == "BatchNormalization" && (n.Inputs[1] == n.Inputs[4] || p.Graph.Initializer(n.Inputs[1]) == nil || p.Graph.Initializer(n.Inputs[4]) == nil) {
			t.Errorf("BatchNormalization reads %v", n.Inputs)
		}
	}
}

func TestPrepare(t *testing.T) {
	m, _, err := train.Prepare(exported(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Nodes {
		switch n.OpType {
		case "Constant", "Identity":
			t.Errorf("node %s is left", n.Name)
		case "Dropout":
			if len(n.Inputs) != 2 || len(n.Outputs) != 1 {
				t.Errorf("Dropout has inputs %v and outputs %v", n.Inputs, n.Outputs)
			}
		case "BatchNormalization":
			if len(n.Outputs) != 1 || n.Attribute("training_mode") != nil || m.Graph.Initializer(n.Inputs[3]) == nil {
				t.Errorf("BatchNormalization has inputs %v and outputs %v", n.Inputs, n.Outputs)
			}
		}
	}
	if m.Graph.Initializer("bias") == nil || m.Graph.Initializer("fc.bias") != nil {
		t.Error("the bias in the Constant is not an initializer, or an unread one is left")
	}
	stripped, _, err := pass.Run(m, pass.Strip())
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(stripped.Graph.Nodes, func(n *onnx.Node) bool { return n.OpType == "Dropout" }) {
		t.Error("a Dropout is left")
	}
	if err := op.Check(stripped).Err(); err != nil {
		t.Errorf("stripped: %v", err)
	}
}

func TestReplaceHead(t *testing.T) {
	prepared, _, err := train.Prepare(exported(t))
	if err != nil {
		t.Fatal(err)
	}
	prepared.Graph.Inputs = append(prepared.Graph.Inputs, // as files of old had it
		&onnx.Value{Name: "bias", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(6))})
	m, _, err := pass.Run(prepared, pass.ReplaceHead{Classes: 3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Check(m).Err(); err != nil {
		t.Error(err)
	}
	if s := m.Graph.Outputs[0].Type.String(); s != "FLOAT[N 3]" {
		t.Errorf("the output is %s", s)
	}
	if w := m.Graph.Initializer("fc.weight"); w.Dims[0] != 3 {
		t.Errorf("the weight is %s", w)
	}
	ends := smallModel(t, 6)
	ends.Graph.Nodes = ends.Graph.Nodes[:7]
	ends.Graph.Outputs[0].Name = "r2"
	if _, _, err := pass.Run(ends, pass.ReplaceHead{Classes: 3, Seed: 1}); err == nil {
		t.Error("a model that ends in a Relu got a new head")
	}
}
