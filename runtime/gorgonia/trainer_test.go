package gorgonia_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"alexctl/internal/hashed"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

// headModel is a linear classifier of 1x2x2 images: nodes make "logits" from "flat"
// and the initializers w (3, 4) and b (3).
func headModel(t *testing.T, nodes ...*onnx.Node) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{Name: "head"}
	for name, dims := range map[string][]int64{"w": {3, 4}, "b": {3}} {
		p, err := hashed.Parameter(name, dims)
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, p)
	}
	g.Nodes = append([]*onnx.Node{{Name: "flat", OpType: "Flatten", Inputs: []string{"x"}, Outputs: []string{"flat"}}}, nodes...)
	n := onnx.Symbol("N")
	g.Inputs = []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(1), onnx.Known(2), onnx.Known(2)})}}
	g.Outputs = []*onnx.Value{{Name: "logits", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(3)})}}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

func node(opType string, in, out string) *onnx.Node {
	return &onnx.Node{Name: out, OpType: opType, Inputs: strings.Fields(in), Outputs: strings.Fields(out)}
}

// TestEvaluatorSeesNewWeights trains weights that reach their layer through nodes
// which could be folded as long as they do not change.
func TestEvaluatorSeesNewWeights(t *testing.T) {
	m := headModel(t,
		node("Transpose", "w", "wt"), node("Identity", "b", "b2"),
		node("MatMul", "flat wt", "product"), node("Add", "product b2", "logits"))
	trainer, err := gorgonia.NewTrainer[float32](m, gorgonia.TrainOptions{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(trainer.Parameters()); n != 2 {
		t.Fatalf("%d parameters are trained, want w and b", n)
	}
	evaluator, err := trainer.Evaluator(2)
	if err != nil {
		t.Fatal(err)
	}
	images := hashed.Numbers("images", 8, 1)
	if _, err := trainer.Step(t.Context(), 0, images, []int{0, 2}); err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(trainer.LogitsOf())
	for i, g := range trainer.Gradients() {
		for k, v := range g {
			trainer.Parameters()[i].Data[k] -= v
		}
	}
	if _, err := trainer.Step(t.Context(), 1, images, []int{0, 2}); err != nil {
		t.Fatal(err)
	}
	got, err := evaluator.Run(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(before, got) || !slices.Equal(trainer.LogitsOf(), got) {
		t.Errorf("evaluation gives %v, training %v, before the update %v", got, trainer.LogitsOf(), before)
	}
}

func TestTrainerRefuses(t *testing.T) {
	gemm := &onnx.Node{Name: "gemm", OpType: "Gemm", Inputs: []string{"flat", "w", "b"}, Outputs: []string{"g"},
		Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}}
	cast := &onnx.Node{Name: "cast", OpType: "Cast", Inputs: []string{"g"}, Outputs: []string{"logits"},
		Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}}
	_, err := gorgonia.NewTrainer[float32](headModel(t, gemm, cast), gorgonia.TrainOptions{Batch: 2})
	var unsupported *gorgonia.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Node != "cast" {
		t.Errorf("error is %v, want one that names the node", err)
	}
	last := *gemm
	last.Outputs = []string{"logits"}
	frozen := gorgonia.TrainOptions{Batch: 2, Frozen: func(string) bool { return true }}
	if _, err := gorgonia.NewTrainer[float32](headModel(t, &last), frozen); err == nil || !strings.Contains(err.Error(), "no weight") {
		t.Errorf("everything frozen: %v", err)
	}
	trainer, err := gorgonia.NewTrainer[float32](headModel(t, &last), gorgonia.TrainOptions{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Step(t.Context(), 0, make([]float32, 8), []int{0, 3}); err == nil {
		t.Error("a label that is no class was accepted")
	}
	if _, err := trainer.Step(t.Context(), 0, make([]float32, 7), []int{0, 1}); err == nil {
		t.Error("half an image was accepted")
	}
}
