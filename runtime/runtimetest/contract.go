package runtimetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
)

// contractModel is Conv, Relu and a second output, over a symbolic batch.
func contractModel(t *testing.T) *onnx.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 2))
	w, err := onnx.FromFloat32s("w", []int64{4, 3, 3, 3}, random(r, 4, 3, 3, 3).Data.([]float32))
	if err != nil {
		t.Fatal(err)
	}
	shape := func(c, h, w int64) *onnx.Type {
		return onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(c), onnx.Known(h), onnx.Known(w)})
	}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "contract",
		Nodes: []*onnx.Node{
			{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}},
			{Name: "relu", OpType: "Relu", Inputs: []string{"c"}, Outputs: []string{"y"}},
		},
		Initializers: []*onnx.Tensor{w},
		Inputs:       []*onnx.Value{{Name: "x", Type: shape(3, 8, 8)}},
		Outputs:      []*onnx.Value{{Name: "y", Type: shape(4, 6, 6)}, {Name: "c", Type: shape(4, 6, 6)}},
	}}
}

func testContract(t *testing.T, e runtime.Engine) {
	r := rand.New(rand.NewPCG(6, 2))
	s, err := e.Prepare(t.Context(), contractModel(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	t.Run("bad inputs", func(t *testing.T) {
		for name, c := range map[string]struct {
			in   runtime.Tensors
			want string
		}{
			"missing":    {runtime.Tensors{}, `"x"`},
			"nil":        {runtime.Tensors{"x": nil}, `"x"`},
			"extra":      {runtime.Tensors{"x": random(r, 1, 3, 8, 8), "z": random(r, 1)}, `"z"`},
			"wrong rank": {runtime.Tensors{"x": random(r, 3, 8, 8)}, "[3 8 8]"},
			"wrong size": {runtime.Tensors{"x": random(r, 1, 3, 8, 9)}, "[1 3 8 9]"},
			"wrong type": {runtime.Tensors{"x": ints(1)}, "INT64"},
			"short data": {runtime.Tensors{"x": {Type: onnx.Float, Shape: []int{1, 3, 8, 8}, Data: make([]float32, 5)}}, "data"},
		} {
			if _, err := s.Run(t.Context(), c.in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error is %v, want one with %s", name, err, c.want)
			}
		}
	})
	t.Run("input as output", func(t *testing.T) {
		m := contractModel(t)
		m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Inputs[0])
		s, err := e.Prepare(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		x := random(r, 2, 3, 8, 8)
		out, err := s.Run(t.Context(), runtime.Tensors{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := out["x"].Float64s()
		want, _ := x.Float64s()
		if !slices.Equal(got, want) {
			t.Error("an output that is an input differs from it")
		}
	})
	t.Run("rows are independent", func(t *testing.T) { testRows(t, s, r) })
	t.Run("outputs and inputs", func(t *testing.T) { testOwnership(t, s, r) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, s, r) })
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Run(ctx, runtime.Tensors{"x": random(r, 1, 3, 8, 8)})
		errorsIs(t, err, context.Canceled)
	})
	t.Run("empty batch", func(t *testing.T) {
		out, err := s.Run(t.Context(), runtime.Tensors{"x": random(r, 0, 3, 8, 8)})
		if err != nil || fmt.Sprint(out["y"].Shape) != "[0 4 6 6]" {
			t.Errorf("output %v, error %v", out["y"], err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Run(t.Context(), runtime.Tensors{"x": random(r, 1, 3, 8, 8)})
		errorsIs(t, err, runtime.ErrClosed)
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
	t.Run("invalid model", func(t *testing.T) {
		m := contractModel(t)
		m.Graph.Nodes[1].OpType = "Rellu"
		if _, err := e.Prepare(t.Context(), m); err == nil {
			t.Error("a model with an unknown operator was accepted")
		}
	})
}

func mustRun(t *testing.T, s runtime.Session, x *runtime.Tensor) []float64 {
	t.Helper()
	out, err := s.Run(t.Context(), runtime.Tensors{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	v, err := out["y"].Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// testRows runs five images together and one by one.
func testRows(t *testing.T, s runtime.Session, r *rand.Rand) {
	x := random(r, 5, 3, 8, 8)
	all := mustRun(t, s, x)
	const in, out = 3 * 8 * 8, 4 * 6 * 6
	for i := range 5 {
		row := &runtime.Tensor{Type: onnx.Float, Shape: []int{1, 3, 8, 8}, Data: x.Data.([]float32)[i*in : (i+1)*in]}
		if e := Compare(mustRun(t, s, row), all[i*out:(i+1)*out]).Scaled; e > FloatTolerance {
			t.Errorf("image %d alone differs by %g from the same image in a batch", i, e)
		}
	}
}

func testOwnership(t *testing.T, s runtime.Session, r *rand.Rand) {
	x := random(r, 2, 3, 8, 8)
	before := slices.Clone(x.Data.([]float32))
	first := mustRun(t, s, x)
	kept := slices.Clone(first)
	mustRun(t, s, random(r, 2, 3, 8, 8))
	if !slices.Equal(first, kept) {
		t.Error("a later Run changed an earlier output")
	}
	if !slices.Equal(before, x.Data.([]float32)) {
		t.Error("Run changed its input")
	}
	out, err := s.Run(t.Context(), runtime.Tensors{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := out["c"].Float64s()
	y, _ := out["y"].Float64s()
	for i := range y {
		if max(c[i], 0) != y[i] {
			t.Fatalf("element %d: Relu of the second output %g is %g", i, c[i], y[i])
		}
	}
}

func testConcurrent(t *testing.T, s runtime.Session, r *rand.Rand) {
	x := random(r, 2, 3, 8, 8)
	want := mustRun(t, s, x)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				out, err := s.Run(t.Context(), runtime.Tensors{"x": x})
				if err != nil {
					t.Error(err)
					return
				}
				if got, _ := out["y"].Float64s(); !slices.Equal(got, want) {
					t.Error("concurrent runs differ")
				}
			}
		})
	}
	wg.Wait()
}
