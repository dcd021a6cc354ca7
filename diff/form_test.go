package diff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"alexctl/diff"
	"alexctl/onnx"
	"alexctl/runtime"
)

// chain is a model of the nodes, each of which reads the one before it.
func chain(nodes ...*onnx.Node) *onnx.Model {
	last := "x"
	for _, n := range nodes {
		n.Inputs, n.Outputs = append([]string{last}, n.Inputs...), []string{n.Name + "_y"}
		last = n.Outputs[0]
	}
	g := &onnx.Graph{Name: "g", Nodes: nodes,
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 4, 7, 7))}},
		Outputs: []*onnx.Value{{Name: last, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.UnknownDim, onnx.UnknownDim, onnx.UnknownDim, onnx.UnknownDim})}}}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

func pool(attrs ...*onnx.Attribute) *onnx.Node {
	return &onnx.Node{Name: "pool", OpType: "AveragePool", Attributes: append(attrs, onnx.IntsAttr("kernel_shape", 3, 3))}
}

func clip(most float32) *onnx.Node {
	return &onnx.Node{Name: "clip", OpType: "Clip", Attributes: []*onnx.Attribute{onnx.FloatAttr("max", most)}}
}

// TestForm compares functions that are the same in another form with ones that are not.
func TestForm(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	x := make([]float32, 4*7*7)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	in := []runtime.Tensors{{"x": {Type: onnx.Float, Shape: []int{1, 4, 7, 7}, Data: x}}}
	include, pads := onnx.IntAttr("count_include_pad", 1), onnx.IntsAttr("pads", 1, 1, 1, 1)
	lrn := func(name string, alpha float32) *onnx.Node {
		return &onnx.Node{Name: name, OpType: "LRN", Attributes: []*onnx.Attribute{onnx.IntAttr("size", 3), onnx.FloatAttr("alpha", alpha)}}
	}
	old := func(m *onnx.Model) *onnx.Model { // Clip had attributes once
		m.OperatorSets[0].Version = 10
		return m
	}
	renamed := chain(lrn("other", 0.1), &onnx.Node{Name: "names", OpType: "Relu"})
	for name, c := range map[string]struct {
		a, b    *onnx.Model
		verdict string
	}{
		"no pads to count":         {chain(pool()), chain(pool(include)), diff.Equivalent},
		"pads to count":            {chain(pool(pads)), chain(pool(pads, include)), diff.Different},
		"SAME_UPPER is these pads": {chain(pool(pads)), chain(pool(onnx.StringAttr("auto_pad", "SAME_UPPER"))), diff.Equivalent},
		"VALID is no pads":         {chain(pool()), chain(pool(onnx.StringAttr("auto_pad", "VALID"))), diff.Equivalent},
		"SAME_UPPER is not none":   {chain(pool()), chain(pool(onnx.StringAttr("auto_pad", "SAME_UPPER"))), diff.Different},
		"a limit out of reach":     {old(chain(clip(50))), old(chain(clip(60))), diff.Different},
		"a small alpha":            {chain(lrn("n", 1e-6)), chain(lrn("n", 2e-6)), diff.Different},
		"other names":              {chain(lrn("n", 0.1), &onnx.Node{Name: "r", OpType: "Relu"}), renamed, diff.Identical},
	} {
		d, err := diff.Models(t.Context(), c.a, c.b, in, diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Verdict != c.verdict || d.OK != slices.Contains([]string{diff.Identical, diff.Equivalent}, c.verdict) || c.verdict == diff.Equivalent && len(d.Remarks) == 0 {
			t.Errorf("%s: %s, want %s; findings %+v, remarks %v", name, d.Verdict, c.verdict, d.Findings, d.Remarks)
		}
	}
}

// TestManyNodes compares models of more nodes than are aligned: what occurs how often is said,
// and so is what is not compared.
func TestManyNodes(t *testing.T) {
	long := func(last string) *onnx.Model {
		var nodes []*onnx.Node
		for i := range 4200 {
			nodes = append(nodes, &onnx.Node{Name: fmt.Sprint("n", i), OpType: "Identity"})
		}
		return chain(append(nodes, &onnx.Node{Name: "last", OpType: last})...)
	}
	x := make([]float32, 4*7*7)
	for i := range x {
		x[i] = float32(i) - 90
	}
	in := []runtime.Tensors{{"x": {Type: onnx.Float, Shape: []int{1, 4, 7, 7}, Data: x}}}
	d, err := diff.Models(t.Context(), long("Relu"), long("Neg"), in, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.OK || len(d.Unchecked) == 0 || !slices.ContainsFunc(d.Findings, func(f diff.Difference) bool { return f.What == "1 more Relu than in the other model" }) {
		t.Errorf("%v %+v %v", d.OK, d.Findings, d.Unchecked)
	}
}
